"""The volumes of a runner's pod: scratch space, the token for the registrar and where to find it. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from components.platform.admission.shape import (
    Each,
    Fields,
    Rule,
    Value,
    anything,
    exactly,
    number,
    one_of,
    quantity,
    text,
    texts,
)
from components.runner_volumes import (
    KUBERNETES_CA_CONFIG_MAP,
    KUBERNETES_CA_FILE,
    QUEUE_TIME_FIELD,
    QUEUE_TIME_KEY,
    TOKEN_SECONDS,
    cache_volumes,
    pod_volumes,
)
from values.cache import Cache, cache_volume
from values.contract import JOB_TOKEN_AUDIENCE, TOKEN_AUDIENCE, TRUST_CONFIG_MAP

if TYPE_CHECKING:
    from components.runner_volumes import Projection, Volume

_KINDS: Final = {
    "emptyDir": "empty_dir",
    "configMap": "config_map",
    "projected": "projected",
    "persistentVolumeClaim": "persistent_volume_claim",
    "downwardAPI": "downward_api",
}
_MODES: Final = Value(f"{{v}} in [{0o400}, {0o440}, {0o444}]", "0400, 0440 or 0444")
_CONFIG_MAPS: Final = (TRUST_CONFIG_MAP, KUBERNETES_CA_CONFIG_MAP)


def volumes(most: str, caches: Sequence[Cache], *, job_credentials: bool) -> Each:
    """The pod's volumes; most bounds each that lies on the node's disk or in its memory."""
    declared = [*_of_any_pod(job_credentials=job_credentials), *cache_volumes(caches)]
    names = [str(volume["name"]) for volume in declared]
    audiences = [TOKEN_AUDIENCE, *([JOB_TOKEN_AUDIENCE] if job_credentials else [])]
    items = Fields({"key": exactly("ca.crt"), "path": exactly(KUBERNETES_CA_FILE)})
    config_map = Fields(
        {
            "name": one_of(*_CONFIG_MAPS, required=True),
            "items": Each(items, 1, named_by="key"),
        }
    )
    source = Fields(
        {
            "serviceAccountToken": Fields(
                {
                    "audience": one_of(*audiences, required=True),
                    "expirationSeconds": number(TOKEN_SECONDS, TOKEN_SECONDS),
                    "path": exactly("token"),
                }
            ),
            **({"configMap": config_map} if job_credentials else {}),
        }
    )
    volume = Fields(
        {
            "name": one_of(*names),
            "emptyDir": Fields({"medium": exactly("Memory"), "sizeLimit": quantity(most)}),
            "configMap": Fields({"name": exactly(TRUST_CONFIG_MAP, required=True), "defaultMode": _MODES}),
            "projected": Fields({"sources": Each(source, 3, named_by=""), "defaultMode": _MODES}),
            "downwardAPI": Fields({"items": Each(_queue_time(), 1, named_by="path"), "defaultMode": _MODES}),
            **_claims(caches),
        },
        rules=(*_kinds(declared), *_cache_rules(caches), _sources(job_credentials=job_credentials)),
    )
    return Each(volume, most=len(names), required=True)


def _of_any_pod(*, job_credentials: bool) -> "list[Volume]":
    return pod_volumes("1", "1", job_credentials=job_credentials, of_github=True)


def _queue_time() -> Fields:
    """The one annotation of its pod that a job may read."""
    field = Fields({"apiVersion": exactly("v1"), "fieldPath": exactly(QUEUE_TIME_FIELD, required=True)}, required=True)
    return Fields({"path": exactly(QUEUE_TIME_KEY, required=True), "fieldRef": field})


def _claims(caches: Sequence[Cache]) -> dict[str, Fields]:
    """The field by which a cache is a volume; none where no cache is granted."""
    if not caches:
        return {}
    names = [cache["claim"] for cache in caches]
    return {"persistentVolumeClaim": Fields({"claimName": one_of(*names, required=True), "readOnly": anything()})}


def _cache_rules(caches: Sequence[Cache]) -> list[Rule]:
    """A cache goes by its own name, and is mounted read-only unless jobs may write to it."""
    if not caches:
        return []
    claim = "{it}.persistentVolumeClaim"
    writable = [cache["claim"] for cache in caches if cache["writable"]]
    return [
        Rule(
            ".name",
            f"!has({claim}) || {{it}}.name == {text(cache_volume(''))} + {claim}.claimName",
            "{it}.name",
            f"{cache_volume('')} and the claim's name",
        ),
        Rule(
            ".persistentVolumeClaim.readOnly",
            f"!has({claim}) || {claim}.claimName in {texts(writable)} || {claim}.?readOnly.orValue(false)",
            "string({it}.?persistentVolumeClaim.readOnly.orValue(false))",
            f"true{', but for ' + ', '.join(writable) if writable else ''}",
        ),
    ]


def _kinds(declared: "Sequence[Volume]") -> list[Rule]:
    """Each volume is of the kind that its name stands for."""
    by_kind = {field: [str(v["name"]) for v in declared if key in v] for field, key in _KINDS.items()}
    return [
        Rule(
            f".{field}",
            f"has({{it}}.{field}) == ({{it}}.name in {texts(names)})",
            f"(has({{it}}.{field}) ? '{field}' : 'nothing')",
            f"{field} for {', '.join(names)} and no other",
        )
        for field, names in by_kind.items()
        if names
    ]


def _sources(*, job_credentials: bool) -> Rule:
    """What is projected together: in each volume what the program puts there, in its order, and nothing else."""
    declared = [volume for volume in _of_any_pod(job_credentials=job_credentials) if "projected" in volume]
    wanted = {str(volume["name"]): " + ".join(map(_source, volume["projected"]["sources"])) for volume in declared}
    audience = "'token for ' + s.serviceAccountToken.?audience.orValue('nobody')"
    items = "s.?configMap.items.orValue([]).map(i, '/' + i.key).join('')"
    source = f"has(s.serviceAccountToken) ? {audience} : s.?configMap.name.orValue('nothing') + {items}"
    found = f"{{it}}.?projected.sources.orValue([]).map(s, {source}).join(' + ')"
    holds = " && ".join(f"({{it}}.name != {text(name)} || {found} == {text(it)})" for name, it in wanted.items())
    return Rule(".projected.sources", holds, found, ", ".join(f"{it} in {name}" for name, it in wanted.items()))


def _source(source: "Projection") -> str:
    """One of the program's own, in the words of the rule above."""
    if "service_account_token" in source:
        return f"token for {source['service_account_token']['audience']}"
    config_map = source["config_map"]
    return str(config_map["name"]) + "".join(f"/{item['key']}" for item in config_map.get("items", []))
