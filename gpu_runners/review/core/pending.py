"""Pending changes: what the program would change, from the document of `pulumi preview --json`."""

from collections.abc import Iterable
from typing import Any, Final

from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.field_path import MISSING, look_up, named, parse, show
from gpu_runners.review.core.findings import Change
from gpu_runners.review.core.secrecy import redacted

_QUIET: Final = frozenset(
    {"same", "read", "refresh", "discard", "discard-replaced", "read-discard", "read-replacement"}
)
_WAIT: Final = "gpu-runners:index:OnlinePools$kubernetes:core/v1:ConfigMap"
_PARTS: Final = frozenset({"create-replacement", "delete-replaced"})  # of an operation `replace` that is listed too


def changes(preview: Json) -> list[Change]:
    """One change per field of an updated resource, one for each that is created, deleted or replaced."""
    listed: list[Change] = []
    for step in preview.get("steps") or ():
        operation = str(step.get("op", ""))
        if operation in _PARTS or not is_change(step):
            continue
        listed += _of_update(step, operation) if operation in ("update", "replace") else [_whole(step, operation)]
    return listed


def interrupted(preview: Json) -> list[str]:
    """Resources that the last `up` could not finish: a change without any field."""
    return [
        f"The last `up` did not finish with {label(step['urn'])}; the next one goes on with it."
        for step in preview.get("steps") or ()
        if step.get("op") == "update" and (step.get("oldState") or {}).get("initErrors")
    ]


def failure(preview: Json) -> str:
    """The errors of a program that could not be previewed, one per line; "" if it could."""
    errors = [
        diagnostic["message"].strip()
        for diagnostic in preview.get("diagnostics") or ()
        if diagnostic.get("severity") == "error"
    ]
    return "\n".join(errors)


def label(urn: str) -> str:
    """`Deployment gpu-runners-dev-cuda`: type and name of a URN."""
    kind, _, name = urn.rpartition("::")
    return f"{kind.rpartition('::')[2].rpartition('$')[2].rpartition(':')[2]} {name}"


def touched(preview: Json) -> dict[str, list[str]]:
    """URN → fields that the next `up` writes; [""] where it writes or deletes the whole resource."""
    fields_of: dict[str, list[str]] = {}
    for step in preview.get("steps") or ():
        if step.get("op") not in _QUIET and _is_real(step):
            fields = list(step.get("detailedDiff") or ())
            fields_of[step["urn"]] = fields if step.get("op") == "update" else [""]
    return fields_of


def is_change(step: Json) -> bool:
    """Whether the step does something that people want to know of."""
    return step.get("op") not in _QUIET and _is_real(step) and not _is_wait(step)


def _is_wait(step: Json) -> bool:
    """The ConfigMap on which `up` waits for a stack's pools: it follows whatever a pool changes, and says no more."""
    urn = str(step.get("urn", ""))
    return urn.endswith(f"{_WAIT}::pools-{urn.removeprefix('urn:pulumi:').partition('::')[0]}")


def _is_real(step: Json) -> bool:
    """Components and the stack itself hold nothing of their own."""
    state = step.get("newState") or step.get("oldState") or {}
    return bool(state.get("custom")) and not str(state.get("type", "")).startswith("pulumi:providers:")


def _of_update(step: Json, operation: str) -> list[Change]:
    before = (step.get("oldState") or {}).get("inputs") or {}
    after = (step.get("newState") or {}).get("inputs") or {}
    resource = label(step["urn"])
    fields = sorted(step.get("detailedDiff") or ())
    if not fields:
        return [] if operation == "update" else [_whole(step, operation)]
    return [_field(resource, operation, before, after, field) for field in fields]


def _field(resource: str, operation: str, before: Any, after: Any, field: str) -> Change:
    path = parse(field)
    old, new = look_up(before, path), look_up(after, path)
    known = after if new is not MISSING else before
    return Change(
        operation=operation,
        resource=resource,
        field=show(named(known, path)),
        before=redacted(old, path),
        after=redacted(new, path),
    )


def _whole(step: Json, operation: str) -> Change:
    return Change(operation=operation, resource=label(step["urn"]), field="", before="", after="")


def summary(listed: Iterable[Change]) -> str:
    """`2 to create, 1 to update`, counted by resource."""
    operations = {(change.operation, change.resource) for change in listed}
    counts = [(name, sum(operation == name for operation, _ in operations)) for name in _ORDER]
    return ", ".join(f"{count} to {name}" for name, count in counts if count)


_ORDER: Final = ("create", "update", "replace", "delete", "configure")
