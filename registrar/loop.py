"""The level-triggered loop: observe pods and forge, decide, act; then wait for a change or for the next look."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from registrar import situation
from registrar.actions import Actor, Ghost, Target
from registrar.announcer import Announcer
from registrar.brakes import Brakes
from registrar.contract import NOT_ONLINE
from registrar.decisions import Standing, Verb, decide
from registrar.forge_view import ForgeView
from registrar.forge_watch import ForgeWatch
from registrar.forges.forge import Forge, ForgeError, Runner
from registrar.logs import tell
from registrar.metrics import Metrics
from registrar.outcomes import Outcome, kept_failures, outcome_of
from registrar.pod_store import PodStore
from registrar.pods import ENDED, RunnerPod, Stage
from registrar.settings import Settings

COALESCE_SECONDS = 0.05  # events come in bursts; one look serves them all
BURST_SECONDS = 5.0  # after its start a runner is online within a fraction of a second, or something is wrong
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


class Loop:
    """Runs until cancelled. Everything it remembers can be rebuilt from pods and forge after a restart."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.time) -> None:
        self._parts, self._clock = parts, clock
        self._watches = {scope: ForgeWatch(parts.forge, scope, parts.metrics) for scope in parts.settings.scopes}
        self.views: dict[str, ForgeView] = {scope: ForgeView(known=False) for scope in parts.settings.scopes}
        self._outcomes: dict[str, Outcome] = {}
        self._closed: set[str] = set()  # uids of ended pods of which the forge has nothing left
        self._owners: dict[str, set[str]] = {scope: set() for scope in parts.settings.scopes}

    async def run(self) -> None:
        """Look, act and wait, for ever."""
        store = self._parts.store
        while True:
            store.changed.clear()
            started = time.perf_counter()
            try:
                await self.cycle()
            except Exception:
                # one odd pod must not end the watch over all others
                tell_exception()
            self._parts.metrics.cycles.observe(time.perf_counter() - started)
            try:
                await asyncio.wait_for(store.changed.wait(), self.interval())
                await asyncio.sleep(COALESCE_SECONDS)
            except TimeoutError:
                continue

    def interval(self) -> float:
        """Seconds until the next look if nothing changes."""
        pace, pods, now = self._parts.forge.pace, self._parts.store.pods(), self._clock()
        if any(pod.stage is Stage.STARTING and now - pod.since < BURST_SECONDS for pod in pods):
            return pace.burst
        return pace.active if any(map(self._is_moving, pods)) else pace.idle

    def _is_moving(self, pod: RunnerPod) -> bool:
        if pod.stage in ENDED:
            return pod.uid not in self._closed
        return pod.busy is not None or pod.stage is not Stage.RUNNING

    async def cycle(self) -> None:
        """One look at everything, and what follows from it."""
        pods = self._parts.store.pods()
        self._forget(pods)
        scopes = self._parts.settings.scopes
        await asyncio.gather(*(self._cycle_of(scope, self._pods_of(scope, pods)) for scope in scopes))
        self._count(pods)

    def _pods_of(self, scope: str, pods: Sequence[RunnerPod]) -> list[RunnerPod]:
        granted = {grant.namespace for grant in self._parts.settings.grants if grant.scope == scope}
        return [pod for pod in pods if pod.namespace in granted]

    async def _cycle_of(self, scope: str, pods: list[RunnerPod]) -> None:
        watch = self._watches[scope]
        self._owners[scope] |= {pod.owner for pod in pods if pod.owner}
        view = self.views[scope] = await self._look(watch, pods)
        await self._judge_ended(scope, pods, view)
        failures = [pod for pod in pods if pod.uid in self._outcomes and not self._outcomes[pod.uid].done]
        kept = kept_failures([pod for pod in failures if not pod.deleting], self._parts.settings.keep_failed)
        for pod in pods:
            self._parts.brakes.lasts(pod, self._clock())
        slots = asyncio.Semaphore(ACTS_AT_ONCE)
        await asyncio.gather(*(self._treat(scope, pod, view, kept=pod.uid in kept, slots=slots) for pod in pods))
        await self._treat_ghosts(scope, pods, view)

    async def _look(self, watch: ForgeWatch, pods: Sequence[RunnerPod]) -> ForgeView:
        """Ask the forge only for what can have changed; where nothing is registered, only now and then."""
        if not watch.is_census_due and not any(pod.runner_id is not None for pod in pods):
            return ForgeView(known=True) if watch.is_known else await watch.look(())
        return await watch.look(
            [pod.runner_id for pod in pods if pod.runner_id is not None and self._wants(watch, pod)]
        )

    def _wants(self, watch: ForgeWatch, pod: RunnerPod) -> bool:
        """Whether this pod's runner has to be looked up by its id in this cycle."""
        if pod.stage in ENDED:
            return pod.uid not in self._closed
        if pod.busy is not None or pod.stage in (Stage.SCHEDULING, Stage.PULLING, Stage.INITIALIZING):
            return False
        return pod.stage is not Stage.RUNNING or watch.lacks(pod.runner_id or 0)

    async def _judge_ended(self, scope: str, pods: Sequence[RunnerPod], view: ForgeView) -> None:
        """Ask once for the job of each ended runner; without the forge's answer nothing is concluded."""
        ended = [pod for pod in pods if pod.stage in ENDED and pod.uid not in self._outcomes]
        for pod in sorted(ended, key=lambda one: one.since) if view.known else ():
            try:
                job = None
                if pod.runner_id is not None:
                    job = await self._parts.forge.result(scope, runner_id=pod.runner_id, job_id=pod.busy)
            except ForgeError as error:
                tell("result unknown", level=logging.WARNING, pod=pod.name, error=str(error))
                return
            self._outcomes[pod.uid] = outcome_of(pod, job)
            self._parts.brakes.ended(pod, self._outcomes[pod.uid])

    async def _treat(
        self, scope: str, pod: RunnerPod, view: ForgeView, *, kept: bool, slots: asyncio.Semaphore
    ) -> None:
        if pod.stage in ENDED and pod.uid not in self._outcomes:
            return  # how it ended is not known before the forge has been asked
        deadlines, watch, now = self._parts.settings.deadlines, self._watches[scope], self._clock()
        braked = self._parts.brakes.explain(pod) if self._parts.brakes.remaining(pod, now) > 0 else ""
        state = situation.pod_state(
            pod, deadlines=deadlines, now=now, braked=braked, outcome=self._outcomes.get(pod.uid), kept=kept
        )
        runner = situation.runner_of(pod, view)
        runner_id = runner.id if runner else pod.runner_id
        standing = Standing.ABSENT if pod.uid in self._closed and view.known else situation.standing_of(pod, view)
        facts = situation.runner_state(
            runner,
            standing,
            view,
            unseen_seconds=watch.unseen_seconds(runner_id or 0),
            unseen_limit=deadlines.lost_seconds,
            cordoned_seconds=watch.cordoned_seconds(runner_id or 0),
            drift=situation.drift_of(pod, runner),
            runner_id=runner_id,
        )
        if pod.stage in ENDED and standing is Standing.ABSENT:
            self._closed.add(pod.uid)
        target = Target(scope=scope, pod=pod, runner_id=runner_id)
        async with slots:
            done = await self._parts.actor.perform(target, decide(state, facts))
        if any(action.verb is Verb.DELETE_POD and action.reason == NOT_ONLINE for action in done):
            self._parts.brakes.never_came_online(pod, now)

    async def _treat_ghosts(self, scope: str, pods: Sequence[RunnerPod], view: ForgeView) -> None:
        watch, limit = self._watches[scope], self._parts.settings.deadlines.ghost_seconds
        names, ids = {pod.name for pod in pods}, {pod.runner_id for pod in pods}
        ripe = [
            runner
            for runner in view.runners.values()
            if self._is_ours(scope, runner)
            and runner.name not in names
            and runner.id not in ids
            and watch.unseen_seconds(runner.id) > limit
        ]
        if not ripe:
            return
        namespaces = [grant.namespace for grant in self._parts.settings.grants if grant.scope == scope]
        listed = all(await asyncio.gather(*(self._parts.store.refresh(name) for name in namespaces)))
        names = {pod.name for pod in self._pods_of(scope, self._parts.store.pods())}
        for runner in ripe:
            facts = situation.runner_state(
                runner,
                situation.standing(runner, view),
                view,
                unseen_seconds=watch.unseen_seconds(runner.id),
                unseen_limit=limit,
                cordoned_seconds=watch.cordoned_seconds(runner.id),
                namespaces_listed=listed and runner.name not in names,
            )
            ghost = Ghost(namespace=namespaces[0], name=runner.name)
            target = Target(scope=scope, pod=None, runner_id=runner.id, ghost=ghost)
            await self._parts.actor.perform(target, decide(None, facts))

    def _is_ours(self, scope: str, runner: Runner) -> bool:
        """Single-use, and named like a pod of a Deployment whose pods this registrar has seen in the scope."""
        owner = runner.name.rsplit("-", 2)[0]
        return runner.ephemeral and owner in self._owners[scope]

    def _forget(self, pods: Sequence[RunnerPod]) -> None:
        uids = {pod.uid for pod in pods}
        if all(self._parts.store.knows(grant.namespace) for grant in self._parts.settings.grants):
            self._outcomes = {uid: outcome for uid, outcome in self._outcomes.items() if uid in uids}
            self._closed &= uids
            self._parts.announcer.forget(uids | {""})
            self._parts.brakes.forget(uids)
        ids = {pod.runner_id for pod in pods if pod.runner_id is not None}
        for watch in self._watches.values():
            watch.forget(ids)

    def _count(self, pods: Sequence[RunnerPod]) -> None:
        counted: dict[tuple[str, str, str, str], int] = {}
        for pod in pods:
            key = (pod.namespace, pod.pool, pod.stage.value, "true" if pod.busy is not None else "false")
            counted[key] = counted.get(key, 0) + 1
        metrics = self._parts.metrics
        metrics.runners.clear()
        for key, number in counted.items():
            metrics.runners.labels(*key).set(number)
        _set_braked(metrics, self._parts.brakes.held(self._clock()))


def _set_braked(metrics: Metrics, held: Mapping[tuple[str, str], float]) -> None:
    metrics.braked.clear()
    for (namespace, pool), seconds in held.items():
        metrics.braked.labels(namespace, pool).set(seconds)


def tell_exception() -> None:
    """Log the exception being handled, with its traceback."""
    logging.getLogger("registrar").exception("cycle failed")
