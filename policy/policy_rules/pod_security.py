"""restricted-pod: every pod passes Pod Security `restricted`, said before the API server refuses it. A closed world:
a field that is not named here is refused, so that one of a later Kubernetes is no way around.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.pod_fields import (
    ACCEPTED_CONTAINER,
    ACCEPTED_CONTAINER_CONTEXT,
    ACCEPTED_POD,
    ACCEPTED_POD_CONTEXT,
    HOST_NAMESPACES,
    MAY_BE_UNKNOWN,
    VOLUMES,
)
from policy_rules.resources import Json, Resource, is_set, mapping, mappings, text, texts
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import meets, show
from policy_rules.workloads import Pod, pods

_PROFILES: Final = ("RuntimeDefault", "Localhost")
_CURE: Final = "leave it as the program writes it"
# https://kubernetes.io/docs/concepts/security/pod-security-standards/
_SYSCTLS: Final = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
_SELINUX_TYPES: Final = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_APPARMOR: Final = re.compile(r"runtime/default|localhost/.+")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS: Final = ("postStart", "preStop")


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges every workload, the registrar's too."""
    for resource, pod in pods(resources):
        unknown = [path for path in pod.unknown if not any(_is_same(path, harmless) for harmless in MAY_BE_UNKNOWN)]
        yield from (Violation(resource.urn, message) for message in unjudged(map(show, unknown)))
        yield from (Violation(resource.urn, message) for message in _judge(pod))


def _is_same(path: Sequence[str | int], pattern: tuple[str | int, ...]) -> bool:
    return len(path) == len(pattern) and meets(tuple(path), pattern)


def _judge(pod: Pod) -> Iterator[str]:
    yield from _foreign("", pod.spec, ACCEPTED_POD)
    for name in HOST_NAMESPACES:
        if is_set(pod.spec, name):
            yield sentence(name, "true", "false", _CURE)
    if mapping(pod.spec, "os") and text(mapping(pod.spec, "os"), "name") != "linux":
        yield sentence("os", str(mapping(pod.spec, "os").get("name")), "linux", "these rules are for Linux")
    for volume in mappings(pod.spec, "volumes"):
        for kind in sorted({name for name in volume if is_set(volume, name) or volume[name] == {}} - {"name"}):
            if kind not in VOLUMES:
                yield sentence(f"volume {text(volume, 'name')}", kind, ", ".join(sorted(VOLUMES)), "use an emptyDir")
    for name, value in pod.annotations.items():
        if name.startswith(_APPARMOR_ANNOTATION) and not _APPARMOR.fullmatch(str(value)):
            yield sentence(f"annotation {name}", str(value), "runtime/default or localhost/…", _CURE)
    context = mapping(pod.spec, "securityContext")
    yield from _foreign("securityContext", context, ACCEPTED_POD_CONTEXT)
    yield from _judge_context("pod", context)
    for entry in mappings(context, "sysctls"):
        if text(entry, "name") not in _SYSCTLS:
            yield sentence(f"sysctl {text(entry, 'name')}", "one of the node's", "the safe ones", "leave it out")
    for container in pod.containers():
        yield from _judge_container(container, context)


def _judge_container(container: Json, pod_context: Json) -> Iterator[str]:
    place = f"container {text(container, 'name')}"
    own = mapping(container, "securityContext")
    yield from _foreign(place, container, ACCEPTED_CONTAINER)
    yield from _foreign(f"{place}.securityContext", own, ACCEPTED_CONTAINER_CONTEXT)
    yield from _judge_context(place, own)
    # A null of the container's leaves the pod's as it is.
    both = {**pod_context, **{name: value for name, value in own.items() if value is not None}}
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") in (0, "0"):
        yield sentence(place, "a user that may be root", "runAsNonRoot: true and another uid than 0", _CURE)
    if text(mapping(both, "seccompProfile"), "type") not in _PROFILES:
        yield sentence(place, "no seccomp profile", " or ".join(_PROFILES), _CURE)
    if is_set(own, "privileged"):
        yield sentence(place, "privileged", "privileged: false", _CURE)
    if own.get("allowPrivilegeEscalation") is not False:
        yield sentence(place, "privilege escalation", "allowPrivilegeEscalation: false", _CURE)
    if text(own, "procMount") not in ("", "Default"):
        yield sentence(place, f"procMount {text(own, 'procMount')}", "Default", _CURE)
    capabilities = mapping(own, "capabilities")
    if "ALL" not in texts(capabilities, "drop"):
        yield sentence(place, "capabilities", "drop: [ALL]", _CURE)
    added = [name for name in texts(capabilities, "add") if name != "NET_BIND_SERVICE"]
    if added:
        yield sentence(place, f"added capabilities {', '.join(added)}", "none", _CURE)
    if any(is_set(port, "hostPort") or is_set(port, "hostIP") for port in mappings(container, "ports")):
        yield sentence(place, "a host port", "ports of the pod", _CURE)
    for name, host in _hosts(container):
        yield sentence(place, f"{name} to the host {host}", "the pod itself", "leave `host` out")


def _judge_context(place: str, context: Json) -> Iterator[str]:
    """What a pod and a container may both say of who they run as."""
    for name in ("seccompProfile", "appArmorProfile"):
        profile = mapping(context, name)
        if profile and text(profile, "type") not in _PROFILES:
            yield sentence(f"{place}: {name}", str(profile.get("type")), " or ".join(_PROFILES), _CURE)
    if context.get("runAsNonRoot") is False:
        yield sentence(place, "runAsNonRoot: false", "true", _CURE)
    selinux = mapping(context, "seLinuxOptions")
    if text(selinux, "type") not in _SELINUX_TYPES:
        yield sentence(f"{place}: seLinuxOptions.type", text(selinux, "type"), ", ".join(_SELINUX_TYPES[1:]), _CURE)
    for name in ("user", "role"):
        if text(selinux, name):
            yield sentence(f"{place}: seLinuxOptions.{name}", text(selinux, name), "none", _CURE)
    if is_set(context, "windowsOptions"):
        yield sentence(place, "windowsOptions", "none", "these rules are for Linux")


def _hosts(container: Json) -> Iterator[tuple[str, str]]:
    """Where the kubelet would call somebody else in the pod's name: `restricted` refuses it since 1.34."""
    lifecycle = mapping(container, "lifecycle")
    handlers = {**{name: mapping(container, name) for name in _PROBES}, **{n: mapping(lifecycle, n) for n in _HOOKS}}
    for name, handler in handlers.items():
        for way in ("httpGet", "tcpSocket"):
            if is_set(mapping(handler, way), "host"):
                yield name, text(mapping(handler, way), "host")


def _foreign(place: str, holder: Json, accepted: frozenset[str]) -> Iterator[str]:
    """Fields that nobody has judged. One that is null or false is as good as absent."""
    for name in sorted(holder):
        if name not in accepted and is_set(holder, name):
            path = f"{place}.{name}".removeprefix(".")
            yield sentence(path, "a field that these rules do not know", "fields that they judge", "leave it out")


RULE: Final = Rule("restricted-pod", "Pods pass Pod Security `restricted`.", check)
