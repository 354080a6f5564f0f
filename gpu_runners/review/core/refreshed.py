"""Drift of what a stack has at the forge: what Pulumi's refresh says of resources that are no Kubernetes objects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gpu_runners.review.core import secrecy
from gpu_runners.review.core.differing import differences, first_list, without_common
from gpu_runners.review.core.drift import UNKNOWN_WHO, UP_CREATES, UP_PUTS_BACK, up_does
from gpu_runners.review.core.evidence import KUBERNETES, Json
from gpu_runners.review.core.field_path import MISSING, Path, look_up, parse, show
from gpu_runners.review.core.findings import Drift, Kind
from gpu_runners.review.core.pending import label

UP_MISSES: Final = "nothing; only the forge's own page or program takes it out"


def refreshed(refresh: Json, pending: Mapping[str, Sequence[str]]) -> list[Drift]:
    """From the document of `pulumi refresh --preview-only --json`."""
    drifts: list[Drift] = []
    for step in refresh.get("steps") or ():
        state = step.get("oldState") or {}
        if not state.get("custom") or str(state.get("type", "")).startswith(KUBERNETES):
            continue
        fields = pending.get(step["urn"], ())
        if step.get("op") == "delete":
            drifts.append(_deleted(step, fields))
        elif step.get("op") == "update":
            drifts += _updated(step, fields)
    return drifts


def _updated(step: Json, fields: Sequence[str]) -> Iterator[Drift]:
    """Pulumi compares lists place by place: an element put first would look like many changed ones."""
    old = (step.get("oldState") or {}).get("outputs") or {}
    new = (step.get("newState") or {}).get("outputs") or {}
    places = dict.fromkeys(first_list(parse(field)) for field in sorted(step.get("detailedDiff") or ()))
    for place in places:
        for path, before, after in differences(look_up(old, place), look_up(new, place), place):
            yield _changed(step["urn"], path, (before, after), fields)


def _changed(urn: str, path: Path, values: tuple[Any, Any], fields: Sequence[str]) -> Drift:
    before, after = values
    shown = without_common(before, after)
    otherwise = UP_MISSES if before is MISSING else UP_PUTS_BACK
    return Drift(
        kind=Kind.ADDED if before is MISSING else Kind.REMOVED if after is MISSING else Kind.CHANGED,
        what=label(urn),
        field=show(path),
        declared=secrecy.redacted(shown[0], path),
        live=secrecy.redacted(shown[1], path),
        who="unknown: the forge does not tell",
        when="unknown",
        up=up_does(fields, show(path), otherwise, is_declared=before is not MISSING),
        path=path,
    )


def _deleted(step: Json, fields: Sequence[str]) -> Drift:
    return Drift(
        kind=Kind.DELETED,
        what=label(step["urn"]),
        field="",
        declared="exists",
        live="gone",
        who=UNKNOWN_WHO,
        when="unknown",
        up=up_does(fields, "", UP_CREATES, is_declared=False),
    )
