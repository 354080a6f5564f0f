"""Trades a verified pod identity for one single-use registration, or says why not."""

import asyncio
import random
import time
from collections.abc import Callable

from registrar import cluster
from registrar.announcer import Announcer
from registrar.brakes import Brakes
from registrar.cluster import Cluster
from registrar.forges.forge import Forge, ForgeError, Registration, RunnerBusyError
from registrar.identity import PodIdentity, RegistrationRefusedError
from registrar.logs import log
from registrar.pods import RunnerPod
from registrar.settings import Settings
from values import contract
from values.grant import Grant
from values.scope import Scope

ISSUES_AT_ONCE = 4
API_RETRY_SECONDS = 3.0
QUEUE_SECONDS = 10.0  # a pod waits for its turn that long at most before it is told when to come back
JITTER = 0.2  # of the brake's delay: pods that wait together should not come back together


class RegistrationDelayedError(Exception):
    """Not now: try again after `retry_after` seconds. `status` is 429 (braked) or 503 (somebody we need is away)."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float) -> None:
        super().__init__(f"{reason}: {message}")
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


class Registrations:
    """Issues registrations. One request per pod at a time; the runner's id is on the pod before an answer leaves."""

    def __init__(
        self,
        settings: Settings,
        api: Cluster,
        forge: Forge,
        brakes: Brakes,
        announcer: Announcer,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._api, self._forge = settings, api, forge
        self._brakes, self._announcer, self._clock = brakes, announcer, clock
        self._booked = float("-inf")  # when the last pod that was sent away is to come back
        self._in_flight: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(ISSUES_AT_ONCE)

    async def issue(self, identity: PodIdentity) -> str:
        """The registration file for this pod. Raises RegistrationRefusedError or RegistrationDelayedError."""
        grant = self._granted(identity)
        self._admit(identity)
        lock = self._in_flight.setdefault(identity.pod_uid, asyncio.Lock())
        try:
            async with lock, self._slots:
                pod = await self._alive(identity)
                try:
                    return await self._issue_to(pod, grant)
                except RegistrationRefusedError as refusal:
                    await self._announcer.announce(pod, contract.REGISTRATION_REFUSED, refusal.message)
                    raise
        except (*cluster.ERRORS, ForgeError) as error:
            wait = error.retry_after if isinstance(error, ForgeError) else API_RETRY_SECONDS
            reason = contract.FORGE_UNKNOWN if isinstance(error, ForgeError) else "ClusterUnknown"
            raise RegistrationDelayedError(503, reason, str(error), wait) from error
        finally:
            if not lock.locked():
                self._in_flight.pop(identity.pod_uid, None)

    def _admit(self, identity: PodIdentity) -> None:
        """Send pods away, each to a time of its own, where more ask than the forge takes."""
        rate, waiting = self._forge.pace.issues, len(self._in_flight)
        if identity.pod_uid in self._in_flight or waiting <= QUEUE_SECONDS * rate:
            return
        now = self._clock()
        self._booked = max(self._booked, now + QUEUE_SECONDS) + 1 / rate
        found = f"the forge takes {rate:g} registrations a second and {waiting} pods are before this one"
        raise RegistrationDelayedError(503, "ForgePace", found, self._booked - now)

    def _granted(self, identity: PodIdentity) -> Grant:
        grant = self._settings.grant_for(identity.namespace)
        if grant is None:
            raise RegistrationRefusedError(403, "NamespaceNotGranted", f"namespace {identity.namespace} has no grant")
        if identity.service_account not in grant.service_accounts:
            allowed = ", ".join(grant.service_accounts)
            found = f"ServiceAccount {identity.service_account} may not register runners; allowed: {allowed}"
            raise RegistrationRefusedError(403, "ServiceAccountNotGranted", found)
        return grant

    async def _alive(self, identity: PodIdentity) -> RunnerPod:
        """The pod as the API server has it now: a token outlives its pod, and a watch may be behind."""
        pod = await self._api.get(identity.namespace, identity.pod_name)
        if pod is None or pod.uid != identity.pod_uid:
            raise RegistrationRefusedError(403, "PodUnknown", "the token's pod does not exist or is no runner's pod")
        if pod.service_account != identity.service_account:
            raise RegistrationRefusedError(403, "PodUnknown", "the token's pod runs under another ServiceAccount")
        return pod

    async def _issue_to(self, pod: RunnerPod, grant: Grant) -> str:
        _check_state(pod)
        held = self._brakes.remaining(pod, self._clock())
        if held > 0:
            cause = self._brakes.explain(pod)
            await self._announcer.announce(pod, contract.REGISTRATION_BRAKED, f"registrations are held back: {cause}")
            wait = held + random.uniform(0, JITTER * held)  # noqa: S311 - spreads load, guards nothing
            raise RegistrationDelayedError(429, contract.REGISTRATION_BRAKED, cause, wait)
        if pod.runner_id is not None:
            await self._take_back(pod, grant.scope, pod.runner_id)
        self._brakes.issued(pod, self._clock())
        registration = await self._forge.issue(
            grant.scope, name=pod.name, labels=pod.runner_labels, group=grant.runner_group
        )
        await self._store(pod, grant.scope, registration)
        message = f"runner {registration.runner_id} registered with labels {','.join(pod.runner_labels)}"
        await self._announcer.announce(pod, contract.REGISTRATION_ISSUED, message)
        return registration.body

    async def _take_back(self, pod: RunnerPod, scope: Scope, runner_id: int) -> None:
        """Remove a registration whose answer was lost. One that was ever online has been used, and stays."""
        runner = await self._forge.find(scope, runner_id)
        if runner is None:
            return
        try:
            await self._forge.cordon(scope, runner_id)
        except RunnerBusyError as error:
            raise RegistrationRefusedError(
                409, "AlreadyOnline", f"runner {runner_id} of this pod has a job: {error}"
            ) from error
        jobs = await self._forge.jobs_in_progress(scope)
        if runner.online or runner.busy or any(job.runner_id == runner_id for job in jobs):
            raise RegistrationRefusedError(
                409, "AlreadyOnline", f"runner {runner_id} of this pod has been online already"
            )
        await self._forge.remove(scope, runner_id)
        message = f"runner {runner_id} was never online and the pod asks again"
        await self._announcer.announce(pod, contract.REGISTRATION_REMOVED, message)

    async def _store(self, pod: RunnerPod, scope: Scope, registration: Registration) -> None:
        """Write the runner's id to the pod; a registration that no pod remembers must not exist."""
        try:
            stored = await self._api.annotate(pod, {contract.RUNNER_ID_ANNOTATION: str(registration.runner_id)})
        except BaseException as error:
            await asyncio.shield(self._discard(scope, registration.runner_id))
            if isinstance(error, Exception) and cluster.is_gone(error):
                raise RegistrationRefusedError(
                    403, "PodUnknown", "the pod was deleted while its runner was registered"
                ) from error
            raise
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
        raise RegistrationRefusedError(
            403, "LabelsMissing", f"the pod has no runner labels; annotate its template with {key}"
        )
