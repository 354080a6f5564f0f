"""The Deployment of a pool as Kubernetes takes it, for those who know no Pulumi. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Of Kubernetes' fields those that pools have; what is wrong the API server refuses, as it knows no such field.
_INITIALS = {"pid": "PID", "ipc": "IPC"}
_FIELD = re.compile(r"[a-z]+(_[a-z]+)*_?")


def in_wire_names(value: Any) -> Any:
    """Python's names of fields as on the wire: `match_labels` is matchLabels, `exec_` is exec.

    Keys of labels and the like stay as they are: none of ours has an underscore. Whoever compares what the API server
    has of both sides (`Contest.specs`) sees it where that should change.
    """
    if isinstance(value, Mapping):
        return {_wire_name(key): in_wire_names(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [in_wire_names(entry) for entry in value]
    return value


def _wire_name(key: str) -> str:
    if "_" not in key or not _FIELD.fullmatch(key):
        return key
    first, *rest = key.strip("_").split("_")
    return first + "".join(_INITIALS.get(word, word.capitalize()) for word in rest)


def deployment_manifest(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A Deployment with name, namespace, labels and spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: declared[key] for key in ("name", "namespace", "labels")},
        "spec": in_wire_names(declared["spec"]),
    }
