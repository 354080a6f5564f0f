"""Carries out what was decided, in order, and stops at the first thing that fails: the next cycle looks again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from registrar import cluster
from registrar.announcer import Announcer
from registrar.cluster import Cluster
from registrar.decisions import Action, Verb
from registrar.forges.forge import Forge, ForgeError, Job, RunnerBusyError
from registrar.logs import log
from registrar.metrics import Metrics
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from values import contract
from values.scope import Scope

# Idle pods have none (0): the ReplicaSet takes those with the lowest cost first.
BUSY_DELETION_COST = "1000"
ENDING_SECONDS = 30  # what a pod has that is ended: a job that nobody waits for may still clean up


@dataclass(frozen=True, kw_only=True)
class Ghost:
    """A runner without a pod, as the subject of an Event in a namespace of its scope."""

    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What actions are about: a pod with its runner and the job that the runner has now, or a ghost."""

    scope: Scope
    pod: RunnerPod | None
    runner_id: int | None
    ghost: Ghost | None = None
    job: Job | None = None


class Actor:
    """The only place that changes pods or removes runners because of a decision."""

    def __init__(self, api: Cluster, forge: Forge, store: PodStore, announcer: Announcer, metrics: Metrics) -> None:
        self._api, self._forge, self._store = api, forge, store
        self._announcer, self._metrics = announcer, metrics

    async def perform(self, target: Target, actions: Sequence[Action]) -> tuple[Action, ...]:
        """Do them; returns those that were done. Each becomes one Event."""
        done: list[Action] = []
        for action in actions:
            try:
                if not await self._do(target, action):
                    break
            except (*cluster.ERRORS, ForgeError, RunnerBusyError) as error:
                self._failed(target, action, error)
                break
            done.append(action)
            if action.verb is not Verb.REPORT:
                self._metrics.actions.labels(action.verb.value, action.reason).inc()
        subject = target.pod or target.ghost
        if subject is not None:
            for action in done:
                await self._announcer.announce(subject, action.reason, action.message)
        return tuple(done)

    async def _do(self, target: Target, action: Action) -> bool:
        """Returns whether the next action may follow."""
        if action.verb in (Verb.CORDON, Verb.REMOVE):
            return target.runner_id is None or await self._do_at_forge(target.scope, target.runner_id, action)
        if action.verb is not Verb.REPORT and target.pod is not None:
            await self._do_to_pod(target.pod, action, target.job)
        return True

    async def _do_at_forge(self, scope: Scope, runner_id: int, action: Action) -> bool:
        if action.verb is Verb.CORDON:
            await self._forge.cordon(scope, runner_id)
            return True
        # The last look, after the decision's own: a removal that meets a job loses the job's result.
        if any(job.runner_id == runner_id for job in await self._forge.jobs_in_progress(scope)):
            log("not removed, a job came first", scope=scope, runner_id=runner_id)
            return False
        await self._forge.remove(scope, runner_id)
        return True

    async def _do_to_pod(self, pod: RunnerPod, action: Action, job: Job | None) -> None:
        if action.verb is Verb.SET_GATE:
            self._store.put(await self._api.open_gate(pod, action.message))
        elif action.verb is Verb.LATCH:
            latch = {
                contract.BUSY_ANNOTATION: action.job_id or contract.BUSY_WITH_UNKNOWN_JOB,
                contract.DELETION_COST_ANNOTATION: BUSY_DELETION_COST,
            }
            if job is not None and job.id == action.job_id and job.queued_seconds is not None:
                latch[contract.QUEUED_SECONDS_ANNOTATION] = str(round(job.queued_seconds))
            self._store.put(await self._api.annotate(pod, latch))
        elif action.verb is Verb.DELETE_POD:
            await self._api.delete(pod)
        elif action.verb is Verb.END_POD:
            await self._api.delete(pod, grace_seconds=ENDING_SECONDS)

    def _failed(self, target: Target, action: Action, error: Exception) -> None:
        if cluster.is_gone(error):
            return  # the pod went away meanwhile; the watch will say so
        self._metrics.failed_actions.labels(action.verb.value).inc()
        name = target.pod.name if target.pod else target.runner_id
        log("not done", level=logging.WARNING, verb=action.verb.value, about=name, error=str(error))
