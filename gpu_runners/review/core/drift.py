"""Drift of the cluster: what refresh reports, what field ownership adds to it, and objects that no stack declares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from gpu_runners.review.core import ownership, secrecy
from gpu_runners.review.core.differing import differences, first_list, without_common
from gpu_runners.review.core.evidence import PARTIAL, Declared, Json, key_of, name_of
from gpu_runners.review.core.field_path import MISSING, Path, concrete, look_up, overlaps, parse, show
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.other_stacks import is_of_another_stack
from gpu_runners.review.core.pending import label
from values.secrecy import HIDDEN

Key = tuple[str, str, str]

UP_PUTS_BACK: Final = "`up --refresh` puts it back; a plain `up` does not see it"
UP_CREATES: Final = "`up --refresh` creates it again; a plain `up` does not see it"
UP_WRITES: Final = "`up` writes this field: a change of it is pending"
UP_ANYWAY: Final = "`up` puts it back: it updates the object anyway, for a pending change"
UP_DELETES: Final = "`up` deletes or replaces the object: that is pending"
UP_IGNORES: Final = "nothing; `make repair` takes it out"
UP_LEAVES: Final = "nothing; `make repair` deletes it"
UNKNOWN_WHO: Final = "unknown: a deletion leaves no trace"

# Made by the cluster for itself, in every namespace.
_OWN_KINDS: Final = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics", "ControllerRevision"})
_OWN_OBJECTS: Final = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})


class ClusterDrift:
    """One stack's objects, as declared and as they live."""

    def __init__(
        self, objects: Mapping[Key, Declared], live: Iterable[Json], pending: Mapping[str, Sequence[str]]
    ) -> None:
        self._objects, self._pending = objects, pending
        self._live = {key_of(actual): actual for actual in live}
        self._keys = {ours.urn: key for key, ours in objects.items()}

    def refreshed(self, refresh: Json) -> list[Drift]:
        """Declared fields and deleted objects, from the document of `pulumi refresh --preview-only --json`."""
        drifts: list[Drift] = []
        for step in refresh.get("steps") or ():
            state = step.get("oldState") or {}
            if not state.get("custom"):
                continue
            if step.get("op") == "delete":
                drifts.append(self._deleted(step))
            elif step.get("op") == "update":
                drifts += self._updated(step)
        return drifts

    def owned_by_others(self, known: Iterable[Drift]) -> list[Drift]:
        """Fields of our objects that somebody else owns and that differ, except those already known."""
        seen: dict[ObjectName | None, list[Path]] = {}
        for earlier in known:
            seen.setdefault(earlier.target, []).append(earlier.path)
        drifts: list[Drift] = []
        for key, ours in self._objects.items():
            live = self._live.get(key, {})
            for claim in ownership.foreign(live):
                path = concrete(live, claim.path) or claim.path
                if not any(overlaps(path, concrete(live, other) or other) for other in seen.get(ours.name, ())):
                    drift = self._claimed(ours, live, claim)
                    if drift:
                        drifts.append(drift)
                        seen.setdefault(ours.name, []).append(path)
        return drifts

    def undeclared(self, elsewhere: Iterable[Key]) -> list[Drift]:
        """Objects in the stack's namespaces that neither it nor another stack declares.

        `elsewhere` is what other stacks of this backend declare; those of other backends are known by their labels.
        """
        known = {*self._objects, *elsewhere}
        return [
            _undeclared(live)
            for key, live in sorted(self._live.items())
            if key not in known and _is_foreign(live) and not is_of_another_stack(live, self._objects)
        ]

    def _updated(self, step: Json) -> Iterator[Drift]:
        """Pulumi compares lists place by place: a container put first would look like three changed ones."""
        old = (step.get("oldState") or {}).get("outputs") or {}
        new = (step.get("newState") or {}).get("outputs") or {}
        places = dict.fromkeys(first_list(parse(field)) for field in sorted(step.get("detailedDiff") or ()))
        for place in places:
            for path, before, after in differences(look_up(old, place), look_up(new, place), place):
                if path == ("spec", "replicas") or not ownership.is_quiet(path):
                    yield self._changed(step["urn"], path, before, after)

    def _changed(self, urn: str, path: Path, declared: Any, live: Any) -> Drift:
        key = self._keys.get(urn)
        owner = ownership.owner(self._live.get(key, {}), path, exists=live is not MISSING) if key else None
        redact = secrecy.hidden if key is not None and key[0] == "Secret" else partial(secrecy.redacted, path=path)
        before, after = without_common(declared, live)
        return Drift(
            kind=Kind.ADDED if declared is MISSING else Kind.REMOVED if live is MISSING else Kind.CHANGED,
            what=str(self._objects[key].name) if key else label(urn),
            field=show(path),
            declared=redact(before),
            live=redact(after),
            who=_who(owner),
            when=(owner and owner.time) or "unknown",
            up=self._up(
                urn,
                show(path),
                UP_IGNORES if declared is MISSING else UP_PUTS_BACK,
                is_declared=declared is not MISSING,
            ),
            target=self._objects[key].name if key else None,
            path=path,
        )

    def _deleted(self, step: Json) -> Drift:
        key = self._keys.get(step["urn"])
        return Drift(
            kind=Kind.DELETED,
            what=str(self._objects[key].name) if key else label(step["urn"]),
            field="",
            declared="exists",
            live="gone",
            who=UNKNOWN_WHO,
            when="unknown",
            up=self._up(step["urn"], "", UP_CREATES, is_declared=False),
            target=self._objects[key].name if key else None,
        )

    def _claimed(self, ours: Declared, live: Json, claim: ownership.Claim) -> Drift | None:
        declared, actual = look_up(ours.inputs, claim.path), look_up(live, claim.path)
        masked = ours.name.kind == "Secret" and claim.path[:1] != ("metadata",)
        if masked and live.get("partial") == PARTIAL:
            declared, actual = secrecy.MASK, HIDDEN
        elif actual is MISSING or actual == declared:
            return None
        before, after = without_common(declared, actual)
        return Drift(
            kind=Kind.ADDED if declared is MISSING else Kind.CHANGED,
            what=str(ours.name),
            field=show(claim.path),
            declared=secrecy.redacted(before, claim.path),
            live=secrecy.hidden(after) if masked else secrecy.redacted(after, claim.path),
            who=_who(claim),
            when=claim.time or "unknown",
            up=self._up(ours.urn, show(claim.path), UP_IGNORES, is_declared=declared is not MISSING),
            target=ours.name,
            path=claim.path,
        )

    def _up(self, urn: str, field: str, otherwise: str, *, is_declared: bool) -> str:
        fields = self._pending.get(urn, ())
        if "" in fields:
            return UP_DELETES
        if field and field in fields:
            return UP_WRITES
        return UP_ANYWAY if fields and is_declared else otherwise


def _who(claim: ownership.Claim | None) -> str:
    return claim.who if claim else "unknown"


def _is_foreign(live: Json) -> bool:
    kind, _, name = key_of(live)
    if kind in _OWN_KINDS or (kind, name) in _OWN_OBJECTS:
        return False
    return not any(owner.get("controller") for owner in live.get("metadata", {}).get("ownerReferences") or ())


def _undeclared(live: Json) -> Drift:
    metadata = live.get("metadata", {})
    entries = metadata.get("managedFields") or ()
    first: Json = min(entries, key=lambda entry: entry.get("time", ""), default={})
    name = name_of(live)
    return Drift(
        kind=Kind.UNDECLARED,
        what=str(name),
        field="",
        declared=secrecy.NOTHING,
        live="exists",
        who=first.get("manager", "") or "unknown",
        when=metadata.get("creationTimestamp", "") or "unknown",
        up=UP_LEAVES,
        target=name,
    )
