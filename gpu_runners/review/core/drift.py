"""Drift of the cluster: each object held against what the state says was there after the last `up`.

Values decide. `metadata.managedFields` says who and when, and is believed in nothing else: whoever may write an object
may write as any manager, and may clear what is written there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from gpu_runners.review.core import ownership, secrecy
from gpu_runners.review.core.baked import baked
from gpu_runners.review.core.comparison import Difference, differences, kind_in_table
from gpu_runners.review.core.derived import Derived
from gpu_runners.review.core.differing import without_common
from gpu_runners.review.core.evidence import PARTIAL, Declared, Json, Key, key_of, name_of, namespaces
from gpu_runners.review.core.field_path import MISSING, Path, show
from gpu_runners.review.core.findings import Drift, Kind
from gpu_runners.review.core.noise import GIVEN_OUT, content, is_of_newer_server, is_quiet
from gpu_runners.review.core.other_stacks import is_of_another_stack
from gpu_runners.review.core.traces import trace
from values.secrecy import HIDDEN

UP_PUTS_BACK: Final = "`up --refresh` puts it back; a plain `up` does not see it"
UP_CREATES: Final = "`up --refresh` creates it again; a plain `up` does not see it"
UP_WRITES: Final = "`up` writes this field: a change of it is pending"
UP_ANYWAY: Final = "`up` puts it back: it updates the object anyway, for a pending change"
UP_DELETES: Final = "`up` deletes or replaces the object: that is pending"
UP_IGNORES: Final = "nothing; `make repair` takes it out"
UP_LEAVES: Final = "nothing; `make repair` deletes it, or says why not"
UNKNOWN_WHO: Final = "unknown: a deletion leaves no trace"
NO_TRACE: Final = "unknown: nobody claims it"

_MANAGED_FIELDS: Final[Path] = ("metadata", "managedFields")
_DATA: Final[Path] = ("data",)


class ClusterDrift:
    """One stack's objects, as the state has them and as they live. `pending` is what the next `up` writes, by URN."""

    def __init__(
        self,
        objects: Mapping[Key, Declared],
        live: Iterable[Json],
        pending: Mapping[str, Sequence[str]],
        looked_at: Collection[tuple[str, str]] = (),
    ) -> None:
        self._objects, self._pending, self._looked_at = objects, pending, frozenset(looked_at)
        self._live = {key_of(actual): actual for actual in live}

    def compared(self) -> list[Drift]:
        """Every difference of every object of the state."""
        drifts: list[Drift] = []
        for key, ours in self._objects.items():
            live = self._live.get(key)
            if live is not None:
                drifts += self._of_object(ours, live)
            elif key[:2] in self._looked_at:
                drifts.append(self._deleted(ours))
        return drifts

    def undeclared(self, elsewhere: Iterable[Key]) -> list[Drift]:
        """Objects in the stack's namespaces that neither it nor another stack declares, nor the cluster makes of those.

        `elsewhere` is what other stacks of this backend declare; those of other backends are known by their labels.
        """
        known = {*self._objects, *elsewhere}
        known |= {key for key, live in self._live.items() if is_of_another_stack(live, self._objects)}
        places = namespaces(self._objects.values())
        derived = Derived(self._live, known, self._looked_at)
        return [
            _undeclared(live)
            for key, live in sorted(self._live.items())
            if key[1] in places and key not in known and not derived.is_derived(live)
        ]

    def _of_object(self, ours: Declared, live: Json) -> Iterator[Drift]:
        state = ours.outputs
        is_partial = live.get("partial") == PARTIAL
        before, after = content(state), content(live)
        if is_partial:
            before, after = ({"metadata": side["metadata"]} for side in (before, after))
        holds = kind_in_table(ours.name.version, ours.name.kind)
        claims = list(ownership.claims(live))
        is_anew = (state.get("metadata") or {}).get("uid") != (live.get("metadata") or {}).get("uid")

        def tolerates(difference: Difference) -> bool:
            return (
                is_quiet(difference, ours.name.kind, ours.name.name, ours.ignored)
                or (is_anew and difference.place in GIVEN_OUT)
                or is_of_newer_server(difference, state, live, _is_claimed(claims, difference.path))
            )

        listed = list(differences(holds, before, after, tolerates))
        listed += baked(ours, live, holds, claims, [difference.path for difference in listed])
        for difference in listed:
            yield self._changed(ours, live, difference)
        written = trace(ours, live, is_partial=is_partial)
        if written:
            yield self._written(ours, live, written)

    def _changed(self, ours: Declared, live: Json, difference: Difference) -> Drift:
        path, before, after = difference.path, difference.before, difference.after
        owner = ownership.owner(live, path, exists=after is not MISSING)
        secret = ours.name.kind == "Secret" and path[:1] != ("metadata",)
        redact = secrecy.hidden if secret else partial(secrecy.redacted, path=path)
        shown = without_common(secrecy.masked(before), after)
        return Drift(
            kind=Kind.ADDED if before is MISSING else Kind.REMOVED if after is MISSING else Kind.CHANGED,
            what=str(ours.name),
            field=show(path),
            declared=redact(shown[0]),
            live=redact(shown[1]),
            who=owner.who if owner else NO_TRACE,
            when=(owner and owner.time) or "unknown",
            up=self._up(
                ours.urn,
                show(path),
                UP_IGNORES if before is MISSING else UP_PUTS_BACK,
                is_declared=before is not MISSING,
            ),
            target=ours.name,
            path=path,
            state_value=before,
            live_value=after,
            **_seen(live),
        )

    def _written(self, ours: Declared, live: Json, written: "ownership.Claim") -> Drift:
        """What was written into a value that only the passphrase opens, or into the record of who wrote what."""
        is_record = written.path == _MANAGED_FIELDS
        return Drift(
            kind=Kind.CHANGED,
            what=str(ours.name),
            field=show(written.path),
            declared="as `up` left it" if is_record else secrecy.MASK,
            live="without Pulumi's own entry" if is_record else HIDDEN,
            who=written.who or NO_TRACE,
            when=written.time or "unknown",
            up=self._up(ours.urn, show(written.path), UP_PUTS_BACK, is_declared=True),
            target=ours.name,
            path=written.path,
            **_seen(live),
        )

    def _deleted(self, ours: Declared) -> Drift:
        return Drift(
            kind=Kind.DELETED,
            what=str(ours.name),
            field="",
            declared="exists",
            live="gone",
            who=UNKNOWN_WHO,
            when="unknown",
            up=self._up(ours.urn, "", UP_CREATES, is_declared=False),
            target=ours.name,
        )

    def _up(self, urn: str, field: str, otherwise: str, *, is_declared: bool) -> str:
        return up_does(self._pending.get(urn, ()), field, otherwise, is_declared=is_declared)


def up_does(fields: Sequence[str], field: str, otherwise: str, *, is_declared: bool) -> str:
    """What `up` does about a difference of a field, where it writes these of the resource."""
    if "" in fields:
        return UP_DELETES
    if field and field in fields:
        return UP_WRITES
    return UP_ANYWAY if fields and is_declared else otherwise


def _is_claimed(claims: Iterable[ownership.Claim], path: Path) -> bool:
    return any(claim.path[: len(path)] == path or path[: len(claim.path)] == claim.path for claim in claims)


def _seen(live: Json) -> dict[str, Any]:
    """Which object it was, and in which version."""
    metadata = live.get("metadata") or {}
    return {"uid": metadata.get("uid", ""), "resource_version": metadata.get("resourceVersion", "")}


def _undeclared(live: Json) -> Drift:
    metadata = live.get("metadata") or {}
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
        **_seen(live),
    )
