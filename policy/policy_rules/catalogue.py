"""All rules of the pack."""

from typing import Final

from policy_rules import budget, credentials, gpus, images, known_kinds, labels, namespaces, pod_security, runner_groups
from policy_rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    known_kinds.RULE,
    images.RULE,
    gpus.RULE,
    credentials.RULE,
    pod_security.RULE,
    namespaces.RULE,
    runner_groups.RULE,
    labels.RULE,
    budget.RULE,
)
