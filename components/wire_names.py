"""Fields of Kubernetes' objects as on the wire: Python's `match_labels` is matchLabels there. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

# Of Kubernetes' fields those that pools have.
_INITIALS: Final = {"api": "API", "ipc": "IPC", "pid": "PID"}
_FIELD: Final = re.compile(r"[a-z]+(_[a-z]+)*_?")
# Fields whose own keys are people's words, which may look like fields.
_OF_PEOPLE: Final = frozenset({"annotations", "data", "labels", "limits", "match_labels", "node_selector", "requests"})


def in_wire_names(value: Any) -> Any:
    """Python's names of fields as on the wire, however deep: `match_labels` is matchLabels, `exec_` is exec."""
    if isinstance(value, Mapping):
        return {
            _wire_name(key): dict(entry) if key in _OF_PEOPLE else in_wire_names(entry) for key, entry in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [in_wire_names(entry) for entry in value]
    return value


def _wire_name(key: str) -> str:
    if "_" not in key or not _FIELD.fullmatch(key):
        return key
    first, *rest = key.strip("_").split("_")
    return first + "".join(_INITIALS.get(word, word.capitalize()) for word in rest)
