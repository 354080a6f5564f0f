"""runner-credentials: job code finds nothing in its pod that outlives it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import IDENTITIES, REGISTRAR_AUDIENCE, Json, Pod, Resource, mapping, mappings, pods, text
from policy_rules.rule import Rule, Settings, Violation, sentence

_CREDENTIAL: Final = re.compile(
    r"(TOKEN|PASSWORD|PASSPHRASE|SECRET|ACCESS_KEY|API_KEY|PRIVATE_KEY|PAT)$", re.IGNORECASE
)
_CURE: Final = "give it to the workflow as a secret of the forge"


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges runner pods; the registrar's is where the forge's credential belongs."""
    for resource, pod in pods(resources):
        if pod.is_runner:
            yield from (Violation(resource.urn, message) for message in _judge(pod))


def _judge(pod: Pod) -> Iterator[str]:
    if pod.spec.get("automountServiceAccountToken") is not False:
        found = str(pod.spec.get("automountServiceAccountToken", "nothing"))
        yield sentence("automountServiceAccountToken", found, "false", "set it: job code needs no API token")
    for container in pod.containers():
        yield from _judge_environment(container)
    for volume in mappings(pod.spec, "volumes"):
        yield from _judge_volume(pod, volume)


def _judge_environment(container: Json) -> Iterator[str]:
    place = f"container {text(container, 'name')}"
    for source in mappings(container, "envFrom"):
        if "secretRef" in source:
            yield sentence(place, "envFrom with a Secret", "no Secret", _CURE)
    for variable in mappings(container, "env"):
        name = text(variable, "name")
        if "secretKeyRef" in mapping(variable, "valueFrom"):
            yield sentence(place, f"variable {name} from a Secret", "no Secret", _CURE)
        elif _CREDENTIAL.search(name) and text(variable, "value"):
            yield sentence(place, f"variable {name} with a value", "no credential", _CURE)


def _judge_volume(pod: Pod, volume: Json) -> Iterator[str]:
    name = text(volume, "name")
    place = f"volume {name}"
    if "secret" in volume:
        yield sentence(place, "a Secret", "no Secret", _CURE)
    for source in mappings(mapping(volume, "projected"), "sources"):
        if "secret" in source:
            yield sentence(place, "a projected Secret", "no Secret", _CURE)
        if "serviceAccountToken" not in source:
            continue
        audience = text(mapping(source, "serviceAccountToken"), "audience")
        if audience == REGISTRAR_AUDIENCE:
            mounted = any(text(m, "name") == name for c in mappings(pod.spec, "containers") for m in _mounts(c))
            if mounted:
                cure = "mount it into the init container alone"
                yield sentence(place, "the registrar's token beside job code", "no mount in a main container", cure)
        elif text(pod.spec, "serviceAccountName") not in IDENTITIES:
            found = f"a token for {audience or 'the API server'}"
            cure = "remove it; base runners have an `identity`"
            yield sentence(place, found, f"a token for {REGISTRAR_AUDIENCE}", cure)


def _mounts(container: Json) -> Iterator[Json]:
    return mappings(container, "volumeMounts")


RULE: Final = Rule("runner-credentials", "A runner's pod holds no credential and no API token.", check)
