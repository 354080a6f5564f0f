"""label-owner: a runner label belongs to one stack, since the forge hands a job to any runner that has its labels."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import RUNNER_LABELS_ANNOTATION, Resource
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.workloads import pods

_READ: Final = (("metadata", "annotations", RUNNER_LABELS_ANNOTATION),)


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: owners, a mapping from runner label to the stack that serves it; what it does not name is free."""
    # A forge tells labels apart by their letters and not by their case.
    owners = {label.strip().casefold(): owner for label, owner in settings.get("owners", {}).items()}
    for resource, pod in pods(resources):
        yield from (Violation(resource.urn, message) for message in unjudged(pod.not_known(*_READ)))
        for label in pod.runner_labels:
            owner = owners.get(label.casefold(), resource.stack)
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
