"""gpu-budget: what a stack may hold of GPUs at most is known, and no more than it was given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policy_rules.counts import whole
from policy_rules.replicas import Count, counts
from policy_rules.resources import Resource
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import EACH
from policy_rules.workloads import CONTAINERS, pods

_READ: Final = (*(("spec", name, EACH, "resources") for name in CONTAINERS), ("spec", "resources"))
_MAXIMUM_CURE: Final = "give its autoscaler a maximum, or name it in maximums: NAMESPACE/NAME: REPLICAS"


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: budgets, per stack a mapping from resource to devices, and maximums, per pool the most replicas.

    A stack without a budget has no limit here, but a maximum it must have.
    """
    stack = next((resource.stack for resource in resources), "")
    budget: Mapping[str, Any] | None = settings.get("budgets", {}).get(stack)
    wanted: dict[str, int] = {}
    for count in counts(resources, settings.get("maximums", {})):
        if count.most is None:
            yield from _uncounted(count, has_budget=budget is not None)
        for name, number in count.devices.items():
            wanted[name] = wanted.get(name, 0) + number * (count.most or 0)
    if budget is None:
        return
    for resource, pod in pods(resources):
        yield from (Violation(resource.urn, message) for message in unjudged(pod.not_known(*_READ)))
    urn = next((resource.urn for resource in resources if resource.type == "pulumi:pulumi:Stack"), "")
    for name, number in sorted(wanted.items()):
        allowed = whole(budget.get(name, 0)) or 0
        if number > allowed:
            cure = "lower replicas or gpu.count, or have the budget raised"
            yield Violation(urn, sentence(f"stack {stack}", f"{number} {name}", f"at most {allowed}", cure))


def _uncounted(count: Count, *, has_budget: bool) -> Iterator[Violation]:
    """What asks for GPUs, or may, in a number that nobody knows."""
    place = f"{count.resource.kind} {count.resource.object_name or count.resource.name}"
    if count.is_autoscaled and (count.devices or count.resource.kind in ("HorizontalPodAutoscaler", "ScaledObject")):
        yield Violation(count.resource.urn, sentence(place, count.reason, "a maximum", _MAXIMUM_CURE))
    elif has_budget and (count.devices or count.resource.is_patch):
        cure = "write the workload with a number of replicas"
        yield Violation(count.resource.urn, sentence(place, count.reason, "a number that can be counted", cure))


RULE: Final = Rule(
    "gpu-budget",
    "Replicas times GPUs stay within the stack's budget.",
    check,
    whole_stack=True,
    settings={
        "budgets": {"type": "object", "additionalProperties": {"type": "object"}, "default": {}},
        "maximums": {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}},
    },
)
