"""Answers `/runners`: every registration of the granted scopes, and the pod that each belongs to. Changes nothing."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from registrar.forges.forge import Forge, Runner
from registrar.ownership import owned_runners
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.settings import Settings
from registrar.shared import Shared
from registrar.situation import drift_of
from values.scope import Scope

KEEP_SECONDS: Final = 2.0

Entry = dict[str, Any]


class Roster:
    """Who may read `/runners` learns names and labels of runners, as on the forge's own page; no credential."""

    def __init__(
        self, settings: Settings, forge: Forge, store: PodStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._forge, self._store = settings, forge, store
        self._entries = Shared(self._read, KEEP_SECONDS, clock=clock)

    async def read(self) -> list[Entry]:
        """One entry per runner: scope, id, name, labels, online, busy, cordoned, ephemeral, pod, problem and warning.

        `pod` is `namespace/name`, None where no pod of a granted namespace has the runner; `problem` is how the forge's
        registration differs from what its pod was given, "" if it does not; `warning` what the forge will soon refuse,
        "" for nothing. Raises ForgeError.
        """
        return await self._entries.get()

    async def _read(self) -> list[Entry]:
        scopes = await asyncio.gather(*map(self._scope, self._settings.scopes))
        return [entry for entries in scopes for entry in entries]

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
        }
