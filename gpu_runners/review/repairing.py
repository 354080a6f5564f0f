"""Carries a repair plan out: the cluster goes back to the state, the forge to the registrar's runners."""

import os
from collections.abc import Callable, Iterable

from access.cluster.errors import ClusterError
from gpu_runners.pulumi_command import Program
from gpu_runners.review.cluster import ClusterObjects
from gpu_runners.review.core.drift import ClusterDrift
from gpu_runners.review.core.evidence import declared, key_of_name
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.repair import Action, Step, removal, reveal
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.forge import Forge, gitea_api
from values.scope import Scope

Say = Callable[[str], None]


class Repair:
    """Knows the declared values, secrets too, in this process only."""

    def __init__(self, program: Program, cluster: ClusterObjects, drift: Iterable[Drift]) -> None:
        state = [{**resource, "inputs": reveal(resource.get("inputs"))} for resource in program.export_with_secrets()]
        self._objects = {declaration.name: declaration for declaration in declared(state).values()}
        self._cluster, self._drift = cluster, list(drift)

    def carry_out(self, steps: Iterable[Step], say: Say) -> list[str]:
        """Does what it can; returns what it could not do, with the reason."""
        problems: list[str] = []
        for step in steps:
            try:
                self._do(step)
            except (ReviewFailedError, ClusterError) as error:
                problems.append(f"{step}: {error}")
            else:
                say(f"done: {step}")
        return problems

    def _do(self, step: Step) -> None:
        if step.action is Action.REMOVE_RUNNER and step.runner:
            _remove_runner(*step.runner)
        elif step.action is Action.REPLACE_POD:
            namespace, name = step.pod.split("/")
            self._cluster.delete(ObjectName(kind="Pod", namespace=namespace, name=name, version="v1"))
        elif step.target and step.action is Action.DELETE:
            self._cluster.delete(step.target)
        elif step.target and step.action is Action.PUT_BACK:
            self._put_back(step.target)
        elif step.target:
            self._take_out(step.target)

    def _put_back(self, target: ObjectName) -> None:
        declaration = self._objects[target]
        if not declaration.field_manager:
            raise ReviewFailedError(
                "the state does not name Pulumi's field manager; `pulumi up --refresh` can put it back"
            )
        self._cluster.apply(target, declaration.inputs, declaration.field_manager)

    def _take_out(self, target: ObjectName) -> None:
        """Looks again, since putting fields back may have changed what is left over."""
        live = self._cluster.find(target)
        if live is None:
            return
        declaration = self._objects[target]
        again = ClusterDrift({key_of_name(target): declaration}, [live], {}).compared()
        known = [drift.path for drift in self._drift if drift.target == target and drift.kind is Kind.ADDED]
        paths = {*known, *(drift.path for drift in again if drift.kind is Kind.ADDED)}
        operations = removal(live, list(paths))
        if operations:
            self._cluster.patch(target, operations)


def _remove_runner(scope: str, runner_id: int) -> None:
    url, token = os.environ.get("FORGE_URL", ""), os.environ.get("FORGE_TOKEN", "")
    api = os.environ.get("GITHUB_API_URL") or gitea_api(url)
    if not (api and token):
        raise ReviewFailedError("set FORGE_URL and FORGE_TOKEN: a runner is removed at the forge itself")
    try:
        place = Scope(scope)
    except ValueError as error:
        raise ReviewFailedError(f"{scope!r} is no scope that a runner can be removed from: {error}") from error
    with Forge(api, token) as forge:
        forge.remove_runner(place, runner_id)
