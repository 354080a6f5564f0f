"""Removes a runner that somebody registered by hand: cordon, look for its job, remove. For whoever repairs a stack.

Asked for with a token of the registrar's own ServiceAccount and an audience of its own: whoever may make such a token
may change the registrar itself. The list of runners proves nothing here; everything is looked at afresh.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from registrar.declared_pools import DeclaredPools
from registrar.forges.forge import Forge, Runner, RunnerBusyError
from registrar.logs import log
from registrar.ownership import owned_runners
from registrar.pod_store import PodStore
from registrar.settings import Settings
from registrar.situation import SETTLE_SECONDS
from registrar.strangers import reason_to_keep
from values.scope import Scope

_RETRY_SECONDS: Final = 5.0


class RemovalRefusedError(Exception):
    """Nothing was removed. `status` is 403 (not ours), 404 (no such scope), 409 (it has a job, or is another one by
    now) or 503 (not everything could be looked at).
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.retry_after = _RETRY_SECONDS if status == 503 else None


@dataclass(frozen=True, kw_only=True)
class Removals:
    """The one place where a runner without a pod is removed because somebody wants it."""

    settings: Settings
    forge: Forge
    store: PodStore
    declared: DeclaredPools
    settle_seconds: float = SETTLE_SECONDS

    def kept(self, scope: Scope, runner: Runner) -> str:
        """Why a runner without a pod is not removed, "" for one that is."""
        grants = [grant for grant in self.settings.grants if grant.scope == scope]
        labels: set[str] = set()
        for grant in grants:
            labels |= grant.labels or frozenset()
            labels |= {label for pool in self.declared.pools(grant.namespace) for label in pool.labels}
            pods = self.store.pods([grant.namespace])
            labels |= {label for pod in pods for label in pod.runner_labels}
        groups = {grant.runner_group for grant in grants}
        return reason_to_keep(runner, scope, forge=self.settings.forge.kind, groups=groups, labels=labels)

    async def remove(self, path: str, runner_id: int, name: str) -> None:
        """Removes a runner of a scope that still goes by that name; one that is gone is no error.

        Goes on to its end whoever hangs up. Raises RemovalRefusedError or ForgeError.
        """
        scope = next((scope for scope in self.settings.scopes if scope.path == path), None)
        if scope is None:
            raise RemovalRefusedError(404, "ScopeUnknown", f"no namespace has a grant for the scope {path!r}")
        await asyncio.shield(asyncio.ensure_future(self._remove(scope, runner_id, name)))

    async def _remove(self, scope: Scope, runner_id: int, name: str) -> None:
        runner = await self._stranger(scope, runner_id, name)
        if runner is None:
            return
        try:
            await self.forge.cordon(scope, runner_id)
            await asyncio.sleep(self.settle_seconds)
            # No job comes any more, so one look is enough. The `busy` flag is none.
            jobs = await self.forge.jobs_in_progress(scope)
            job = next((job for job in jobs if job.runner_id == runner_id), None)
            if job is None:
                await self.forge.remove(scope, runner_id)
        except RunnerBusyError as error:
            raise _busy(name, str(error)) from error
        if job is not None:
            raise _busy(name, str(job))
        log("stranger removed", scope=scope.path, runner=name, runner_id=runner_id)

    async def _stranger(self, scope: Scope, runner_id: int, name: str) -> Runner | None:
        """The runner, if it is one that may be removed; None where it is gone. Raises RemovalRefusedError."""
        namespaces = [grant.namespace for grant in self.settings.grants if grant.scope == scope]
        listed = await asyncio.gather(*map(self.store.refresh, namespaces))
        if not all(listed) or not all(map(self.declared.knows, namespaces)):
            message = "the pods of a namespace of this scope cannot be listed, so nobody knows whose the runner is"
            raise RemovalRefusedError(503, "PodsUnknown", message)
        runner = await self.forge.find(scope, runner_id)
        if runner is None:
            return None
        if runner.name != name:
            message = f"runner {runner_id} is called {runner.name}, not {name}: look again"
            raise RemovalRefusedError(409, "RunnerChanged", message)
        pods = [pod for pod in self.store.last_seen() if pod.namespace in namespaces]
        owned = owned_runners(pods, {runner_id: runner})
        if any(own.id == runner_id for own in owned.values()) or name in {pod.name for pod in pods}:
            raise RemovalRefusedError(403, "RunnerOwned", f"runner {name} is a pod's: delete the pod instead")
        reason = self.kept(scope, runner)
        if reason:
            raise RemovalRefusedError(403, "RunnerNotOurs", f"runner {name} stays: {reason}")
        return runner


def _busy(name: str, job: str) -> RemovalRefusedError:
    message = f"runner {name} has a job ({job}) and gets no other one: repair again when that has ended"
    return RemovalRefusedError(409, "RunnerBusy", message)
