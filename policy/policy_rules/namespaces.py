"""namespace-quota: a namespace of runners caps its GPUs and enforces `restricted`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policy_rules.counts import whole
from policy_rules.gpus import devices, is_device
from policy_rules.resources import NAME_LABEL, REGISTRAR, Resource, is_set, mapping, objects, text
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import UNKNOWN, has_unknown
from policy_rules.workloads import Pod, is_registrar, pods

_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_VERSION: Final = f"{_ENFORCE}-version"
# The oldest whose `restricted` asks for all that restricted-pod asks for (a seccomp profile, ALL capabilities dropped).
_OLDEST_MINOR: Final = 25
_QUOTA_CURE: Final = "set quota.gpus of the environment, 0 where it has none"


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges the namespaces that the stack declares; those of another stack are that stack's to judge."""
    declared = list(objects(resources))
    exempt = _of_the_registrar(declared)
    for resource in declared:
        if resource.kind != "Namespace":
            continue
        name = resource.object_name or resource.name
        yield from (Violation(resource.urn, message) for message in _judge_labels(resource, name))
        if not resource.is_patch and name != exempt:
            yield from (Violation(resource.urn, message) for message in _judge_quota(declared, name))
    for resource in declared:
        if resource.kind == "ResourceQuota":
            yield from (Violation(resource.urn, message) for message in _judge_cap(resource))
    for resource, pod in pods(declared):
        if _devices(pod) and mapping(resource.inputs, "metadata").get("namespace") is UNKNOWN:
            yield from (Violation(resource.urn, message) for message in unjudged(["metadata.namespace"]))


def _judge_labels(resource: Resource, name: str) -> Iterator[str]:
    labels = mapping(resource.inputs, "metadata").get("labels")
    if labels is UNKNOWN:
        yield from unjudged([f"namespace {name}: metadata.labels"])
        return
    labels = labels if isinstance(labels, Mapping) else {}
    if _ENFORCE in labels or not resource.is_patch:
        level = labels.get(_ENFORCE)
        if level != "restricted":
            found = str(level or "no Pod Security level")
            yield sentence(f"namespace {name}", found, "restricted", f"set the label {_ENFORCE}")
    version = labels.get(_VERSION)
    if version is not None and not _is_recent(version):
        cure = f"set the label {_VERSION} to a version since v1.{_OLDEST_MINOR}, or leave it out"
        yield sentence(f"namespace {name}", f"restricted as of {version}", f"since v1.{_OLDEST_MINOR}", cure)


def _judge_cap(resource: Resource) -> Iterator[str]:
    """A quota itself."""
    if has_unknown(resource.inputs.get("spec")):
        yield from unjudged(["spec.hard"])
    if resource.is_patch and is_set(resource.inputs, "spec"):
        name = f"quota {resource.object_name or resource.name}"
        yield sentence(name, "a patch of what it caps", "the quota as it is declared", _QUOTA_CURE)


def _is_recent(version: Any) -> bool:
    major, _, minor = str(version).partition(".")
    return version == "latest" or (major == "v1" and (whole(minor) or 0) >= _OLDEST_MINOR)


def _judge_quota(declared: Sequence[Resource], name: str) -> Iterator[str]:
    caps = {cap for resource in declared for cap in _caps(resource, name)}
    if not caps:
        yield sentence(f"namespace {name}", "no cap on GPUs", "a ResourceQuota that caps a GPU resource", _QUOTA_CURE)
        return
    asked = {device for resource, pod in pods(declared) if resource.namespace == name for device in _devices(pod)}
    for device in sorted(asked - caps):
        yield sentence(
            f"namespace {name}", f"no cap on {device}", f"a ResourceQuota with requests.{device}", _QUOTA_CURE
        )


def _devices(pod: Pod) -> set[str]:
    sides = ("limits", "requests")
    return {device for container in pod.containers() for side in sides for device in devices(container, side)}


def _caps(resource: Resource, namespace: str) -> set[str]:
    """The devices that a quota caps. One with scopes counts some pods only."""
    if resource.kind != "ResourceQuota" or resource.is_patch or resource.namespace != namespace:
        return set()
    spec = mapping(resource.inputs, "spec")
    if spec.get("scopes") or spec.get("scopeSelector"):
        return set()
    names = [name for name, count in mapping(spec, "hard").items() if whole(count) is not None]
    return {name.removeprefix("requests.") for name in names if name.startswith("requests.") and is_device(name[9:])}


def _of_the_registrar(declared: Sequence[Resource]) -> str:
    """The one namespace without runners: the registrar's, and nothing else of the stack is in it. "" for none."""
    places = [resource.namespace for resource, pod in pods(declared) if is_registrar(resource, pod)]
    others = {resource.namespace for resource, pod in pods(declared) if not is_registrar(resource, pod)}
    labelled = {
        resource.object_name
        for resource in declared
        if resource.kind == "Namespace"
        and text(mapping(mapping(resource.inputs, "metadata"), "labels"), NAME_LABEL) == REGISTRAR
    }
    return places[0] if len(places) == 1 and places[0] not in others and places[0] in labelled else ""


RULE: Final = Rule("namespace-quota", "Namespaces of runners cap their GPUs.", check, whole_stack=True)
