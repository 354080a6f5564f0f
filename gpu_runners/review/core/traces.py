"""What a write leaves behind where values cannot be compared: another object, another version, another claim."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gpu_runners.review.core.comparison import is_sealed
from gpu_runners.review.core.evidence import Declared, Json
from gpu_runners.review.core.field_path import Path
from gpu_runners.review.core.ownership import Claim, claims

_MANAGED_FIELDS: Final[Path] = ("metadata", "managedFields")


def trace(ours: Declared, live: Json, *, is_partial: bool) -> Claim | None:
    """The write into what cannot be compared, or that Pulumi's own entry is gone. None for an object without either."""
    then, now = ours.outputs.get("metadata") or {}, live.get("metadata") or {}
    sealed = [("data",)] if is_partial else list(_sealed(ours.outputs, ()))
    if sealed and then.get("uid") != now.get("uid"):
        return _last(live, sealed[0], since="")
    if (
        sealed
        and ours.outputs.get("immutable") is not True
        and then.get("resourceVersion") != now.get("resourceVersion")
    ):
        known = {(claim.path, claim.manager, claim.operation, claim.time) for claim in claims(ours.outputs)}
        for claim in claims(live):
            if (claim.path, claim.manager, claim.operation, claim.time) not in known and any(
                claim.path[: len(path)] == path or path[: len(claim.path)] == claim.path for path in sealed
            ):
                return claim
    if _has_entry(then, ours.field_manager) and not _has_entry(now, ours.field_manager):
        return Claim(path=_MANAGED_FIELDS, manager="", operation="", subresource="", time="", whole=True)
    return None


def _has_entry(metadata: Mapping[str, Any], manager: str) -> bool:
    return any(
        entry.get("manager") == manager and entry.get("operation") == "Apply"
        for entry in metadata.get("managedFields") or ()
    )


def _last(live: Json, path: Path, since: str) -> Claim:
    """Who made the object, as far as it tells."""
    first = min(claims(live), key=lambda claim: claim.time, default=None)
    return Claim(
        path=path,
        manager=first.manager if first else "",
        operation="",
        subresource="",
        time=str((live.get("metadata") or {}).get("creationTimestamp", since)),
        whole=True,
    )


def _sealed(value: Any, path: Path) -> Iterator[Path]:
    """The fields that the state has as ciphertexts."""
    if is_sealed(value):
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key[:2] != "__":
                yield from _sealed(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _sealed(part, (*path, index))
