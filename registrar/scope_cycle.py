"""One scope's share of a cycle: look at its runners, judge its pods, do what was decided."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registrar import situation
from registrar.actions import Actor, Target
from registrar.announcer import Announcer
from registrar.brakes import Brakes
from registrar.decisions import Action, Standing, Verb, decide
from registrar.forge_view import ForgeView
from registrar.forge_watch import ForgeWatch
from registrar.forges.forge import Forge, ForgeError
from registrar.ghosts import Ghosts
from registrar.logs import log
from registrar.metrics import Metrics
from registrar.outcomes import Outcome, kept_failures, outcome_of
from registrar.pod_store import PodStore
from registrar.pods import ENDED, WAITING, RunnerPod, Stage
from registrar.settings import Settings
from values.contract import NOT_ONLINE
from values.scope import Scope

ACTS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the loop works with."""

    settings: Settings
    forge: Forge
    store: PodStore
    actor: Actor
    announcer: Announcer
    brakes: Brakes
    metrics: Metrics


class ScopeCycle:
    """Everything it remembers can be rebuilt from pods and forge after a restart."""

    def __init__(self, parts: Parts, scope: Scope, clock: Callable[[], float]) -> None:
        self._parts, self._scope, self._clock = parts, scope, clock
        self._namespaces = [grant.namespace for grant in parts.settings.grants if grant.scope == scope]
        self._watch = ForgeWatch(parts.forge, scope, parts.metrics)
        self._ghosts = Ghosts(parts.settings, parts.store, parts.actor, self._watch, scope)
        self._outcomes: dict[str, Outcome] = {}
        self._closed: set[str] = set()  # uids of ended pods of which the forge has nothing left

    def is_closed(self, pod: RunnerPod) -> bool:
        """Whether there is nothing more to ask about an ended pod."""
        return pod.uid in self._closed

    async def run(self, pods: Sequence[RunnerPod]) -> None:
        """Look at the scope once; `pods` are those of all namespaces that are known now."""
        mine = [pod for pod in pods if pod.namespace in self._namespaces]
        if all(map(self._parts.store.knows, self._namespaces)):
            self._forget(mine)
        view = await self._look(mine)
        await self._judge_ended(mine, view)
        failures = [pod for pod in mine if pod.uid in self._outcomes and not self._outcomes[pod.uid].done]
        kept = kept_failures([pod for pod in failures if not pod.deleting], self._parts.settings.keep_failed)
        for pod in mine:
            self._parts.brakes.lasts(pod, self._clock())
        slots = asyncio.Semaphore(ACTS_AT_ONCE)
        await asyncio.gather(*(self._treat(pod, view, slots, kept=pod.uid in kept) for pod in mine))
        await self._ghosts.treat(mine, view)

    async def _look(self, pods: Sequence[RunnerPod]) -> ForgeView:
        """Ask the forge only for what can have changed; where nothing is registered, only now and then."""
        registered = [pod for pod in pods if pod.runner_id is not None]
        if not registered and self._watch.is_known and not self._watch.is_census_due:
            return ForgeView(known=True)
        return await self._watch.look([pod.runner_id or 0 for pod in registered if self._wants(pod)])

    def _wants(self, pod: RunnerPod) -> bool:
        """Whether this pod's runner has to be looked up by its id in this cycle."""
        if pod.stage in ENDED:
            return not self.is_closed(pod)
        if pod.busy is not None or pod.stage in WAITING:
            return False
        return pod.stage is not Stage.RUNNING or self._watch.lacks(pod.runner_id or 0)

    async def _judge_ended(self, pods: Sequence[RunnerPod], view: ForgeView) -> None:
        """Ask once for the job of each ended runner; without the forge's answer nothing is concluded."""
        ended = [pod for pod in pods if pod.stage in ENDED and pod.uid not in self._outcomes]
        for pod in sorted(ended, key=lambda one: one.since) if view.known else ():
            try:
                job = None
                if pod.runner_id is not None:
                    job = await self._parts.forge.result(self._scope, runner_id=pod.runner_id, job_id=pod.busy)
            except ForgeError as error:
                log("result unknown", level=logging.WARNING, pod=pod.name, error=str(error))
                return
            self._outcomes[pod.uid] = outcome_of(pod, job)
            self._parts.brakes.ended(pod, self._outcomes[pod.uid])

    async def _treat(self, pod: RunnerPod, view: ForgeView, slots: asyncio.Semaphore, *, kept: bool) -> None:
        if pod.stage in ENDED and pod.uid not in self._outcomes:
            return  # how it ended is not known before the forge has been asked
        runner = situation.runner_of(pod, view)
        runner_id = runner.id if runner else pod.runner_id
        actions = self._decide(pod, view, runner_id, kept=kept)
        async with slots:
            target = Target(scope=self._scope, pod=pod, runner_id=runner_id)
            done = await self._parts.actor.perform(target, actions)
        for action in done:
            if action.verb is Verb.CORDON and runner_id is not None:
                self._watch.cordoned_now(runner_id)
            elif action.verb is Verb.DELETE_POD and action.reason == NOT_ONLINE:
                self._parts.brakes.never_came_online(pod, self._clock())

    def _decide(self, pod: RunnerPod, view: ForgeView, runner_id: int | None, *, kept: bool) -> tuple[Action, ...]:
        deadlines, brakes, now = self._parts.settings.deadlines, self._parts.brakes, self._clock()
        standing = Standing.ABSENT if self.is_closed(pod) and view.known else situation.standing_of(pod, view)
        if pod.stage in ENDED and standing is Standing.ABSENT:
            self._closed.add(pod.uid)
        braked = brakes.explain(pod) if brakes.remaining(pod, now) > 0 else ""
        state = situation.pod_state(
            pod, deadlines=deadlines, now=now, braked=braked, outcome=self._outcomes.get(pod.uid), kept=kept
        )
        runner = situation.runner_of(pod, view)
        grant = self._parts.settings.grant_for(pod.namespace)
        facts = situation.runner_state(
            runner,
            standing,
            view,
            unseen_seconds=self._watch.unseen_seconds(runner_id or 0),
            unseen_limit=deadlines.lost_seconds,
            cordoned_seconds=self._watch.cordoned_seconds(runner_id or 0),
            drift=situation.report_of(pod, runner, grant.runner_group if grant else None),
            runner_id=runner_id,
        )
        return decide(state, facts)

    def _forget(self, pods: Sequence[RunnerPod]) -> None:
        uids = {pod.uid for pod in pods}
        self._outcomes = {uid: outcome for uid, outcome in self._outcomes.items() if uid in uids}
        self._closed &= uids
        self._watch.forget({pod.runner_id for pod in pods if pod.runner_id is not None})
