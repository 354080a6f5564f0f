"""The volumes of a runner's pod: scratch space, the token for the registrar and where to find it. Pure."""

from typing import Final

from components.platform.admission.shape import Each, Fields, Rule, Value, exactly, number, one_of, quantity, texts
from components.runner_volumes import API_TOKEN_SECONDS, TOKEN_SECONDS, pod_volumes
from values.contract import TOKEN_AUDIENCE, TRUST_CONFIG_MAP

_KINDS: Final = {"emptyDir": "empty_dir", "configMap": "config_map", "projected": "projected"}
_MODES: Final = Value(f"{{v}} in [{0o400}, {0o440}, {0o444}]", "0400, 0440 or 0444")
_API_TOKEN: Final = "api-token"  # noqa: S105 - a volume's name


def volumes(most: str, *, api_access: bool) -> Each:
    """The pod's volumes; most bounds each that lies on the node's disk or in its memory."""
    items = Fields({"key": exactly("ca.crt"), "path": exactly("ca.crt")})
    namespace = Fields(
        {
            "path": exactly("namespace"),
            "fieldRef": Fields({"apiVersion": exactly("v1"), "fieldPath": exactly("metadata.namespace")}),
        }
    )
    source = Fields(
        {
            "serviceAccountToken": Fields(
                {
                    "audience": exactly(TOKEN_AUDIENCE),
                    "expirationSeconds": number(TOKEN_SECONDS, API_TOKEN_SECONDS),
                    "path": exactly("token"),
                }
            ),
            "configMap": Fields(
                {"name": exactly("kube-root-ca.crt", required=True), "items": Each(items, 1, named_by="key")}
            ),
            "downwardAPI": Fields({"items": Each(namespace, 1, named_by="path")}),
        }
    )
    volume = Fields(
        {
            "name": one_of(*_names(api_access=api_access)),
            "emptyDir": Fields({"medium": exactly("Memory"), "sizeLimit": quantity(most)}),
            "configMap": Fields({"name": exactly(TRUST_CONFIG_MAP, required=True), "defaultMode": _MODES}),
            "projected": Fields({"sources": Each(source, 3, named_by=""), "defaultMode": _MODES}),
        },
        rules=(*_kinds(api_access=api_access), *_audiences()),
    )
    return Each(volume, most=len(_names(api_access=api_access)), required=True)


def _names(*, api_access: bool) -> list[str]:
    return [str(volume["name"]) for volume in pod_volumes("1", "1", api_access=api_access)]


def _kinds(*, api_access: bool) -> list[Rule]:
    """Each volume is of the kind that its name stands for."""
    declared = pod_volumes("1", "1", api_access=api_access)
    by_kind = {field: [str(v["name"]) for v in declared if key in v] for field, key in _KINDS.items()}
    return [
        Rule(
            f".{field}",
            f"has({{it}}.{field}) == ({{it}}.name in {texts(names)})",
            f"(has({{it}}.{field}) ? '{field}' : 'nothing')",
            f"{field} for {', '.join(names)} and no other",
        )
        for field, names in by_kind.items()
    ]


def _audiences() -> list[Rule]:
    """A token is for the registrar; only the one for the API server names no audience, and has its volume."""
    tokens = "{it}.?projected.sources.orValue([]).filter(s, has(s.serviceAccountToken))"
    audiences = f"{tokens}.map(s, s.serviceAccountToken.?audience.orValue(''))"
    return [
        Rule(
            ".projected.sources[].serviceAccountToken.audience",
            f"{audiences}.all(a, a == ({{it}}.name == '{_API_TOKEN}' ? '' : '{TOKEN_AUDIENCE}'))",
            f"{audiences}.map(a, a == '' ? 'nothing' : a).join(', ')",
            f"{TOKEN_AUDIENCE}, and nothing in {_API_TOKEN}",
        )
    ]
