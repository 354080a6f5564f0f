"""Answers `/runners`: every registration of the granted scopes, and the pod that each belongs to. Changes nothing."""

import time
from collections.abc import Callable
from typing import Any, Final

from registrar.forges.forge import Forge, Runner
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.settings import Settings
from registrar.situation import drift_of
from values.scope import Scope

RUNNERS_PATH: Final = "/runners"
KEEP_SECONDS: Final = 2.0

Entry = dict[str, Any]


class Roster:
    """Who may read `/runners` learns names and labels of runners, as on the forge's own page; no credential."""

    def __init__(
        self, settings: Settings, forge: Forge, store: PodStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._forge, self._store, self._clock = settings, forge, store, clock
        self._kept: tuple[float, list[Entry]] = (float("-inf"), [])

    async def read(self) -> list[Entry]:
        """One entry per runner: scope, id, name, labels, online, busy, cordoned, ephemeral, pod, problem and warning.

        `pod` is `namespace/name`, None where no pod of a granted namespace has the runner; `problem` is how the forge's
        registration differs from what its pod was given, "" if it does not; `warning` what the forge will soon refuse,
        "" for nothing. Raises ForgeError.
        """
        at, entries = self._kept
        if self._clock() - at >= KEEP_SECONDS:
            entries = [entry for scope in self._settings.scopes for entry in await self._scope(scope)]
            self._kept = (self._clock(), entries)
        return entries

    async def _scope(self, scope: Scope) -> list[Entry]:
        # Pods from before and after: a runner whose pod comes or goes meanwhile is still known by one of both.
        before = self._store.pods()
        runners = await self._forge.list_runners(scope)
        pods = {pod.uid: pod for pod in (*before, *self._store.pods())}.values()
        by_id = {pod.runner_id: pod for pod in pods if pod.runner_id is not None}
        by_name = {pod.name: pod for pod in pods}
        return [self._entry(scope, runner, by_id.get(runner.id) or by_name.get(runner.name)) for runner in runners]

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
        }
