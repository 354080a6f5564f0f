"""gpu-placement: whoever asks for GPUs may stand on their nodes, and nobody else gets near them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policy_rules.counts import whole
from policy_rules.resources import Json, Resource, is_set, mapping, mappings, text
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import EACH
from policy_rules.workloads import CONTAINERS, Pod, is_prepull, pods

# Devices that are no GPUs but are asked for in the same way.
_OTHER_DOMAINS: Final = frozenset({"kubernetes.io", "rdma"})
_GPU_DOMAINS: Final = frozenset({"nvidia.com", "amd.com", "gpu.intel.com", "habana.ai", "aws.amazon.com"})
# What makes a container runtime bring devices that nobody asked the scheduler for: of which domain, and what says none.
# Images say "all" themselves, so that silence is no "none"; to Habana's runtime `void` is all of them.
_VISIBLE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "NVIDIA_VISIBLE_DEVICES": ("nvidia.com", ("void",)),
    "AMD_VISIBLE_DEVICES": ("amd.com", ("void", "none")),
    "ASCEND_VISIBLE_DEVICES": ("huawei.com", ("void",)),
    "AWS_NEURON_VISIBLE_DEVICES": ("aws.amazon.com", ("none",)),
    "HABANA_VISIBLE_DEVICES": ("habana.ai", ("none",)),
}
# Past the scheduler, or past the count of devices.
_NEVER: Final[Mapping[str, str]] = {
    "nodeName": "let the scheduler choose: it heeds taints",
    "resourceClaims": "ask for devices as a limit: claims are counted nowhere",
}
_READ: Final = (
    *(("spec", name, EACH, part) for name in CONTAINERS for part in ("resources", "env")),
    ("spec", "resources"),
    ("spec", "tolerations"),
    *(("spec", name) for name in (*_NEVER, "runtimeClassName")),
)


def devices(container: Json, side: str) -> dict[str, object]:
    """The devices under `limits` or `requests`: resource to count as written."""
    amounts = mapping(mapping(container, "resources"), side)
    return {name: count for name, count in amounts.items() if is_device(name)}


def is_device(name: str) -> bool:
    """Whether a resource is a GPU or its like: in a domain of its own, and of none that is known for something else."""
    return "/" in name and domain(name) not in _OTHER_DOMAINS


def domain(name: str) -> str:
    """`nvidia.com` of `nvidia.com/mig-1g.10gb`."""
    return name.partition("/")[0]


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: taints, keys of taints that GPU nodes carry and that do not name their resource's domain, and
    runtimeClasses, those that a pod without GPUs may have.
    """
    taints, runtimes = settings.get("taints", []), settings.get("runtimeClasses", [])
    for resource, pod in pods(resources):
        yield from (Violation(resource.urn, message) for message in unjudged(pod.not_known(*_READ)))
        stands_by = is_prepull(resource, pod)
        judged = _judge(pod, taints, runtimes, stands_by=stands_by)
        yield from (Violation(resource.urn, message) for message in judged)


def _judge(pod: Pod, taints: Sequence[str], runtimes: Sequence[str], *, stands_by: bool) -> Iterator[str]:
    """stands_by: whether it may be on GPU nodes without one, as it only has images pulled there."""
    for name, cure in _NEVER.items():
        if is_set(pod.spec, name):
            yield sentence(name, text(pod.spec, name) or "something", "nothing", cure)
    keys = [text(toleration, "key") for toleration in mappings(pod.spec, "tolerations")]
    asked: dict[str, object] = {}
    for container in [*pod.containers(), {"resources": pod.spec.get("resources")}]:
        limits, requests = devices(container, "limits"), devices(container, "requests")
        asked |= {**requests, **limits}
        place = f"container {text(container, 'name')}" if "name" in container else "the pod"
        # Without a toleration no pod gets to nodes that are kept for GPUs; the usual runtime brings none by itself.
        must_say = "name" in container and (pod.is_runner or bool(keys) or is_set(pod.spec, "runtimeClassName"))
        for name in sorted({*limits, *requests}):
            yield from _judge_count(place, name, limits.get(name), requests.get(name))
        yield from _judge_visible(place, container, {**requests, **limits}, must_say=must_say)
    runtime = text(pod.spec, "runtimeClassName")
    if runtime and not asked and runtime not in runtimes:
        cure = "remove it, or name it in runtimeClasses: a runtime may bring devices that nobody counts"
        yield sentence("runtimeClassName", f"{runtime} in a pod without GPUs", "the usual runtime", cure)
    if not stands_by or asked or "" in keys:
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


def _judge_visible(place: str, container: Json, asked: Mapping[str, object], *, must_say: bool) -> Iterator[str]:
    """A runtime believes these variables, whatever the container was given by the device plugin."""
    variables = list(mappings(container, "env"))
    for name, (vendor, none) in _VISIBLE.items():
        is_asked = any(domain(resource) == vendor for resource in asked)
        values = [text(variable, "value") for variable in variables if text(variable, "name") == name]
        cure = "remove it: the device plugin sets it" if is_asked else f"say {none[0]}, or ask for devices as a limit"
        allowed = "none" if is_asked else " or ".join(none)
        for value in values:
            if is_asked or value not in none:
                yield sentence(place, f"variable {name}={value or 'from elsewhere'}", allowed, cure)
        if must_say and not (values or is_asked):
            yield sentence(place, f"no variable {name}, and its image may say all", allowed, cure)


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
        if not asked and (key in taints or domain(key) in _GPU_DOMAINS):
            yield sentence(
                "tolerations", f"{key} in a pool without GPUs", "no GPU node's taint", "set gpu, or remove it"
            )


RULE: Final = Rule(
    "gpu-placement",
    "GPUs are a limit with a matching toleration.",
    check,
    settings={
        "taints": {"type": "array", "items": {"type": "string"}, "default": ["sku"]},
        "runtimeClasses": {"type": "array", "items": {"type": "string"}, "default": []},
    },
)
