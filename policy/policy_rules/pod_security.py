"""restricted-pod: every pod passes Pod Security `restricted`, said before the API server refuses it."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import Json, Pod, Resource, mapping, mappings, pods, text
from policy_rules.rule import Rule, Settings, Violation, sentence

VOLUMES: Final = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
)
_PROFILES: Final = ("RuntimeDefault", "Localhost")
_CURE: Final = "leave it as the program writes it"


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges every workload, the registrar's too."""
    for resource, pod in pods(resources):
        yield from (Violation(resource.urn, message) for message in _judge(pod))


def _judge(pod: Pod) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(name):
            yield sentence(name, "true", "false", _CURE)
    for volume in mappings(pod.spec, "volumes"):
        for kind in sorted(set(volume) - {"name"} - VOLUMES):
            yield sentence(f"volume {text(volume, 'name')}", kind, ", ".join(sorted(VOLUMES)), "use an emptyDir")
    context = mapping(pod.spec, "securityContext")
    for container in pod.containers():
        yield from _judge_container(container, context)


def _judge_container(container: Json, pod_context: Json) -> Iterator[str]:
    place = f"container {text(container, 'name')}"
    own = mapping(container, "securityContext")
    both = {**pod_context, **own}
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield sentence(place, "a user that may be root", "runAsNonRoot: true and another uid than 0", _CURE)
    if text(mapping(both, "seccompProfile"), "type") not in _PROFILES:
        yield sentence(place, "no seccomp profile", " or ".join(_PROFILES), _CURE)
    if own.get("privileged"):
        yield sentence(place, "privileged", "privileged: false", _CURE)
    if own.get("allowPrivilegeEscalation") is not False:
        yield sentence(place, "privilege escalation", "allowPrivilegeEscalation: false", _CURE)
    capabilities = mapping(own, "capabilities")
    if "ALL" not in (capabilities.get("drop") or []):
        yield sentence(place, "capabilities", "drop: [ALL]", _CURE)
    added = [name for name in capabilities.get("add") or [] if name != "NET_BIND_SERVICE"]
    if added:
        yield sentence(place, f"added capabilities {', '.join(added)}", "none", _CURE)
    if any(port.get("hostPort") for port in mappings(container, "ports")):
        yield sentence(place, "a host port", "ports of the pod", _CURE)


RULE: Final = Rule("restricted-pod", "Pods pass Pod Security `restricted`.", check)
