"""The HTTPS servers: what pods ask for on one port, the rest for people and machines that look on another."""

import time
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from prometheus_client import Counter

from registrar.answering import REQUEST_LIMIT_BYTES, problem
from registrar.credentials import Credentials
from registrar.forges.forge import ForgeError
from registrar.identity import (
    PodIdentity,
    RegistrationRefusedError,
    bearer,
    identify,
    identify_account,
    key_id,
)
from registrar.issuer_keys import IssuerKeys, IssuerKeysUnreachableError
from registrar.job_list import JobList
from registrar.listener import one_request
from registrar.logs import LogBudget, log
from registrar.metrics import CONTENT_TYPE, Metrics
from registrar.queue_reader import QueueReader
from registrar.registrations import RegistrationDelayedError, Registrations
from registrar.removals import RemovalRefusedError, Removals
from registrar.roster import Roster
from registrar.untrusted import Entry, MalformedError, document
from values import contract

REFUSALS_A_SECOND: Final = 20.0  # of strangers that are logged


@dataclass
class _Asked:
    """A request at the door: what for, where it is counted, and who turned out to ask."""

    what: str
    counter: Counter
    remote: str | None
    identity: PodIdentity | None = None


@dataclass(frozen=True, kw_only=True)
class Door:
    """What pods reach: registrations, credentials for their jobs, and nothing else."""

    keys: IssuerKeys
    registrations: Registrations
    credentials: Credentials
    metrics: Metrics
    strangers: LogBudget

    def application(self) -> web.Application:
        """The routes of the contract."""
        application = web.Application(client_max_size=REQUEST_LIMIT_BYTES, middlewares=[one_request])
        application.router.add_post(contract.REGISTRATIONS_PATH, self.register)
        application.router.add_post(f"{contract.CREDENTIALS_PATH}/{{account}}", self.lend)
        application.router.add_get(contract.HEALTH_PATH, health)
        return application

    async def register(self, request: web.Request) -> web.Response:
        """POST /registrations: 200 with the registration, 401, 403, 409, or 429 and 503 with Retry-After."""
        asked = _Asked("registration", self.metrics.registrations, request.remote)
        began = time.monotonic()
        try:
            asked.identity = await self._identify(request, contract.TOKEN_AUDIENCE)
            body = await self.registrations.issue(asked.identity)
        except RegistrationRefusedError as refusal:
            self._record("refused", refusal.reason, refusal.message, asked)
            return problem(refusal.status, refusal.reason, refusal.message)
        except RegistrationDelayedError as later:
            result = "braked" if later.status == 429 else "unavailable"
            self._record(result, later.reason, later.message, asked)
            return problem(later.status, later.reason, later.message, retry_after=later.retry_after)
        self.metrics.registration_seconds.observe(time.monotonic() - began)
        self._record("issued", contract.REGISTRATION_ISSUED, "", asked)
        return web.Response(text=body, headers={"Cache-Control": "no-store"})

    async def lend(self, request: web.Request) -> web.Response:
        """POST /credentials/ACCOUNT: 200 with a token for the job that runs, 401, 403, or 503 with Retry-After."""
        asked = _Asked("credential", self.metrics.credentials, request.remote)
        try:
            asked.identity = await self._identify(request, contract.JOB_TOKEN_AUDIENCE)
            issued = await self.credentials.issue(asked.identity, request.match_info["account"], request.remote)
        except RegistrationRefusedError as refusal:
            self._record("refused", refusal.reason, refusal.message, asked)
            return problem(refusal.status, refusal.reason, refusal.message)
        except RegistrationDelayedError as later:
            self._record("unavailable", later.reason, later.message, asked)
            return problem(later.status, later.reason, later.message, retry_after=later.retry_after)
        self._record("issued", contract.CREDENTIAL_ISSUED, issued.job, asked)
        renew_at = issued.renew_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"token": issued.token.text, "expirationTimestamp": renew_at}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _identify(self, request: web.Request, audience: str) -> PodIdentity:
        token = bearer(request.headers.get("Authorization"))
        try:
            issuer = await self.keys.issuer(key_id(token))
        except IssuerKeysUnreachableError as error:
            raise RegistrationDelayedError(503, "ClusterUnknown", str(error), 3.0) from error
        return identify(token, issuer, audience=audience)

    def _record(self, result: str, reason: str, message: str, asked: _Asked) -> None:
        # only a granted namespace becomes a label: what others claim could be anything, any number of times
        identity = asked.identity
        namespace = identity.namespace if identity and reason != "NamespaceNotGranted" else ""
        asked.counter.labels(result, reason, namespace).inc()
        if not namespace and not self.strangers.allows():
            return
        who: dict[str, Any] = {"namespace": identity.namespace, "pod": identity.pod_name} if identity else {}
        log(f"{asked.what} {result}", reason=reason, message=message, remote=asked.remote, **who)


@dataclass(frozen=True, kw_only=True)
class StatusDoor:
    """What people and machines read that look after the registrar; no pod of a granted namespace gets here."""

    queue: QueueReader
    jobs: JobList
    roster: Roster
    removals: Removals
    keys: IssuerKeys
    account: str  # the registrar's own
    metrics: Metrics

    def application(self) -> web.Application:
        """The routes of the contract."""
        application = web.Application(client_max_size=REQUEST_LIMIT_BYTES, middlewares=[one_request])
        application.router.add_get(contract.HEALTH_PATH, health)
        application.router.add_get(contract.METRICS_PATH, self.expose)
        application.router.add_get(contract.QUEUE_PATH, self.count)
        application.router.add_get(contract.JOBS_PATH, self.list_jobs)
        application.router.add_get(contract.UNSERVED_PATH, self.list_unserved)
        application.router.add_get(contract.RUNNERS_PATH, self.list_runners)
        application.router.add_get(contract.FORGE_PATH, self.ask_forge)
        application.router.add_post(contract.REMOVALS_PATH, self.remove)
        return application

    async def expose(self, request: web.Request) -> web.Response:
        """GET /metrics: with the jobs as they are now, as far as the forge answers."""
        del request
        try:
            self.metrics.count_jobs(await self.queue.read())
        except ForgeError:
            self.metrics.count_jobs({})
        return web.Response(body=self.metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def count(self, request: web.Request) -> web.Response:
        """GET /queue: the jobs of every declared pool, for people and for what reads metrics."""
        del request
        try:
            return web.json_response(await self.queue.read())
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)

    async def list_jobs(self, request: web.Request) -> web.Response:
        """GET /jobs: each job that waits or works, and the pools that could take it; ?job=NUMBER: of that one alone."""
        try:
            return web.json_response(await self.jobs.read(request.query.get("job", "")))
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)

    async def list_unserved(self, request: web.Request) -> web.Response:
        """GET /unserved: the jobs that no pool can take, why, and what cures it."""
        del request
        try:
            return web.json_response({"jobs": [entry.document() for entry in await self.queue.read_unserved()]})
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)

    async def list_runners(self, request: web.Request) -> web.Response:
        """GET /runners: the registrations at the forge, for whoever looks for drift."""
        del request
        try:
            listed = await self.roster.read()
            return web.json_response({"runners": listed.runners, "scopes": listed.scopes})
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)

    async def ask_forge(self, request: web.Request) -> web.Response:
        """GET /forge: whether the forge answers, for whoever cannot ask it from inside."""
        del request
        return web.json_response({"scopes": await self.roster.answers()})

    async def remove(self, request: web.Request) -> web.Response:
        """POST /runners/removals {token, scope, id, name}: 200 once the runner is gone, 400, 401, 403, 404, 409, 503.

        The token is in the body, as the API server keeps the header for itself where it passes a request on.
        """
        try:
            asked = Entry(document(await request.read()))
            token, name = asked.text("token"), asked.text("name")
            scope, runner_id = asked.words("scope"), asked.identifier("id")
            await self._require_own(token)
            await self.removals.remove(scope, runner_id, name)
        except MalformedError as error:
            return problem(400, "RemovalMalformed", str(error))
        except RegistrationRefusedError as refusal:
            return problem(refusal.status, refusal.reason, refusal.message)
        except RemovalRefusedError as refusal:
            return problem(refusal.status, refusal.reason, refusal.message, retry_after=refusal.retry_after)
        except IssuerKeysUnreachableError as error:
            return problem(503, "ClusterUnknown", str(error), retry_after=3.0)
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)
        return web.json_response({"removed": name})

    async def _require_own(self, token: str) -> None:
        """Raises RegistrationRefusedError where it is no token of the registrar's own account for this, and
        IssuerKeysUnreachableError.
        """
        issuer = await self.keys.issuer(key_id(token))
        account = identify_account(token, issuer, audience=contract.REMOVALS_AUDIENCE)
        if account != self.account:
            message = f"{account} may not have runners removed; allowed: {self.account}"
            raise RegistrationRefusedError(403, "AccountNotAllowed", message)


async def health(request: web.Request) -> web.Response:
    """GET /healthz: whether this process serves; the forge's health is not ours."""
    del request
    return web.Response(text="ok")
