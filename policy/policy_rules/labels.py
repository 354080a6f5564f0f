"""label-owner: a runner label belongs to one stack, since the forge hands a job to any runner that has its labels."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import Resource, pods
from policy_rules.rule import Rule, Settings, Violation, sentence


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: owners, a mapping from runner label to the stack that serves it; what it does not name is free."""
    owners = settings.get("owners", {})
    for resource, pod in pods(resources):
        for label in pod.runner_labels:
            owner = owners.get(label, resource.stack)
            if owner != resource.stack:
                cure = f"choose another label, or make {resource.stack} its owner"
                message = sentence(f"runner label {label}", f"a pool of {resource.stack}", f"pools of {owner}", cure)
                yield Violation(resource.urn, message)


RULE: Final = Rule(
    "label-owner",
    "No pool serves a label of another stack.",
    check,
    settings={"owners": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}},
)
