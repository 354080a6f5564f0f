"""What may be shown of a value. Whatever could hold a secret is named by its field and never by its content."""

import json
import re
from typing import Any, Final

from gpu_runners.review.core.evidence import SECRET_KEY
from gpu_runners.review.core.field_path import MISSING, Path
from values.secrecy import HIDDEN, without_secrets

MASK: Final = "[secret]"
NOTHING: Final = "-"
LONGEST: Final = 120

# Fields in which people write anything: a value from the cluster is never repeated in a comment that many can read.
FREE_TEXT: Final = frozenset(
    {"value", "data", "stringData", "binaryData", "command", "args", "annotations", "valueFrom", "httpHeaders"}
)
# Annotations that steer this program, Pulumi or an autoscaler. Their values are words; another value is hidden as well.
SAFE_ANNOTATIONS: Final = frozenset(
    {
        "pulumi.com/patchForce", "pulumi.com/skipAwait", "pulumi.com/deletionPropagationPolicy", "pulumi.com/waitFor",
        "pulumi.com/replaceUnready", "cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt",
        "gpu-runners.dev/runner-labels", "gpu-runners.dev/most-runners", "gpu-runners.dev/least-runners",
        "gpu-runners.dev/idle-seconds", "gpu-runners.dev/autoscaled", "controller.kubernetes.io/pod-deletion-cost",
        "deployment.kubernetes.io/revision", "autoscaling.keda.sh/paused",
        "autoscaling.keda.sh/paused-replicas", "kubectl.kubernetes.io/restartedAt",
    }
)  # fmt: skip
_ANNOTATIONS: Final = "annotations"
_PLAIN_WORDS: Final = re.compile(r"[A-Za-z0-9.:,-]{0,63}")
_SECRET_WORD: Final = re.compile(r"(?i)(secret|token|passw|credential|api_?key|access_?key|private|auth)")


def redacted(value: Any, path: Path) -> str:
    """One line for people; `path` decides how much of it."""
    if value is MISSING or value is None:
        return NOTHING
    if MASK in _text(value):
        return MASK
    safe = value if _is_safe_annotation(path, value) else _without_free_text(value, is_free=_is_free(path))
    text = _text(safe)
    if without_secrets(text) != text:
        return HIDDEN
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def masked(value: Any) -> Any:
    """A value of a state without its ciphertexts."""
    if isinstance(value, dict):
        return MASK if SECRET_KEY in value else {key: masked(part) for key, part in value.items()}
    return [masked(part) for part in value] if isinstance(value, list) else value


def hidden(value: Any) -> str:
    """That there is a value, and nothing of it."""
    return NOTHING if value is MISSING or value is None else HIDDEN


def _is_safe_annotation(path: Path, value: Any) -> bool:
    return (
        len(path) > 1
        and path[-2] == _ANNOTATIONS
        and path[-1] in SAFE_ANNOTATIONS
        and isinstance(value, str)
        and bool(_PLAIN_WORDS.fullmatch(value))
    )


def _is_free(path: Path) -> bool:
    names = [step for step in path if isinstance(step, str)]
    if any(name in FREE_TEXT for name in names):
        return True
    last = str(names[-1]) if names else ""
    return bool(_SECRET_WORD.search(last)) and not last.startswith("automount")


def _without_free_text(value: Any, *, is_free: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: part
            if key in SAFE_ANNOTATIONS and _is_safe_annotation((_ANNOTATIONS, key), part)
            else _without_free_text(part, is_free=is_free or key in FREE_TEXT)
            for key, part in value.items()
            if part not in ({}, [], None)
        }
    if isinstance(value, list):
        return [_without_free_text(part, is_free=is_free) for part in value]
    if isinstance(value, bool | int | float) or not is_free:
        return value
    return HIDDEN


def _text(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
