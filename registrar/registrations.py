"""Trades a verified pod identity for one single-use registration, or says why not."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from registrar import cluster
from registrar.announcer import Announcer
from registrar.brakes import Brakes
from registrar.cluster import Cluster
from registrar.forges.forge import Forge, ForgeError, Registration, RunnerBusyError
from registrar.identity import PodIdentity, RegistrationRefusedError
from registrar.logs import log
from registrar.ownership import elder_namesake, has_elder_claim
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.queue_reader import QueueReader
from registrar.requests import alive, granted
from registrar.settings import Settings
from registrar.turns import HOLD_SECONDS, MOST_WAITING, NotYetError, Turns
from values import contract
from values.grant import Grant
from values.scope import Scope

API_RETRY_SECONDS = 3.0
BUSY_POD_SECONDS = 5.0
AFTER_OTHERS_SECONDS = 3.0
REQUESTS_OF_A_POD = 4  # at once: whoever is in a pod cannot fill the door
CLOSING_SECONDS = 15.0  # for registrations that nobody waits for any more
JITTER = 0.2  # of the brake's delay: pods that wait together should not come back together

Answer = TypeVar("Answer")


class RegistrationDelayedError(Exception):
    """Not now: try again after `retry_after` seconds. `status` is 429 (braked) or 503 (somebody we need is away)."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float) -> None:
        super().__init__(f"{reason}: {message}")
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


@dataclass(kw_only=True)
class _Asking:
    """The requests of one pod."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    number: int = 0


class Registrations:
    """Issues registrations. One for a pod at a time; the runner's id is on the pod before an answer leaves.

    Whoever hangs up while they wait costs the forge nothing; whoever hangs up while they are registered leaves no
    registration behind.
    """

    def __init__(
        self,
        settings: Settings,
        api: Cluster,
        forge: Forge,
        *,
        store: PodStore,
        brakes: Brakes,
        announcer: Announcer,
        queue: QueueReader,
        hold_seconds: float = HOLD_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._api, self._forge, self._store = settings, api, forge, store
        self._brakes, self._announcer, self._clock, self._queue = brakes, announcer, clock, queue
        self._asking: dict[str, _Asking] = {}
        failures, room = (ForgeError, *cluster.ERRORS), MOST_WAITING // max(1, len(settings.scopes))
        self._turns = {
            scope: Turns(rate=forge.pace.issues, failures=failures, room=room, hold_seconds=hold_seconds)
            for scope in settings.scopes
        }
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._taking_back: dict[str, asyncio.Task[None]] = {}  # by the pods' uids

    @property
    def remembered(self) -> int:
        """Of how many pods it knows that they ask, or have asked and were sent away, or what is to be undone."""
        waiting = sum(turns.remembered for turns in self._turns.values())
        return len(self._asking) + len(self._unfinished) + len(self._taking_back) + waiting

    async def issue(self, identity: PodIdentity) -> str:
        """The registration file for this pod. Raises RegistrationRefusedError or RegistrationDelayedError."""
        grant = granted(self._settings, identity)
        try:
            async with self._alone(identity.pod_uid), self._turns[grant.scope].turn(identity.pod_uid):
                pod = await alive(self._api, identity)
                try:
                    return await self._issue_to(pod, grant)
                except RegistrationRefusedError as refusal:
                    await self._announcer.announce(pod, contract.REGISTRATION_REFUSED, refusal.message)
                    raise
        except NotYetError as error:
            message = f"{error.ahead} pods are before this one at the forge"
            raise RegistrationDelayedError(503, "ForgePace", message, error.retry_after) from error
        except (*cluster.ERRORS, ForgeError) as error:
            wait = error.retry_after if isinstance(error, ForgeError) else API_RETRY_SECONDS
            reason = contract.FORGE_UNKNOWN if isinstance(error, ForgeError) else "ClusterUnknown"
            raise RegistrationDelayedError(503, reason, str(error), wait) from error

    async def close(self) -> None:
        """Wait until what was begun for pods that are gone is undone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                while self._unfinished:  # what ends may begin its own undoing
                    await asyncio.wait(self._unfinished)

    @asynccontextmanager
    async def _alone(self, uid: str) -> AsyncIterator[None]:
        """One request of a pod after the other, and few of them."""
        asking = self._asking.setdefault(uid, _Asking())
        if asking.number >= REQUESTS_OF_A_POD:
            message = f"this pod has asked {asking.number} times already and has no answer yet"
            raise RegistrationDelayedError(503, "AlreadyAsking", message, BUSY_POD_SECONDS)
        asking.number += 1
        try:
            async with asking.lock:
                yield
        finally:
            asking.number -= 1
            if not asking.number:
                self._asking.pop(uid, None)

    async def _issue_to(self, pod: RunnerPod, grant: Grant) -> str:
        _check_state(pod)
        _check_labels(pod, grant)
        self._check_name(pod, grant.scope)
        held = self._brakes.remaining(pod, self._clock())
        if held > 0:
            cause = self._brakes.explain(pod)
            await self._announcer.announce(pod, contract.REGISTRATION_BRAKED, f"registrations are held back: {cause}")
            wait = held + random.uniform(0, JITTER * held)  # noqa: S311 - spreads load, guards nothing
            raise RegistrationDelayedError(429, contract.REGISTRATION_BRAKED, cause, wait)
        if pod.runner_id is not None:
            await self._taken_back(pod, grant.scope, pod.runner_id)
        await self._check_order(pod)
        self._brakes.issued(pod, self._clock())
        registration = await self._register(pod, grant)
        message = f"runner {registration.runner_id} registered with labels {','.join(pod.runner_labels)}"
        await self._announcer.announce(pod, contract.REGISTRATION_ISSUED, message)
        return registration.body

    async def _check_order(self, pod: RunnerPod) -> None:
        """Raises RegistrationDelayedError while the devices that this pod holds are another one's, by the queue."""
        held = self._queue.reservation_against(pod.namespace, pod.pool)
        if held is not None:
            message = f"{held}: the autoscaler takes this pod back, or its turn comes"
            await self._announcer.announce(pod, contract.REGISTRATION_AFTER_OTHERS, message)
            raise RegistrationDelayedError(429, contract.REGISTRATION_AFTER_OTHERS, message, AFTER_OTHERS_SECONDS)

    def _rivals(self, scope: Scope) -> tuple[RunnerPod, ...]:
        return tuple(pod for pod in self._store.last_seen() if self._scope_of(pod) == scope)

    def _scope_of(self, pod: RunnerPod) -> Scope | None:
        grant = self._settings.grant_for(pod.namespace)
        return grant.scope if grant else None

    def _check_name(self, pod: RunnerPod, scope: Scope) -> None:
        """Raises RegistrationRefusedError where the forge would take the runner of an elder pod away for this one."""
        elder = elder_namesake(pod, self._rivals(scope)) if self._forge.has_unique_names else None
        if elder is not None:
            message = (
                f"pod {elder.namespace}/{elder.name} of the same scope had this name first, and runners are called so"
            )
            raise RegistrationRefusedError(409, "NameTaken", message)

    async def _taken_back(self, pod: RunnerPod, scope: Scope, runner_id: int) -> None:
        """Goes on to its end though its pod hangs up, which then joins it: at a slow forge no client waits for all."""
        taking = self._taking_back.get(pod.uid)
        if taking is None or taking.done():
            taking = self._taking_back[pod.uid] = self._begin(self._take_back(pod, scope, runner_id))
            taking.add_done_callback(partial(self._has_taken_back, pod.uid))
        await asyncio.shield(taking)

    def _has_taken_back(self, uid: str, taking: "asyncio.Task[None]") -> None:
        if self._taking_back.get(uid) is taking:
            del self._taking_back[uid]
        if not taking.cancelled():
            taking.exception()  # where nobody waits for it any more, it is no news

    async def _take_back(self, pod: RunnerPod, scope: Scope, runner_id: int) -> None:
        """Remove a registration whose answer was lost. One that was ever online has been used, and stays.

        It is judged before it is touched: an annotation may name anybody's runner.
        """
        runner = await self._forge.find(scope, runner_id)
        if runner is None or runner.name != pod.name or not runner.ephemeral:
            return
        if has_elder_claim(pod, runner_id, self._rivals(scope)):
            return
        if runner.online or runner.busy or await self._has_job(scope, runner_id):
            raise RegistrationRefusedError(
                409, "AlreadyOnline", f"runner {runner_id} of this pod has been online already"
            )
        try:
            await self._forge.cordon(scope, runner_id)
        except RunnerBusyError as error:
            raise RegistrationRefusedError(
                409, "AlreadyOnline", f"runner {runner_id} of this pod has a job: {error}"
            ) from error
        if await self._has_job(scope, runner_id):  # it came between the look and the cordon
            raise RegistrationRefusedError(409, "AlreadyOnline", f"runner {runner_id} of this pod has a job")
        await self._forge.remove(scope, runner_id)
        message = f"runner {runner_id} was never online and the pod asks again"
        await self._announcer.announce(pod, contract.REGISTRATION_REMOVED, message)

    async def _has_job(self, scope: Scope, runner_id: int) -> bool:
        return any(job.runner_id == runner_id for job in await self._forge.jobs_in_progress(scope))

    async def _register(self, pod: RunnerPod, grant: Grant) -> Registration:
        """Register, and go on to the end even if nobody waits any more: only then is it known what is to be undone."""
        registering = self._begin(self._register_and_store(pod, grant))
        try:
            return await asyncio.shield(registering)
        except asyncio.CancelledError:
            await asyncio.shield(self._begin(self._undo(registering, grant.scope)))
            raise

    async def _register_and_store(self, pod: RunnerPod, grant: Grant) -> Registration:
        registration = await self._forge.issue(
            grant.scope, name=pod.name, labels=pod.runner_labels, group=grant.runner_group
        )
        await self._store_id(pod, grant.scope, registration)
        return registration

    async def _undo(self, registering: "asyncio.Task[Registration]", scope: Scope) -> None:
        await asyncio.wait([registering])
        if not registering.cancelled() and registering.exception() is None:
            await self._discard(scope, registering.result().runner_id)
            log("registration undone: nobody waits for it any more", scope=scope)

    def _begin(self, work: Coroutine[Any, Any, Answer]) -> "asyncio.Task[Answer]":
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return task

    async def _store_id(self, pod: RunnerPod, scope: Scope, registration: Registration) -> None:
        """Write the runner's id to the pod; a registration that no pod remembers must not exist."""
        try:
            stored = await self._api.annotate(pod, {contract.RUNNER_ID_ANNOTATION: str(registration.runner_id)})
        except BaseException as error:
            await asyncio.shield(self._begin(self._discard(scope, registration.runner_id)))
            if isinstance(error, Exception) and cluster.is_gone(error):
                raise RegistrationRefusedError(
                    403, "PodUnknown", "the pod was deleted while its runner was registered"
                ) from error
            raise
        self._store.put(stored)
        if stored.deleting:
            await self._discard(scope, registration.runner_id)
            raise RegistrationRefusedError(403, "PodEnding", "the pod was deleted while its runner was registered")

    async def _discard(self, scope: Scope, runner_id: int) -> None:
        try:
            await self._forge.cordon(scope, runner_id)
            await self._forge.remove(scope, runner_id)
        except (ForgeError, RunnerBusyError) as error:
            # nobody has its secret, so it can never come online; the ghost rule takes it away later
            log("registration left behind", scope=scope, runner_id=runner_id, error=str(error))


def _check_state(pod: RunnerPod) -> None:
    """Raises RegistrationRefusedError unless the pod is still on its way to its first and only registration."""
    if pod.deleting or pod.ended is not None:
        raise RegistrationRefusedError(403, "PodEnding", "the pod is being deleted or has ended")
    if pod.gated or pod.busy is not None or pod.started:
        raise RegistrationRefusedError(409, "AlreadyOnline", "this pod has had its registration; one pod is one runner")
    if not pod.runner_labels:
        key = contract.RUNNER_LABELS_ANNOTATION
        message = f"the pod has no runner labels, or such as no job can name; annotate its template with {key}"
        raise RegistrationRefusedError(403, "LabelsMissing", message)


def _check_labels(pod: RunnerPod, grant: Grant) -> None:
    """Raises RegistrationRefusedError where the pod has a label that its namespace was not granted."""
    foreign = sorted(set(pod.runner_labels) - grant.labels) if grant.labels is not None else []
    if foreign:
        allowed = ", ".join(sorted(grant.labels or ()))
        message = f"namespace {pod.namespace} may not offer {', '.join(foreign)}; allowed: {allowed}"
        cure = "correct the pool's labels, or add the label to the environment's labels in the platform's stack"
        raise RegistrationRefusedError(403, "LabelsNotGranted", f"{message}; {cure}")
