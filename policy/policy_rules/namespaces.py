"""namespace-quota: a namespace of runners caps its GPUs and enforces `restricted`."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import NAME_LABEL, RUNNERS, Resource, mapping, text, whole
from policy_rules.rule import Rule, Settings, Violation, sentence

_ENFORCE: Final = "pod-security.kubernetes.io/enforce"


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges the namespaces that the stack declares; those of another stack are that stack's to judge."""
    for resource in resources:
        labels = mapping(mapping(resource.inputs, "metadata"), "labels")
        if resource.kind != "Namespace" or text(labels, NAME_LABEL) != RUNNERS:
            continue
        name = text(mapping(resource.inputs, "metadata"), "name")
        if text(labels, _ENFORCE) != "restricted":
            found = text(labels, _ENFORCE) or "no Pod Security level"
            cure = f"set the label {_ENFORCE}"
            yield Violation(resource.urn, sentence(f"namespace {name}", found, "restricted", cure))
        if not any(_caps_gpus(other, name) for other in resources):
            cure = "set quota.gpus of the environment, 0 where it has none"
            allowed = "a ResourceQuota that caps a GPU resource"
            yield Violation(resource.urn, sentence(f"namespace {name}", "no cap on GPUs", allowed, cure))


def _caps_gpus(resource: Resource, namespace: str) -> bool:
    if resource.kind != "ResourceQuota" or resource.namespace != namespace:
        return False
    hard = mapping(mapping(resource.inputs, "spec"), "hard")
    return any(
        name.startswith("requests.") and "/" in name and whole(count) is not None for name, count in hard.items()
    )


RULE: Final = Rule("namespace-quota", "Namespaces of runners cap their GPUs.", check, whole_stack=True)
