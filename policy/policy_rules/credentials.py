"""runner-credentials: job code finds nothing in its pod that outlives it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import (
    JOB_AUDIENCE,
    REGISTRAR_AUDIENCE,
    Json,
    Resource,
    is_set,
    mapping,
    mappings,
    text,
    texts,
)
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import EACH
from policy_rules.workloads import CONTAINERS, Pod, is_registrar, pods

# By name, unless it says where one is; by what follows the name in an address; by the shape that issuers give.
_NAME: Final = re.compile(
    r"(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS?|ACCESS_?KEY|API_?KEY|PRIVATE_?KEY|(?<![A-Z])PAT)(?![A-Z])",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r"(FILE|DIRECTORY|DIR|PATH|SECONDS|AUDIENCE|NAME)$", re.IGNORECASE)
_SHAPE: Final = re.compile(
    r"\bgh[pousr]_\w{8,}|\bgithub_pat_\w{8,}|\bglpat-[\w-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bxox[abprs]-[\w-]{8,}"
    r"|\bhf_\w{12,}|\bsk-[\w-]{16,}|\beyJ[\w-]{10,}\.[\w-]{4,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^\s/@:]{0,200}:[^\s/@]{1,200}@"
)
_CURE: Final = "give it to the workflow as a secret of the forge"
# A closed world: whatever else may bring a value or a file, a credential may come with it.
_VALUES: Final = frozenset({"configMapKeyRef", "fieldRef", "resourceFieldRef"})
_VOLUMES: Final = frozenset({"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"})
_SOURCES: Final = frozenset({"configMap", "downwardAPI", "clusterTrustBundle", "serviceAccountToken"})
_READ: Final = (
    *(("spec", container, EACH, "env", EACH, part) for container in CONTAINERS for part in ("name", "value")),
    *(("spec", container, EACH, part) for container in CONTAINERS for part in ("command", "args")),
    *(("spec", name) for name in ("automountServiceAccountToken", "shareProcessNamespace")),
    *(("spec", name) for name in ("serviceAccountName", "serviceAccount")),
)


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges every pod but the registrar's, which is where the forge's credential belongs."""
    for resource, pod in pods(resources):
        if not is_registrar(resource, pod):
            yield from (Violation(resource.urn, message) for message in unjudged(pod.not_known(*_READ)))
            yield from (Violation(resource.urn, message) for message in _judge(pod))


def _judge(pod: Pod) -> Iterator[str]:
    if pod.spec.get("automountServiceAccountToken") is not False:
        found = str(pod.spec.get("automountServiceAccountToken", "nothing"))
        yield sentence("automountServiceAccountToken", found, "false", "set it: job code needs no API token")
    if is_set(pod.spec, "shareProcessNamespace"):
        yield sentence("shareProcessNamespace", "true", "false", "job code must not see what runs beside it")
    alias = text(pod.spec, "serviceAccount")
    if alias and alias != pod.account:
        yield sentence("serviceAccount", alias, f"{pod.account} or nothing", "write serviceAccountName alone")
    for container in pod.containers():
        yield from _judge_container(container)
    for volume in mappings(pod.spec, "volumes"):
        yield from _judge_volume(pod, volume)


def _judge_container(container: Json) -> Iterator[str]:
    place = f"container {text(container, 'name')}"
    for source in mappings(container, "envFrom"):
        for kind in sorted(set(source) - {"configMapRef", "prefix"}):
            if is_set(source, kind):
                yield sentence(place, f"envFrom with {_thing(kind)}", "a ConfigMap", _CURE)
    for variable in mappings(container, "env"):
        name, value = text(variable, "name"), text(variable, "value")
        for kind in sorted(set(mapping(variable, "valueFrom")) - _VALUES):
            if is_set(mapping(variable, "valueFrom"), kind):
                yield sentence(place, f"variable {name} from {_thing(kind)}", "no Secret", _CURE)
        if value and (_SHAPE.search(value) or (_NAME.search(name) and not _PLACE.search(name))):
            yield sentence(place, f"variable {name} with a value", "no credential", _CURE)
    words = [*texts(container, "command"), *texts(container, "args")]
    if any(_SHAPE.search(word) for word in words):
        yield sentence(place, "a command with a credential", "no credential", _CURE)


def _judge_volume(pod: Pod, volume: Json) -> Iterator[str]:
    name = text(volume, "name")
    place = f"volume {name}"
    for kind in sorted(set(volume) - {"name"} - _VOLUMES):
        if volume[kind] is not None:
            yield sentence(place, _thing(kind), "no Secret, and no volume that may hold one", _CURE)
    for source in mappings(mapping(volume, "projected"), "sources"):
        for kind in sorted(set(source) - _SOURCES):
            if source[kind] is not None:
                yield sentence(place, f"a projected {_thing(kind).removeprefix('a ')}", "no Secret", _CURE)
        if source.get("serviceAccountToken") is not None:
            yield from _judge_token(pod, name, mapping(source, "serviceAccountToken"))


def _judge_token(pod: Pod, volume: str, token: Json) -> Iterator[str]:
    audience = token.get("audience") or ""
    if audience == REGISTRAR_AUDIENCE:
        if any(text(mount, "name") == volume for each in pod.beside_jobs() for mount in mappings(each, "volumeMounts")):
            cure = "mount it into the init container alone"
            yield sentence(
                f"volume {volume}", "the registrar's token beside job code", "no mount in a main container", cure
            )
    elif audience != JOB_AUDIENCE or not pod.is_runner:
        found = f"a token for {audience or 'the API server'}"
        cure = "remove it; jobs of base runners get a token from the registrar (`identity`)"
        yield sentence(f"volume {volume}", found, f"a token for {REGISTRAR_AUDIENCE}", cure)


def _thing(kind: str) -> str:
    """A source in words."""
    return "a Secret" if kind in ("secret", "secretRef", "secretKeyRef") else kind


RULE: Final = Rule("runner-credentials", "A runner's pod holds no credential and no API token.", check)
