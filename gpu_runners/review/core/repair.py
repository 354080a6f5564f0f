"""What brings a stack's objects back to its state, as a plan that can be shown before anything is done."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gpu_runners.review.core.evidence import SECRET_KEY
from gpu_runners.review.core.field_path import MISSING, Path, concrete, look_up
from gpu_runners.review.core.findings import Drift, Kind, ObjectName


class Action(Enum):
    """In the order in which they are done: strangers go first, so that nothing they hold is in the way."""

    REMOVE_RUNNER = "remove"
    DELETE = "delete"
    PUT_BACK = "put back"
    TAKE_OUT = "take out"
    REPLACE_POD = "delete the pod and so register anew"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do. `fields` are for people."""

    action: Action
    what: str
    fields: tuple[str, ...] = ()
    target: ObjectName | None = None
    runner: tuple[str, int] | None = None
    pod: str = ""

    def __str__(self) -> str:
        fields = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.action.value} {self.what}{fields}"


def plan(drifts: Iterable[Drift]) -> list[Step]:
    """The steps, one per object and action."""
    steps: dict[tuple[Action, str], Step] = {}
    for drift in drifts:
        action = _action(drift)
        if action is None:
            continue
        fields = (
            *(steps[action, drift.what].fields if (action, drift.what) in steps else ()),
            drift.field,
        )
        steps[action, drift.what] = Step(
            action=action,
            what=drift.what,
            fields=tuple(field for field in fields if field),
            target=drift.target,
            runner=drift.runner,
            pod=drift.pod,
        )
    order = list(Action)
    return sorted(steps.values(), key=lambda step: (order.index(step.action), step.what))


def _action(drift: Drift) -> Action | None:
    if drift.kind is Kind.RUNNER:
        return Action.REPLACE_POD if drift.pod else Action.REMOVE_RUNNER
    if drift.kind in (Kind.VERSION, Kind.POD):
        return None  # a new pod would bring the same version; a changed one may have a job
    if drift.target is None:
        return None  # not an object of the cluster: only Pulumi's own provider can put it back
    if drift.kind is Kind.UNDECLARED:
        return Action.DELETE
    return Action.TAKE_OUT if drift.kind is Kind.ADDED else Action.PUT_BACK


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
