"""One scope's cycle: look at its runners, judge its pods, do what was decided."""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from registrar import situation
from registrar.accounting import Accounting
from registrar.actions import ENDING_SECONDS, Actor, Ghost, Target
from registrar.announcer import Announcer
from registrar.brakes import Brakes
from registrar.decisions import Action, Standing, Verb, decide
from registrar.declared_pools import DeclaredPools
from registrar.departures import Departures
from registrar.forge_view import ForgeView
from registrar.forge_watch import ForgeWatch
from registrar.forges.forge import Forge, Job, Runner
from registrar.ghosts import Ghosts
from registrar.jobs_in_progress import JobsInProgress
from registrar.logs import LOGGER
from registrar.losses import Loss, silence_of
from registrar.lost_jobs import LostJobs
from registrar.metrics import Metrics
from registrar.outcomes import kept_failures
from registrar.ownership import has_elder_claim, owned_runners
from registrar.pod_store import PodStore
from registrar.pods import ENDED, WAITING, RunnerPod, Stage
from registrar.results import Results, Work
from registrar.settings import Settings
from registrar.treatments import Treatments
from values.contract import BUSY_WITH_UNKNOWN_JOB, NOT_ONLINE
from values.scope import Scope

DECISIONS_IN_A_ROW = 50  # some milliseconds
CLOCK_STEP_SECONDS = 1.0  # of the times that Kubernetes writes


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the loop works with."""

    settings: Settings
    forge: Forge
    store: PodStore
    declared: DeclaredPools
    actor: Actor
    announcer: Announcer
    brakes: Brakes
    metrics: Metrics
    accounting: Accounting
    jobs: Mapping[Scope, JobsInProgress]


class ScopeCycle:
    """Everything it remembers can be rebuilt from pods and forge after a restart."""

    def __init__(
        self, parts: Parts, scope: Scope, clock: Callable[[], float], *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """clock: the time of day, as pods bear it; elapsed: seconds that only grow, by which the forge is watched."""
        self._parts, self._scope, self._clock = parts, scope, clock
        self.namespaces = [grant.namespace for grant in parts.settings.grants if grant.scope == scope]
        self.changed = parts.store.subscribe(self.namespaces)
        self._watch = ForgeWatch(parts.forge, scope, parts.metrics, parts.jobs[scope], clock=elapsed)
        self._treatments = Treatments()
        self._ghosts = Ghosts(
            parts.settings, parts.store, parts.actor, self._watch, scope, treatments=self._treatments
        )  # fmt: skip
        self._results = Results(parts.forge, scope, self.changed.set, parts.accounting, clock=clock)
        grants = [grant for grant in parts.settings.grants if grant.scope == scope]
        reruns = {grant.namespace for grant in grants if grant.rerun_lost_jobs}
        self._lost = LostJobs(parts.forge, scope, parts.announcer, parts.metrics, reruns=reruns)
        self._departures = Departures(parts.forge, scope, self._lost, clock=clock)
        self._gone: set[str] = set()  # uids of ended pods whose runners the forge does not have: none comes back
        self._closed: set[str] = set()  # uids of ended pods of which the forge has nothing left
        self._judged: set[str] = set()  # uids of ended pods that were treated by what is known of their end
        self._looked_for: set[str] = set()  # uids of pods whose runners the last look asked for
        self._left_out: frozenset[str] = frozenset()  # who was being treated when this cycle began

    async def close(self) -> None:
        """Stop what goes on beside the cycles."""
        beside = (self._treatments, self._results, self._departures, self._lost)
        await asyncio.gather(*(part.close() for part in beside))

    @property
    def remembered(self) -> int:
        """Of how many pods it knows an outcome, or that nothing is left of them."""
        return len(self._closed | self._gone | self._judged) + self._results.remembered + self._departures.followed

    def pods(self) -> tuple[RunnerPod, ...]:
        """The scope's pods, of namespaces that are known now."""
        return self._parts.store.pods(self.namespaces)

    def is_moving(self, pod: RunnerPod) -> bool:
        """Whether something may soon change about a pod of this scope."""
        if pod.stage in ENDED:
            return pod.uid not in self._closed
        # One whose job is known goes on until it ends, which its pod tells.
        return pod.stage is not Stage.RUNNING or pod.busy == BUSY_WITH_UNKNOWN_JOB

    @property
    def is_urgent(self) -> bool:
        """Whether a runner has ended of which nothing was asked yet, or what was asked has been answered since."""
        return any(
            pod.stage in ENDED and pod.uid not in self._judged and not self._results.is_asking(pod)
            for pod in self.pods()
        )

    async def run(self) -> None:
        """Look at the scope once, and begin what is to be done; whoever is being treated is left to the next look."""
        self._left_out = self._treatments.under_way  # of whom this look knows what was before
        pods = self.pods()
        self._follow_departed(pods)
        self._forget()
        view = await self._look(pods)
        owned = owned_runners(pods, view.runners)
        self._close(pods, owned, view)
        await self._judge_ended(pods)
        self._follow_lost(pods, view)
        now = self._clock()
        for pod in pods:
            self._parts.brakes.lasts(pod, now)
        kept = self._kept(pods)
        await self._treat_all(pods, owned, view, kept)
        self._ghosts.treat(pods, view, self._left_out)

    async def _look(self, pods: Sequence[RunnerPod]) -> ForgeView:
        """Ask the forge only for what can have changed; where nothing is registered, only now and then."""
        registered = [pod for pod in pods if pod.runner_id is not None]
        if not registered and self._watch.is_known and not self._watch.is_census_due:
            return ForgeView(known=True)
        wanted = {pod.uid: pod.runner_id or 0 for pod in registered if self._wants(pod)}
        self._looked_for = set(wanted)
        return await self._watch.look(list(wanted.values()), self._jobs_age(registered))

    def _jobs_age(self, pods: Sequence[RunnerPod]) -> float:
        """How old the jobs may be that decide about pods that leave or have ended: read after the last of them did."""
        edges = (
            pod.since
            for pod in pods
            if (pod.stage is Stage.TERMINATING and pod.busy is None)
            or (pod.stage in ENDED and pod.uid not in self._closed)
        )
        return self._clock() - max(edges, default=float("-inf")) - CLOCK_STEP_SECONDS

    def _wants(self, pod: RunnerPod) -> bool:
        """Whether this pod's runner has to be looked up by its id in this cycle."""
        if pod.uid in self._left_out and pod.stage is not Stage.STARTING:
            return False  # should it have a job, the list of jobs tells
        if pod.stage in ENDED:
            return pod.uid not in self._closed and pod.uid not in self._gone and self._may_be_left(pod)
        if pod.stage in WAITING or (pod.stage is Stage.STARTING and self._is_connecting(pod)):
            return False
        is_missing = self._watch.lacks(pod.runner_id or 0)
        if pod.busy is not None:
            # Left alone, and seldom asked whether it is abandoned: once its time is counted, with each census.
            is_counted = self._watch.unseen_seconds(pod.runner_id or 0) > 0
            return is_missing and (self._watch.is_census_due or not is_counted)
        return pod.stage is not Stage.RUNNING or is_missing

    def _may_be_left(self, pod: RunnerPod) -> bool:
        """Whether an ended pod's registration has to be looked for: where it goes with the result, first comes that."""
        outcome = self._results.outcome(pod)
        return not self._parts.forge.forgets_done_runners or (outcome is not None and not outcome.has_result)

    def _is_done(self, pod: RunnerPod) -> bool:
        """Whether nothing is left of an ended pod's registration by the result of its job."""
        outcome = self._results.outcome(pod)
        return self._parts.forge.forgets_done_runners and outcome is not None and outcome.has_result

    def _close(self, pods: Sequence[RunnerPod], owned: Mapping[str, Runner], view: ForgeView) -> None:
        """Ended pods whose registrations are gone need not be looked for again, however long their results take."""
        for pod in pods:
            if pod.stage in ENDED:
                if pod.runner_id in view.absent:
                    self._gone.add(pod.uid)
                if self._is_done(pod) or self._standing(pod, owned.get(pod.uid), view) is Standing.ABSENT:
                    self._closed.add(pod.uid)

    def _standing(self, pod: RunnerPod, runner: Runner | None, view: ForgeView) -> Standing:
        if (pod.uid in self._closed or (pod.stage in ENDED and self._is_done(pod))) and view.known:
            return Standing.ABSENT
        if pod.stage in ENDED and self._parts.forge.forgets_done_runners and self._is_unseen(pod):
            return Standing.UNKNOWN  # its result came in the middle of this cycle: the next one looks first
        standing = situation.standing_of(pod, runner, view)
        is_gone = pod.uid in self._gone and view.known and view.jobs_known and runner is None
        return Standing.ABSENT if is_gone and standing is Standing.UNKNOWN else standing

    def _is_unseen(self, pod: RunnerPod) -> bool:
        """Whether this cycle knows its runner by lists of before alone."""
        return pod.runner_id is not None and pod.uid not in self._looked_for and pod.uid not in self._gone

    def _is_connecting(self, pod: RunnerPod) -> bool:
        """Whether its runner started so short a time ago that the forge cannot have heard of it."""
        return self._clock() - pod.since < self._parts.forge.pace.connects

    async def _judge_ended(self, pods: Sequence[RunnerPod]) -> None:
        """Have the jobs of ended runners looked up; a new answer wakes this scope, which counts it here."""
        ended = sorted((pod for pod in pods if pod.stage in ENDED), key=lambda pod: (pod.since, pod.uid))
        self._results.ask(ended)
        await asyncio.sleep(0)
        for pod in ended:
            outcome = self._results.outcome(pod)
            if outcome is not None:
                self._judged.add(pod.uid)
                self._parts.brakes.ended(pod, outcome, self._clock())

    def _kept(self, pods: Sequence[RunnerPod]) -> frozenset[str]:
        failures = []
        for pod in pods:
            outcome = self._results.outcome(pod) if pod.stage in ENDED else None
            if outcome is not None and not outcome.done and not pod.deleting:
                failures.append(pod)
        needed = {pod.uid for pod in pods if pod.stage in ENDED and self._lost.holds(self._loss(pod, pods))}
        return kept_failures(failures, self._parts.settings.keep_failed) | needed

    def _follow_departed(self, pods: Sequence[RunnerPod]) -> None:
        """Pods that are gone, with what is known of their jobs or not yet: before that, too, is forgotten."""
        departed = self._parts.store.take_departed(self.namespaces)
        for pod in departed:
            if pod.runner_id is None or has_elder_claim(pod, pod.runner_id, (*pods, *departed)):
                continue
            outcome = self._results.outcome(pod)
            if outcome is None:
                self._departures.follow(pod)
            elif outcome.loss is not None:  # it may have come since the last cycle: nobody follows it yet
                self._lost.follow(outcome.loss, pod)

    def _follow_lost(self, pods: Sequence[RunnerPod], view: ForgeView) -> None:
        """Jobs whose runners have ended without their results, and those whose runners are silent for too long."""
        for pod in pods:
            loss = self._loss(pod, pods) if pod.stage in ENDED else None
            if loss is not None:
                self._lost.follow(loss, pod)
        self._lost.heard_of({runner.id for runner in view.runners.values() if runner.online})
        self._ghosts.note(pods)
        silent = [(runner, job) for job in view.jobs.values() if (runner := self._silent(job, view)) is not None]
        live = {pod.name: pod for pod in sorted(pods, key=lambda pod: pod.created, reverse=True)} if silent else {}
        for runner, job in silent:
            pod_or_none = live.get(runner.name)
            if not self._ghosts.is_ours(runner) or (pod_or_none is not None and pod_or_none.stage in ENDED):
                continue  # somebody else's, or one of which its pod tells more
            namespace = pod_or_none.namespace if pod_or_none is not None else self._namespace_of(runner)
            subject = pod_or_none or Ghost(namespace=namespace or self.namespaces[0], name=runner.name)
            self._lost.follow(silence_of(job, runner.name, namespace), subject)

    def _silent(self, job: Job, view: ForgeView) -> Runner | None:
        """The runner of a job, where it has been offline for too long."""
        runner, limit = view.runners.get(job.runner_id or 0), self._parts.settings.deadlines.lost_seconds
        is_silent = runner is not None and not runner.online and self._watch.unseen_seconds(runner.id) > limit
        return runner if is_silent else None

    def _loss(self, pod: RunnerPod, pods: Sequence[RunnerPod]) -> Loss | None:
        """What was lost with an ended pod; of two pods of one name the elder one's runner bears it."""
        outcome = self._results.outcome(pod)
        loss = outcome.loss if outcome is not None else None
        return None if loss is None or has_elder_claim(pod, loss.runner_id, pods) else loss

    def _namespace_of(self, runner: Runner) -> str:
        """Where the pods of its Deployment are; "" where that is not known, or not one namespace."""
        namespaces = self._ghosts.namespaces(runner)
        return next(iter(namespaces)) if len(namespaces) == 1 else ""

    async def _treat_all(
        self, pods: Sequence[RunnerPod], owned: Mapping[str, Runner], view: ForgeView, kept: Collection[str]
    ) -> None:
        """Decide about every pod that is not being treated, and have done what is to be done."""
        for number, pod in enumerate(pods):
            if number % DECISIONS_IN_A_ROW == DECISIONS_IN_A_ROW - 1:
                await asyncio.sleep(0)  # whoever asks for something waits no longer than for these
            if pod.uid in self._left_out and not self._treatments.is_waiting(pod.uid):
                continue
            runner = owned.get(pod.uid)
            actions = self._judge(pod, runner, view, kept=pod.uid in kept)
            if actions:
                job = view.jobs.get((runner.id if runner else pod.runner_id) or 0)
                self._treatments.begin(pod.uid, actions, partial(self._treat, pod, runner, job, actions))

    def _judge(self, pod: RunnerPod, runner: Runner | None, view: ForgeView, *, kept: bool) -> tuple[Action, ...]:
        if pod.stage in ENDED and self._results.outcome(pod) is None:
            return ()  # how it ended is not known before the forge has been asked
        try:
            return self._decide(pod, runner, view, kept=kept)
        except Exception:
            LOGGER.exception("pod not treated")  # one odd pod costs only itself
            return ()

    async def _treat(self, pod: RunnerPod, runner: Runner | None, job: Job | None, actions: Sequence[Action]) -> None:
        # A runner that is not single-use was never made here, whatever its name is.
        runner_id = runner.id if runner is not None and runner.ephemeral else None
        target = Target(scope=self._scope, pod=pod, runner_id=runner_id, job=job)
        try:
            done = await self._parts.actor.perform(target, actions)
        finally:
            if self._parts.store.get(pod.namespace, pod.name) is not pod:
                self.changed.set()  # looks that began meanwhile have left it out
        for action in done:
            if action.verb is Verb.SET_GATE:
                self._parts.accounting.came_online(pod)
            if action.verb is Verb.CORDON and runner_id is not None:
                self._watch.cordoned_now(runner_id)
            elif action.verb is Verb.DELETE_POD and action.reason == NOT_ONLINE:
                self._parts.brakes.never_came_online(pod, self._clock())

    def _decide(self, pod: RunnerPod, runner: Runner | None, view: ForgeView, *, kept: bool) -> tuple[Action, ...]:
        deadlines, brakes, now = self._parts.settings.deadlines, self._parts.brakes, self._clock()
        standing = self._standing(pod, runner, view)
        braked = brakes.explain(pod) if brakes.remaining(pod, now) > 0 else ""
        state = situation.pod_state(
            pod, deadlines=deadlines, now=now, braked=braked, outcome=self._results.outcome(pod), kept=kept
        )
        grant = self._parts.settings.grant_for(pod.namespace)
        runner_id = runner.id if runner else pod.runner_id
        work = self._work_of_absent(pod) if standing is Standing.ABSENT else None
        facts = situation.runner_state(
            runner,
            standing,
            view,
            unseen_seconds=self._watch.unseen_seconds(runner_id or 0),
            unseen_limit=deadlines.lost_seconds,
            cordoned_seconds=self._watch.cordoned_seconds(runner_id or 0),
            drift=situation.report_of(pod, runner, grant.runner_group if grant else None),
            abandoned=work is Work.NONE,
            over=work is Work.OVER,
            runner_id=runner_id,
        )
        return decide(state, facts)

    def _work_of_absent(self, pod: RunnerPod) -> Work | None:
        """What the forge says of the job of a runner that has been gone from it for too long, where that decides.

        OVER: the job has a conclusion, and the runner had time to end after it. NONE: of a job nothing is known, for as
        long as a runner without a pod may stay; its pod is deleted then, and preStop waits for a job even so.
        """
        deadlines, left = self._parts.settings.deadlines, (pod.killed_at or math.inf) - self._clock()
        if pod.busy is None or pod.stage in ENDED or pod.stage in WAITING or pod.runner_id is None:
            return None
        unseen = self._watch.unseen_seconds(pod.runner_id)
        work = self._results.work(pod) if unseen > deadlines.lost_seconds and left > ENDING_SECONDS else None
        return None if work is Work.NONE and unseen <= deadlines.ghost_seconds else work

    def _forget(self) -> None:
        pods = [pod for pod in self._parts.store.last_seen() if pod.namespace in self.namespaces]
        uids = {pod.uid for pod in pods}
        self._results.forget(uids)
        self._closed &= uids
        self._gone &= uids
        self._judged &= uids
        self._watch.forget({pod.runner_id for pod in pods if pod.runner_id is not None})
