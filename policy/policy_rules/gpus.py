"""gpu-placement: a pool that asks for GPUs may stand on their nodes, and one that does not stays away from them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policy_rules.resources import Json, Pod, Resource, mapping, mappings, pods, text, whole
from policy_rules.rule import Rule, Settings, Violation, sentence

# Devices that are no GPUs but are asked for in the same way.
_OTHER_DOMAINS: Final = ("kubernetes.io", "hugepages", "rdma")


def devices(container: Json, side: str) -> dict[str, object]:
    """The devices under `limits` or `requests`: resource to count as written."""
    amounts = mapping(mapping(container, "resources"), side)
    return {
        name: count for name, count in amounts.items() if "/" in name and not domain(name).startswith(_OTHER_DOMAINS)
    }


def domain(name: str) -> str:
    """`nvidia.com` of `nvidia.com/mig-1g.10gb`."""
    return name.partition("/")[0]


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: taints, keys of taints that GPU nodes carry and that do not name their resource's domain."""
    taints = settings.get("taints", [])
    for resource, pod in pods(resources):
        if pod.is_runner:
            yield from (Violation(resource.urn, message) for message in _judge(pod, taints))


def _judge(pod: Pod, taints: Sequence[str]) -> Iterator[str]:
    asked: dict[str, object] = {}
    for container in pod.containers():
        limits, requests = devices(container, "limits"), devices(container, "requests")
        asked |= limits
        place = f"container {text(container, 'name')}"
        for name in sorted({*limits, *requests}):
            yield from _judge_count(place, name, limits.get(name), requests.get(name))
    keys = [text(toleration, "key") for toleration in mappings(pod.spec, "tolerations")]
    yield from _judge_tolerations(asked, keys, taints)


def _judge_count(place: str, name: str, limit: object, request: object) -> Iterator[str]:
    count = whole(limit)
    if count is None or count < 1:
        cure = "write the number of devices as a limit, or leave the resource out"
        yield sentence(place, f"{name} limit {limit}", "a whole number from 1", cure)
    elif request is not None and whole(request) != count:
        yield sentence(
            place, f"{name} request {request} and limit {limit}", "the same number", "devices are not shared"
        )


def _judge_tolerations(asked: Mapping[str, object], keys: Sequence[str], taints: Sequence[str]) -> Iterator[str]:
    if "" in keys:
        yield sentence(
            "tolerations", "one without a key", "tolerations of named taints", "name the taint of the GPU nodes"
        )
    for name in asked:
        if not any(domain(key) == domain(name) or key in taints for key in keys if key):
            wanted = f"a toleration of {domain(name)}/… or of one of the taints in the settings"
            cure = "set gpu.preset or gpu.tolerations, or name your nodes' taint in `taints`"
            yield sentence("tolerations", ", ".join(keys) or "none", wanted, cure)
    for key in keys:
        if not asked and (key in taints or domain(key) in ("nvidia.com", "amd.com", "gpu.intel.com")):
            yield sentence(
                "tolerations", f"{key} in a pool without GPUs", "no GPU node's taint", "set gpu, or remove it"
            )


RULE: Final = Rule(
    "gpu-placement",
    "GPUs are a limit with a matching toleration.",
    check,
    settings={"taints": {"type": "array", "items": {"type": "string"}, "default": ["sku"]}},
)
