"""Trades a verified pod identity for a short-lived token of an account, while the pod's job is one that may have it.

A pod's identity says only which runner it is; what its job may do, the forge says: which job is on that runner now, and
of which repository, workflow file, ref and event.
"""

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from registrar import cluster
from registrar.announcer import Announcer
from registrar.cluster import AccountToken, Cluster
from registrar.forges.forge import Forge, ForgeError, JobOrigin
from registrar.identity import PodIdentity, RegistrationRefusedError
from registrar.job_identity import judge
from registrar.ownership import has_elder_claim
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.registrations import API_RETRY_SECONDS, RegistrationDelayedError
from registrar.requests import alive, granted
from registrar.settings import Settings
from registrar.shared import Shared
from values import contract
from values.grant import Grant, JobGrant

TOKEN_SECONDS: Final = 600  # the shortest that an API server gives
# A client renews by then, so that no request of a long `pulumi up` meets the end of a token.
EARLY_SECONDS: Final = 60
KEEP_SECONDS: Final = 3.0  # that the forge's answer holds for this pod: who asks without end costs it little
REMEMBERED_SECONDS: Final = 60.0
REQUESTS_OF_A_POD: Final = 4  # at once
BUSY_POD_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A token, when a client is to ask for the next one, and the job that it is for."""

    token: AccountToken
    renew_at: datetime
    job: str


@dataclass(kw_only=True)
class _Known:
    """A question to the forge about one pod's runner, and when somebody last wanted it."""

    origin: Shared[JobOrigin | None]
    wanted_at: float


class Credentials:
    """Issues tokens and keeps none; of a pod that has not asked for a minute, nothing outlives the next request."""

    def __init__(
        self,
        settings: Settings,
        api: Cluster,
        forge: Forge,
        *,
        store: PodStore,
        announcer: Announcer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._api, self._forge, self._store = settings, api, forge, store
        self._announcer, self._clock = announcer, clock
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._asking: Counter[str] = Counter()

    async def issue(self, identity: PodIdentity, account: str, address: str | None) -> Issued:
        """A token of the account for this pod's job, asked for from an address.

        Raises RegistrationRefusedError or RegistrationDelayedError.
        """
        grant = granted(self._settings, identity)
        wanted = grant.job_grant(account)
        if wanted is None:
            message = f"no job on a runner of namespace {identity.namespace} may act as this account"
            cure = "give the environment's deployer or previewer workflows in the platform's stack"
            raise RegistrationRefusedError(403, "AccountNotGranted", f"{message}; {cure}")
        try:
            async with self._few(identity.pod_uid):
                return await self._issue(identity, grant, wanted, address)
        except (*cluster.ERRORS, ForgeError) as error:
            wait = error.retry_after if isinstance(error, ForgeError) else API_RETRY_SECONDS
            reason = contract.FORGE_UNKNOWN if isinstance(error, ForgeError) else "ClusterUnknown"
            raise RegistrationDelayedError(503, reason, str(error), wait) from error

    async def _issue(self, identity: PodIdentity, grant: Grant, wanted: JobGrant, address: str | None) -> Issued:
        pod = await alive(self._api, identity)
        try:
            _check_address(pod, address)
            origin = await self._origin(pod, grant)
            _check_job(wanted, origin)
        except RegistrationRefusedError as error:
            await self._announcer.announce(pod, contract.CREDENTIAL_REFUSED, error.message)
            raise
        token = await self._api.token(pod.namespace, wanted.account, TOKEN_SECONDS)
        await self._announcer.announce(pod, contract.CREDENTIAL_ISSUED, f"{origin.job} acts as {wanted.account}")
        longest = datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS)
        renew_at = min(token.expires, longest) - timedelta(seconds=EARLY_SECONDS)
        return Issued(token=token, renew_at=renew_at, job=str(origin.job))

    async def _origin(self, pod: RunnerPod, grant: Grant) -> JobOrigin:
        """The job that the pod's runner has now. Raises RegistrationRefusedError where it has none."""
        if pod.runner_id is None or pod.ended is not None:
            raise RegistrationRefusedError(403, "NoJob", "this pod has no runner, or none any more")
        now = self._clock()
        while self._known and next(iter(self._known.values())).wanted_at < now - REMEMBERED_SECONDS:
            self._known.popitem(last=False)
        key = (pod.uid, pod.runner_id)
        ask = partial(self._ask, pod, pod.runner_id, grant)
        known = self._known.setdefault(key, _Known(origin=Shared(ask, KEEP_SECONDS, clock=self._clock), wanted_at=now))
        known.wanted_at = now
        self._known.move_to_end(key)
        origin = await known.origin.get()
        if origin is None:
            message = f"the forge knows of no job that runner {pod.runner_id} ({pod.name}) has now"
            raise RegistrationRefusedError(403, "NoJob", message)
        return origin

    async def _ask(self, pod: RunnerPod, runner_id: int, grant: Grant) -> JobOrigin | None:
        """None as well where the runner is not this pod's own: an annotation may name anybody's."""
        namespaces = {other.namespace for other in self._settings.grants if other.scope == grant.scope}
        rivals = [rival for rival in self._store.last_seen() if rival.namespace in namespaces]
        runner = await self._forge.find(grant.scope, runner_id)
        if runner is None or runner.name != pod.name or not runner.ephemeral:
            return None
        if has_elder_claim(pod, runner_id, rivals):
            return None
        job_id = None if pod.busy == contract.BUSY_WITH_UNKNOWN_JOB else pod.busy
        origin = await self._forge.origin(grant.scope, runner, job_id=job_id)
        return origin if origin is not None and origin.job.runner_name in ("", pod.name) else None

    @asynccontextmanager
    async def _few(self, uid: str) -> AsyncIterator[None]:
        if self._asking[uid] >= REQUESTS_OF_A_POD:
            message = f"this pod has asked {self._asking[uid]} times already and has no answer yet"
            raise RegistrationDelayedError(503, "AlreadyAsking", message, BUSY_POD_SECONDS)
        self._asking[uid] += 1
        try:
            yield
        finally:
            self._asking[uid] -= 1
            if self._asking[uid] <= 0:
                del self._asking[uid]


def _check_job(wanted: JobGrant, origin: JobOrigin) -> None:
    refusal = judge(wanted, origin)
    if refusal is not None:
        raise RegistrationRefusedError(403, refusal.reason, refusal.message)


def _check_address(pod: RunnerPod, address: str | None) -> None:
    """Raises RegistrationRefusedError where somebody else sends the pod's token.

    Kubernetes' network keeps the address of a pod that talks to a Service (docs: "Using Source IP").
    """
    if address is not None and _plain(address) in {_plain(own) for own in pod.addresses}:
        return
    message = f"the pod's token came from {address}, and the pod is at {', '.join(pod.addresses) or 'no address yet'}"
    cure = "where that is this very pod, the cluster's network hides the addresses of pods from one another"
    raise RegistrationRefusedError(403, "AddressForeign", f"{message}; {cure}")


def _plain(address: str) -> str:
    """An IPv4 address in IPv6 form is that address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
