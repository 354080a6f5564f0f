"""Answers `/runners`: every registration of the granted scopes, and the pod that each belongs to. Changes nothing."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.forge import Forge, ForgeError, ForgeRefusedError, Runner
from registrar.ownership import owned_runners
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.removals import Removals
from registrar.settings import Settings
from registrar.shared import Shared, answers_by_scope
from registrar.situation import drift_of
from registrar.untrusted import words
from values import contract
from values.scope import Scope

KEEP_SECONDS: Final = 2.0
SCOPE_SECONDS: Final = 8.0  # that a list waits for one scope; whoever looks gives up after 15

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What is known at the moment.

    `runners`, one entry each: scope, id, name, labels, online, busy, cordoned, ephemeral, pod, problem, warning, kept.
    `pod` is `namespace/name`, None where no pod of a granted namespace has the runner; `problem` is how the forge's
    registration differs from what its pod was given, "" if it does not; `warning` what the forge will soon refuse, ""
    for nothing; `kept` why it is not removed when a repair asks for that, "" where it is. `scopes`, one entry each:
    scope, the namespaces that register there, and as problem why its runners are not listed, "" where they are.
    """

    runners: list[Entry]
    scopes: list[Entry]


class Roster:
    """Who may read `/runners` learns names and labels of runners, as on the forge's own page; no credential."""

    def __init__(
        self,
        settings: Settings,
        forge: Forge,
        store: PodStore,
        removals: Removals,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._forge, self._store, self._removals = settings, forge, store, removals
        self._lists = {scope: self._shared(scope, clock) for scope in settings.scopes}

    def _shared(self, scope: Scope, clock: Callable[[], float]) -> Shared[list[Entry]]:
        return Shared(lambda: self._scope(scope), KEEP_SECONDS, clock=clock)

    async def read(self) -> Listed:
        """The runners of every scope that answers. Raises ForgeError where there are scopes and none answers."""
        entries, errors = await answers_by_scope(self._lists, seconds=dict.fromkeys(self._lists, SCOPE_SECONDS))
        if errors and not entries:
            raise next(iter(errors.values()))
        problems = {scope: words(str(error)) for scope, error in errors.items()}
        return Listed(
            runners=[entry for scope in self._lists for entry in entries.get(scope, ())],
            scopes=[
                {"scope": scope.path, "namespaces": self._namespaces(scope), "problem": problems.get(scope, "")}
                for scope in self._lists
            ],
        )

    async def answers(self) -> list[Entry]:
        """Of each scope: scope, namespaces, state (one of the contract's) and problem, "" where the forge answers."""
        _, errors = await answers_by_scope(self._lists, seconds=dict.fromkeys(self._lists, SCOPE_SECONDS))
        return [
            {
                "scope": scope.path,
                "namespaces": self._namespaces(scope),
                "state": _state(errors.get(scope)),
                "problem": words(str(errors[scope])) if scope in errors else "",
            }
            for scope in self._lists
        ]

    def _namespaces(self, scope: Scope) -> list[str]:
        return sorted(grant.namespace for grant in self._settings.grants if grant.scope == scope)

    async def _scope(self, scope: Scope) -> list[Entry]:
        # Pods from before and after: a runner whose pod comes or goes meanwhile is still known by one of both.
        before = self._store.pods()
        runners = await self._forge.list_runners(scope)
        pods: Iterable[RunnerPod] = {pod.uid: pod for pod in (*before, *self._store.pods())}.values()
        pods = [pod for pod in pods if self._is_of(pod, scope)]
        owned = owned_runners(pods, {runner.id: runner for runner in runners})
        pod_of = {owned[pod.uid].id: pod for pod in pods if pod.uid in owned}
        return [self._entry(scope, runner, pod_of.get(runner.id)) for runner in runners]

    def _is_of(self, pod: RunnerPod, scope: Scope) -> bool:
        grant = self._settings.grant_for(pod.namespace)
        return grant is not None and grant.scope == scope

    def _entry(self, scope: Scope, runner: Runner, pod: RunnerPod | None) -> Entry:
        grant = self._settings.grant_for(pod.namespace) if pod else None
        group = grant.runner_group if grant else None
        return {
            "scope": scope.path,
            "id": runner.id,
            "name": runner.name,
            "labels": sorted(runner.labels),
            "online": runner.online,
            "busy": runner.busy,
            "cordoned": runner.cordoned,
            "ephemeral": runner.ephemeral,
            "pod": f"{pod.namespace}/{pod.name}" if pod else None,
            "problem": drift_of(pod, runner, group) if pod else "",
            "warning": runner.warning,
            "kept": f"it is pod {pod.name}'s" if pod else self._removals.kept(scope, runner),
        }


def _state(error: ForgeError | None) -> str:
    if error is None:
        return contract.FORGE_ANSWERS
    return contract.FORGE_REFUSES if isinstance(error, ForgeRefusedError) else contract.FORGE_UNREACHABLE
