"""What brings a stack's objects back to its state, as a plan that is shown before anything is done. Pure."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from gpu_runners.review.core.evidence import SECRET_KEY, Evidence, Json, Key, declared, key_of, key_of_name
from gpu_runners.review.core.field_path import MISSING, Path, concrete, look_up
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.keeping import reason_to_keep
from values.contract import BUSY_ANNOTATION, POOL_LABEL

_REPLICAS: Final[Path] = ("spec", "replicas")
_FINALIZERS: Final[Path] = ("metadata", "finalizers")
_IN_STATE: Final = (Kind.CHANGED, Kind.REMOVED, Kind.DELETED)


class Action(Enum):
    """In the order in which they are done: strangers go first, so that nothing they hold is in the way."""

    REMOVE_RUNNER = "remove"
    DELETE = "delete"
    RESTORE = "put back"
    REPLACE_POD = "delete the pod and so register anew"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do to one object, and the differences that somebody agrees to; `fields` and `reason` are for people.

    uid is the object's, "" for one that is gone; position its place in the state, where what others need comes first.
    """

    action: Action
    what: str
    fields: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()  # those of the fields that are taken out
    reason: str = ""
    target: ObjectName | None = None
    uid: str = ""
    drifts: tuple[Drift, ...] = ()
    runner: tuple[str, int, str] | None = None  # scope, id and name
    position: int = 0

    def __str__(self) -> str:
        put = [name for name in self.fields if name not in self.taken]
        action = "take out" if self.taken and not put else self.action.value
        fields = "; take out ".join(", ".join(names) for names in (put, self.taken) if names)
        reason = f" ({self.reason})" if self.reason else ""
        return f"{action} {self.what}{': ' if fields else ''}{fields}{reason}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The fields that somebody agreed to."""
        return tuple(drift.path for drift in self.drifts)


@dataclass(frozen=True, kw_only=True)
class Left:
    """A difference that a repair does not touch, and why."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a repair would do, in order, and what it leaves."""

    steps: tuple[Step, ...]
    left: tuple[Left, ...]


def plan(evidence: Evidence, drifts: Iterable[Drift], autoscaled: Collection[Key] = ()) -> Plan:
    """`autoscaled`: keys of the objects whose replicas something in the cluster sets."""
    judged = _Judgement(evidence, autoscaled)
    steps: dict[tuple[Action, str], Step] = {}
    left: list[Left] = []
    for drift in drifts:
        judgement = judged.of(drift)
        if isinstance(judgement, Left):
            left.append(judgement)
            continue
        step = judgement
        before = steps.get((step.action, step.what))
        if before is not None:
            step = replace(
                before,
                fields=(*before.fields, *step.fields),
                taken=(*before.taken, *step.taken),
                drifts=(*before.drifts, *step.drifts),
            )
        steps[step.action, step.what] = step
    order = list(Action)
    return Plan(
        steps=tuple(sorted(steps.values(), key=lambda step: (order.index(step.action), step.position, step.what))),
        left=tuple(left),
    )


def agreed_now(agreed: Sequence[Step], now: Plan) -> tuple[list[Step], list[Left]]:
    """Of the agreed steps what is still the same, seen once more: nothing else is done. Of an object that has
    meanwhile been changed further, only the fields that were agreed to and have the value that was seen then.
    """
    present = {(step.action, step.what): step for step in now.steps}
    steps: list[Step] = []
    left: list[Left] = []
    for step in agreed:
        again = present.get((step.action, step.what))
        if again is None or (again.uid, again.runner, again.target) != (step.uid, step.runner, step.target):
            left.append(Left(what=str(step), reason="it is another one, or is as it should be, by now"))
            continue
        known = {_identity(drift) for drift in again.drifts}
        same = tuple(drift for drift in step.drifts if _identity(drift) in known)
        left += [
            Left(what=f"{drift.what} {drift.field}".rstrip(), reason="it has another value by now")
            for drift in step.drifts
            if drift not in same
        ]
        if same:
            fields = tuple(drift.field for drift in same if drift.field)
            taken = tuple(drift.field for drift in same if drift.field and drift.kind is Kind.ADDED)
            steps.append(replace(step, drifts=same, fields=fields, taken=taken, position=again.position))
    return steps, left


def _identity(drift: Drift) -> str:
    """What was agreed to: which field, from which value to which."""
    return repr((drift.kind, drift.target, drift.path, drift.state_value, drift.live_value, drift.declared, drift.live))


@dataclass(frozen=True)
class _Judgement:
    """What is to be done about each difference."""

    evidence: Evidence
    autoscaled: Collection[Key]
    _live: Mapping[Key, Json] = field(init=False)
    _positions: Mapping[ObjectName, int] = field(init=False)
    _declared: frozenset[Key] = field(init=False)

    def __post_init__(self) -> None:
        objects = declared(self.evidence.state)
        live = {key_of(actual): actual for actual in self.evidence.live or ()}
        object.__setattr__(self, "_live", live)
        object.__setattr__(self, "_positions", {ours.name: place for place, ours in enumerate(objects.values())})
        object.__setattr__(self, "_declared", frozenset({*objects, *self.evidence.elsewhere}))

    def of(self, drift: Drift) -> Step | Left:
        if drift.pod:
            return self._replaced(drift)
        if drift.kind is Kind.RUNNER:
            return self._removed(drift)
        if drift.kind is Kind.VERSION:
            return Left(what=drift.what, reason="the image is the program's: a newer `runnerImage` brings another one")
        if drift.target is None:
            return Left(what=drift.what, reason="it is no object of the cluster: `pulumi up --refresh` puts it back")
        if drift.kind is Kind.UNDECLARED:
            return self._deleted(drift, drift.target)
        return self._restored(drift, drift.target)

    def _find(self, target: ObjectName) -> Json | None:
        return self._live.get(key_of_name(target))

    def _deleted(self, drift: Drift, target: ObjectName) -> Step | Left:
        live = self._find(target)
        if live is None:
            return Left(what=drift.what, reason="it is gone")
        if self.evidence.unread:
            return Left(what=drift.what, reason="not everything could be read, and somebody may declare it")
        inside = [other for other in self._live.values() if _namespace(other) == target.namespace]
        reason = reason_to_keep(live, inside, self._declared, self.evidence.left_out)
        if reason:
            place = f" -n {target.namespace}" if target.namespace else ""
            by_hand = f"`kubectl delete{place} {target.kind.lower()} {target.name}` deletes it if you know it"
            return Left(what=drift.what, reason=f"{reason}; {by_hand}")
        reason = f"no stack declares it; made by {drift.who} at {drift.when}"
        return Step(
            action=Action.DELETE, what=drift.what, reason=reason, target=target, uid=_uid(live), drifts=(drift,)
        )

    def _restored(self, drift: Drift, target: ObjectName) -> Step | Left:
        what = f"{drift.what} {drift.field}".rstrip()
        if drift.kind not in (*_IN_STATE, Kind.ADDED):
            return Left(what=what, reason="it is nothing that a repair can undo")
        if drift.path[: len(_FINALIZERS)] == _FINALIZERS:
            return Left(what=what, reason="a finalizer is its controller's to take away")
        live = self._find(target)
        if drift.path == _REPLICAS and live is not None and key_of(live) in self.autoscaled:
            return Left(what=what, reason="an autoscaler sets it")
        if drift.kind is not Kind.DELETED and live is None:
            return Left(what=what, reason="the object is gone")
        fields = (drift.field,) if drift.field else ()
        return Step(
            action=Action.RESTORE,
            what=drift.what,
            fields=fields,
            taken=fields if drift.kind is Kind.ADDED else (),
            reason="" if drift.kind is not Kind.DELETED else "it is gone",
            target=target,
            uid=_uid(live) if live is not None else "",
            drifts=(drift,),
            position=self._positions.get(target, len(self._positions)),
        )

    def _removed(self, drift: Drift) -> Step | Left:
        entry = next(
            (
                entry
                for entry in self.evidence.runners or ()
                if (entry.get("scope", ""), entry.get("id")) == drift.runner
            ),
            {},
        )
        # A registrar that does not say so is older than this: what is whose is its to know.
        reason = str(entry.get("kept", "this registrar does not tell whether it is ours; bring the platform up"))
        if reason:
            return Left(what=drift.what, reason=f"{reason}; remove it at the forge if you know it")
        return Step(
            action=Action.REMOVE_RUNNER,
            what=drift.what,
            reason="registered by hand, and it takes our pools' jobs",
            runner=(entry["scope"], entry["id"], str(entry["name"])),
            drifts=(drift,),
        )

    def _replaced(self, drift: Drift) -> Step | Left:
        namespace, _, name = drift.pod.partition("/")
        target = ObjectName(kind="Pod", namespace=namespace, name=name, version="v1")
        live = self._find(target)
        metadata: Json = (live or {}).get("metadata") or {}
        if live is None or POOL_LABEL not in (metadata.get("labels") or {}):
            return Left(what=drift.what, reason="its pod is none of a pool's, or gone")
        if (metadata.get("annotations") or {}).get(BUSY_ANNOTATION):
            return Left(what=drift.what, reason="it has a job: repair again when that has ended")
        return Step(
            action=Action.REPLACE_POD,
            what=drift.what,
            fields=(drift.field,),
            reason=drift.live if drift.kind is Kind.RUNNER else "it is not what its template says",
            target=target,
            uid=_uid(live),
            drifts=(drift,),
        )


def removal(live: Mapping[str, Any], paths: Sequence[Path]) -> list[dict[str, Any]]:
    """A JSON patch that takes fields out of an object, unless one of them has changed since it was read."""
    places = {where for path in paths if (where := concrete(live, path)) and look_up(live, where) is not MISSING}
    # From the end of each list, as every removal moves what follows.
    ordered = sorted(
        places, key=lambda where: [(1, step, "") if isinstance(step, int) else (0, 0, step) for step in where]
    )
    operations: list[dict[str, Any]] = []
    for where in reversed(ordered):
        pointer = _pointer(where)
        operations.append({"op": "test", "path": pointer, "value": look_up(live, where)})
        operations.append({"op": "remove", "path": pointer})
    return operations


def correction(live: Mapping[str, Any], path: Path, before: Any) -> list[dict[str, Any]]:
    """A JSON patch that gives a field the value that it had, unless it has changed since it was read."""
    where = concrete(live, path)
    if where:
        current = look_up(live, where)
        pointer = _pointer(where)
        if current is MISSING:
            return [{"op": "add", "path": pointer, "value": before}]
        return [{"op": "test", "path": pointer, "value": current}, {"op": "replace", "path": pointer, "value": before}]
    holder = concrete(live, path[:-1]) if path else None
    if holder is not None and isinstance(look_up(live, holder), list):
        return [{"op": "add", "path": f"{_pointer(holder)}/-", "value": before}]
    return []


def unagreed(before: Any, after: Any, agreed: Iterable[Path], state: Any) -> list[Path]:
    """Where two versions of an object differ beyond the agreed fields: what a write would also change.

    What the server drops by itself and the state does not have either is no such field: it goes with another one, as a
    Service's `externalTrafficPolicy` with its type.
    """
    allowed = [concrete(before, path) or concrete(after, path) or path for path in agreed]
    return [
        path
        for path in _differing(before, after)
        if not any(path[: len(it)] == it or it[: len(path)] == path for it in allowed)
        and path[:1] != ("status",)
        and not (look_up(after, path) is MISSING and look_up(state, path) is MISSING)
        and path[:2] not in _KEPT_BY_THE_SERVER
    ]


_KEPT_BY_THE_SERVER: Final = tuple(
    ("metadata", name) for name in ("managedFields", "resourceVersion", "generation", "selfLink")
)


def _differing(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _differing(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differing(old, new, (*path, index))
    elif before != after:
        yield path


def reveal(value: Any) -> Any:
    """Inputs of a state exported with its secrets, as the program gave them."""
    if isinstance(value, dict):
        if SECRET_KEY in value:
            return json.loads(value["plaintext"])
        return {key: reveal(part) for key, part in value.items()}
    if isinstance(value, list):
        return [reveal(part) for part in value]
    return value


def _pointer(where: Sequence[str | int]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in where)


def _namespace(live: Json) -> str:
    return str((live.get("metadata") or {}).get("namespace", ""))


def _uid(live: Json) -> str:
    return str((live.get("metadata") or {}).get("uid", ""))
