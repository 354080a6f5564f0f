"""Carries agreed steps out: each write holds for the object that was seen, and was tried by a dry run just before.

Nothing is kept in between: whatever ends this process, each object is as somebody left it or as the state has it in the
fields that were agreed to.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from access.clock import Clock, SystemClock
from access.cluster.errors import ClusterError, ClusterRefusedError
from gpu_runners.pulumi_command import Program
from gpu_runners.review.cluster_writes import ClusterWrites
from gpu_runners.review.core.evidence import Declared, declared
from gpu_runners.review.core.field_path import MISSING, look_up, show
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.keeping import reason_to_keep
from gpu_runners.review.core.repair import Action, Step, correction, removal, reveal, unagreed
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.runner_removal import RunnerRemoval
from values.contract import BUSY_ANNOTATION

Say = Callable[[str], None]
Json = Mapping[str, Any]

_MANAGED_FIELDS: Final = ("metadata", "managedFields")
_INVALID: Final = 422
_IMMUTABLE: Final = "immutable"  # in the API server's words for a field that no order of writes changes
_UID: Final = "metadata.uid"
_CONFLICT: Final = 409

# A Deployment's status, and with it its version, changes several times a second while its pods are replaced.
CONFLICT_SECONDS: Final = 20
_CONFLICT_PAUSE: Final = 0.2


class Repair:
    """Knows the declared values, secrets too, in this process only."""

    def __init__(
        self, program: Program, cluster: ClusterWrites, runners: RunnerRemoval, clock: Clock | None = None
    ) -> None:
        """Raises PulumiFailedError without the stack's passphrase."""
        state = [{**resource, "inputs": reveal(resource.get("inputs"))} for resource in program.export_with_secrets()]
        objects = declared(state)
        self._objects_by_key = frozenset(objects)
        self._objects = {declaration.name: declaration for declaration in objects.values()}
        self._stack, self._cluster, self._runners = program.stack, cluster, runners
        self._clock = clock or SystemClock()

    def foresee(self, step: Step) -> str:
        """Why the API server would not take a step, "" where it would."""
        try:
            self._do(step, is_trial=True)
        except (ReviewFailedError, ClusterError) as error:
            return str(error)
        return ""

    def carry_out(self, steps: Iterable[Step], say: Say, require: Callable[[], None]) -> list[str]:
        """Does what it can; returns what it could not do, with the reason.

        Raises ReviewFailedError as soon as `require` does: nothing may go on then.
        """
        problems: list[str] = []
        for step in steps:
            require()
            try:
                self._do(step, is_trial=False)
            except (ReviewFailedError, ClusterError) as error:
                problems.append(f"{step}: {error}")
            else:
                say(f"done: {step}")
                if step.target and step.target.kind == "Secret" and step.action is Action.RESTORE:
                    say(f"  a review tells it until the state knows its new version: {self._refresh(step.target)}")
        return problems

    def _refresh(self, target: ObjectName) -> str:
        """What lets the state know an object: a review compares no value of a Secret, but which one it is."""
        return f"`pulumi refresh --stack {self._stack} --target '{self._objects[target].urn}'`"

    def _do(self, step: Step, *, is_trial: bool) -> None:
        if step.action is Action.REMOVE_RUNNER and step.runner:
            if not is_trial:
                self._runners.remove(*step.runner)
            return
        if step.target is None:
            raise ReviewFailedError("it names no object")
        end = self._clock.now() + CONFLICT_SECONDS
        while True:
            try:
                self._try(step, step.target, is_trial=is_trial)
            except ClusterRefusedError as error:
                if error.status != _CONFLICT or self._clock.now() > end:
                    raise self._refused(step, step.target, error) from error
            else:
                return
            self._clock.sleep(_CONFLICT_PAUSE)

    def _try(self, step: Step, target: ObjectName, *, is_trial: bool) -> None:
        seen = self._cluster.find(target)
        if step.action is Action.RESTORE and not step.uid:
            self._create(target, seen, is_trial=is_trial)
        elif step.action in (Action.DELETE, Action.REPLACE_POD):
            self._delete(step, target, seen, is_trial=is_trial)
        elif seen is None:
            raise ReviewFailedError("it is gone by now: look again")
        else:
            _require_same(step, seen)
            self._restore(step, target, seen, is_trial=is_trial)

    def _create(self, target: ObjectName, seen: Json | None, *, is_trial: bool) -> None:
        """Without force: what somebody else makes at this moment is not taken from them."""
        if seen is not None:
            raise ReviewFailedError("it is there again by now: look again")
        declaration = self._declaration(target)
        for trial in (True, *(() if is_trial else (False,))):
            self._cluster.apply(target, declaration.inputs, declaration.field_manager, seen=None, is_trial=trial)

    def _delete(self, step: Step, target: ObjectName, seen: Json | None, *, is_trial: bool) -> None:
        if seen is None:
            return
        _require_same(step, seen)
        if step.action is Action.REPLACE_POD and (seen["metadata"].get("annotations") or {}).get(BUSY_ANNOTATION):
            raise ReviewFailedError("it has a job by now: repair again when that has ended")
        if step.action is Action.DELETE:
            # What hangs on it was looked at a moment ago; what it says of itself is looked at now.
            reason = reason_to_keep(seen, (), self._objects_by_key, ())
            if reason:
                raise ReviewFailedError(f"by now {reason}")
        for trial in (True, *(() if is_trial else (False,))):
            self._cluster.delete(target, seen=seen, is_trial=trial)

    def _restore(self, step: Step, target: ObjectName, seen: Json, *, is_trial: bool) -> None:
        """Declared fields by server-side apply, so that Pulumi owns them again; the rest by a patch of those alone.

        What was declared first, unless the API server does not take it as long as what was added is there. What is back
        stays out of it: a controller may answer the first write before the second, which is then tried again.
        """
        declaration = self._declaration(target)
        step = replace(step, drifts=tuple(drift for drift in step.drifts if not _is_back(drift, seen)))
        if not step.drifts:
            return
        for drift in step.drifts:
            _require_as_agreed(drift, seen)
        writes = [
            write
            for write in (_Apply(self._cluster, declaration, step), _Patch(self._cluster, declaration, step))
            if write.is_needed(seen)
        ]
        if not writes:
            raise ReviewFailedError("the state does not say what it was; `pulumi up --refresh` can put it back")
        try:
            writes[0].run(seen, is_trial=True)
        except ClusterRefusedError as error:
            if error.status != _INVALID or len(writes) == 1 or _IMMUTABLE in error.message:
                raise
            writes.reverse()
            writes[0].run(seen, is_trial=True)
        for write in () if is_trial else writes:
            seen = write.run(seen, is_trial=False)

    def _declaration(self, target: ObjectName) -> Declared:
        declaration = self._objects.get(target)
        if declaration is None:
            raise ReviewFailedError("the state does not declare it any more: look again")
        if not declaration.field_manager:
            raise ReviewFailedError(
                "the state does not name Pulumi's field manager; `pulumi up --refresh` can put it back"
            )
        return declaration

    def _refused(self, step: Step, target: ObjectName, error: ClusterRefusedError) -> Exception:
        """What cannot be changed in place is Pulumi's to replace: what hangs on it is replaced with it, in order."""
        declaration = self._objects.get(target)
        if error.status == _CONFLICT:
            return ReviewFailedError(
                f"for {CONFLICT_SECONDS} s it changed faster than it could be repaired, "
                f"or others hold its fields: {error}"
            )
        if error.status == _INVALID and _UID in error.message:
            return ReviewFailedError("another object of this name is there by now: look again")
        if error.status == _INVALID and declaration is not None and step.action is not Action.DELETE:
            command = f"`pulumi up --stack {self._stack} --replace '{declaration.urn}'`"
            return ReviewFailedError(f"it cannot be changed in place ({error.message}); {command} makes it anew")
        return error


def _require_same(step: Step, seen: Json) -> None:
    """Raises ReviewFailedError where another object has the name by now."""
    if str(seen["metadata"].get("uid")) != step.uid:
        raise ReviewFailedError("another object of this name is there by now: look again")


def _is_read(drift: Drift) -> bool:
    """Whether the value of a field is known; of a Secret its version is what was seen."""
    return drift.target is not None and drift.target.kind != "Secret" and drift.path[:2] != _MANAGED_FIELDS


def _is_back(drift: Drift, seen: Json) -> bool:
    """Whether a field that was shown with another value has the state's."""
    return _is_read(drift) and drift.state_value != drift.live_value and look_up(seen, drift.path) == drift.state_value


def _require_as_agreed(drift: Drift, seen: Json) -> None:
    """Raises ReviewFailedError where a field has another value than the one that was shown."""
    if not _is_read(drift):
        return
    if look_up(seen, drift.path) != drift.live_value:
        raise ReviewFailedError(f"{drift.field} has another value by now: look again")


@dataclass(frozen=True)
class _Write:
    """A change of one object: tried, held against what was agreed to, and made. Bound to one version."""

    cluster: ClusterWrites
    declaration: Declared
    step: Step

    def run(self, seen: Json, *, is_trial: bool) -> Json:
        """The object after it. Raises ReviewFailedError where it would change what nobody agreed to; ClusterError."""
        result = self._send(seen, is_trial=True)
        beyond = unagreed(seen, result, self.step.paths, self.declaration.outputs)
        if beyond:
            fields = ", ".join(map(show, beyond[:5]))
            raise ReviewFailedError(f"it would change {fields} too, which nobody agreed to: look again")
        return result if is_trial else self._send(seen, is_trial=False)

    def is_needed(self, seen: Json) -> bool:
        """Whether it has anything to do."""
        raise NotImplementedError

    def _send(self, seen: Json, *, is_trial: bool) -> Json:
        raise NotImplementedError

    def _is_declared(self, drift: Drift) -> bool:
        """Whether Pulumi's own apply gives the field its value."""
        if drift.kind is Kind.ADDED:
            return False
        if self.declaration.name.kind == "Secret" and drift.path[:1] != ("metadata",):
            return True  # `stringData` is declared, `data` is there
        return look_up(self.declaration.inputs, drift.path) is not MISSING or drift.path[:2] == _MANAGED_FIELDS


class _Apply(_Write):
    def is_needed(self, seen: Json) -> bool:
        del seen
        return any(map(self._is_declared, self.step.drifts))

    def _send(self, seen: Json, *, is_trial: bool) -> Json:
        wanted = _leaving_to_others(self.declaration, seen)
        manager = self.declaration.field_manager
        return self.cluster.apply(self.declaration.name, wanted, manager, seen=seen, is_trial=is_trial)


class _Patch(_Write):
    def is_needed(self, seen: Json) -> bool:
        return bool(self._operations(seen))

    def _send(self, seen: Json, *, is_trial: bool) -> Json:
        operations, manager = self._operations(seen), self.declaration.field_manager
        return self.cluster.patch(self.declaration.name, operations, manager, seen=seen, is_trial=is_trial)

    def _operations(self, seen: Json) -> list[dict[str, Any]]:
        """Fields that Pulumi does not declare: those that were added go, the others get what the state has there."""
        operations = self._whole_data()
        for drift in self.step.drifts:
            if drift.kind is not Kind.ADDED and not self._is_declared(drift) and drift.state_value is not MISSING:
                operations += correction(seen, drift.path, drift.state_value)
        added = [drift.path for drift in self.step.drifts if drift.kind is Kind.ADDED]
        return [*operations, *removal(seen, added)]

    def _whole_data(self) -> list[dict[str, Any]]:
        """All of a Secret that somebody wrote into: what it holds is not read, so no key can be taken out."""
        is_written = any(drift.path[:1] == ("data",) for drift in self.step.drifts)
        if self.declaration.name.kind != "Secret" or not is_written:
            return []
        return [{"op": "add", "path": "/data", "value": _secret_data(self.declaration.inputs)}]


def _secret_data(inputs: Json) -> dict[str, str]:
    """What a Secret holds that declares this, as the API server keeps it."""
    plain = {key: b64encode(str(value).encode()).decode() for key, value in (inputs.get("stringData") or {}).items()}
    return {**(inputs.get("data") or {}), **plain}


def _leaving_to_others(declaration: Declared, seen: Json) -> Json:
    """The declared object, with the values that are there in the fields that Pulumi leaves to others."""
    spec = declaration.inputs.get("spec")
    replicas = look_up(seen, ("spec", "replicas"))
    if "spec.replicas" not in declaration.ignored or not isinstance(spec, Mapping) or replicas is MISSING:
        return declaration.inputs
    return {**declaration.inputs, "spec": {**spec, "replicas": replicas}}
