"""gpu-budget: the pools of a stack together ask for no more GPUs than it was given."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policy_rules.gpus import devices
from policy_rules.resources import Resource, mapping, pods, whole
from policy_rules.rule import Rule, Settings, Violation, sentence


def demand(resources: Sequence[Resource]) -> Counter[str]:
    """Devices that all pools would hold at once: replicas times limit, by resource."""
    wanted: Counter[str] = Counter()
    for resource, pod in pods(resources):
        if pod.is_runner:
            replicas = whole(mapping(resource.inputs, "spec").get("replicas", 1)) or 0
            for container in pod.containers():
                for name, count in devices(container, "limits").items():
                    wanted[name] += replicas * (whole(count) or 0)
    return wanted


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: budgets, per stack a mapping from resource to devices. A stack without a budget has no limit here."""
    stack = next((resource.stack for resource in resources), "")
    budget: Mapping[str, Any] | None = settings.get("budgets", {}).get(stack)
    if budget is None:
        return
    urn = next((resource.urn for resource in resources if resource.type == "pulumi:pulumi:Stack"), "")
    for name, count in sorted(demand(resources).items()):
        allowed = whole(budget.get(name, 0)) or 0
        if count > allowed:
            cure = "lower replicas or gpu.count, or have the budget raised"
            yield Violation(urn, sentence(f"stack {stack}", f"{count} {name}", f"at most {allowed}", cure))


RULE: Final = Rule(
    "gpu-budget",
    "Replicas times GPUs stay within the stack's budget.",
    check,
    whole_stack=True,
    settings={"budgets": {"type": "object", "additionalProperties": {"type": "object"}, "default": {}}},
)
