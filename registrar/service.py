"""Service: the registrar put together from its parts, once, for the process and for whoever tries it."""

import asyncio
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web
from lightkube import SingleConfig

from registrar.accounting import Accounting
from registrar.actions import Actor
from registrar.announcer import Announcer
from registrar.autoscaler_door import AutoscalerDoor, certificates, demand_certificate
from registrar.brakes import Brakes
from registrar.cluster import Cluster
from registrar.credentials import Credentials
from registrar.declared_pools import DeclaredPools
from registrar.following import SILENCE_SECONDS
from registrar.forges.forge import Pace
from registrar.forges.github.pace import LIMITS as GITHUB_LIMITS
from registrar.forges.github.pace import Limits as GitHubLimits
from registrar.forges.opening import open_forge
from registrar.issuer_keys import IssuerKeys
from registrar.job_list import JobList
from registrar.job_watch import JobWatch
from registrar.jobs_in_progress import JobsInProgress
from registrar.listener import Limits, Listener
from registrar.logs import LogBudget
from registrar.loop import Loop
from registrar.metrics import Metrics
from registrar.pod_store import PodStore
from registrar.queue_reader import QueueReader
from registrar.registrations import Registrations
from registrar.removals import Removals
from registrar.roster import Roster
from registrar.scope_cycle import Parts
from registrar.server import REFUSALS_A_SECOND, Door, StatusDoor
from registrar.settings import Settings
from registrar.turns import HOLD_SECONDS
from values.contract import SERVICE_NAME

# A connection takes about 30 KiB while it is silent and 60 KiB while it is served: 60 MiB at worst.
DOOR_LIMITS: Final = Limits(connections=1024, of_an_address=512)
STATUS_LIMITS: Final = Limits(connections=64, of_an_address=32)
STOP_SECONDS: Final = 3.0


class Ports(NamedTuple):
    """TCP ports, 0 for any free one: for pods, for people and metrics, for autoscalers."""

    pods: int
    status: int
    queue: int


class Service:
    """All parts, wired. Nothing goes on before `serve`, `follow` and `loop.run` are called."""

    def __init__(
        self,
        settings: Settings,
        kubernetes: SingleConfig,
        credential: Path,
        *,
        pace: Pace | None = None,
        github_limits: GitHubLimits = GITHUB_LIMITS,
        silence_seconds: float = SILENCE_SECONDS,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.api, self.keys = Cluster(kubernetes), IssuerKeys(kubernetes)
        self.forge = open_forge(settings, credential, self.metrics, pace=pace, limits=github_limits)
        namespaces = [grant.namespace for grant in settings.grants]
        self.store = PodStore(self.api, namespaces, silence_seconds=silence_seconds)
        self.declared = DeclaredPools(self.api, namespaces, silence_seconds=silence_seconds)
        self.jobs = {scope: JobsInProgress(self.forge, scope) for scope in settings.scopes}
        watches = {scope: JobWatch(self.forge, scope, jobs) for scope, jobs in self.jobs.items()}
        self.announcer, self.brakes = Announcer(self.api), Brakes()
        self.queue = QueueReader(settings, watches, self.store, self.declared, self.metrics, brakes=self.brakes)
        self.actor = Actor(self.api, self.forge, self.store, self.announcer, self.metrics)
        self.parts = Parts(
            settings=settings,
            forge=self.forge,
            store=self.store,
            declared=self.declared,
            actor=self.actor,
            announcer=self.announcer,
            brakes=self.brakes,
            metrics=self.metrics,
            accounting=Accounting(self.metrics),
            jobs=self.jobs,
        )
        self.loop = Loop(self.parts)
        self.registrations = Registrations(
            settings,
            self.api,
            self.forge,
            store=self.store,
            brakes=self.brakes,
            announcer=self.announcer,
            queue=self.queue,
            hold_seconds=hold_seconds,
        )
        self.credentials = Credentials(settings, self.api, self.forge, store=self.store, announcer=self.announcer)
        self.removals = Removals(settings=settings, forge=self.forge, store=self.store, declared=self.declared)
        self._account = f"system:serviceaccount:{kubernetes.namespace}:{SERVICE_NAME}"
        self._listeners: tuple[Listener, ...] = ()

    async def serve(self, pair: tuple[Path, Path], host: str, ports: Ports) -> Ports:
        """Open the ports with this certificate and key. Returns them.

        The queue's is opened where a namespace has an autoscaler, else it stays 0. Raises OSError where a port is
        taken, or a file cannot be read or is no certificate or key.
        """
        door = Door(
            keys=self.keys,
            registrations=self.registrations,
            credentials=self.credentials,
            metrics=self.metrics,
            strangers=LogBudget(REFUSALS_A_SECOND),
        )
        status = StatusDoor(
            queue=self.queue,
            jobs=JobList(self.settings, self.queue, self.store),
            roster=Roster(self.settings, self.forge, self.store, self.removals),
            removals=self.removals,
            keys=self.keys,
            account=self._account,
            metrics=self.metrics,
        )
        self.keys.learn()
        front = await self._listen(door.application(), server_tls(*pair), DOOR_LIMITS, (host, ports.pods))
        back = await self._listen(status.application(), server_tls(*pair), STATUS_LIMITS, (host, ports.status))
        known = certificates(self.settings)
        if not known:
            return Ports(front.port, back.port, 0)
        tls = server_tls(*pair)
        demand_certificate(tls, self.settings)
        application = AutoscalerDoor(queue=self.queue, namespaces=known).application()
        queue = await self._listen(application, tls, STATUS_LIMITS, (host, ports.queue))
        return Ports(front.port, back.port, queue.port)

    async def _listen(
        self, application: web.Application, tls: ssl.SSLContext, limits: Limits, address: tuple[str, int]
    ) -> Listener:
        listener = Listener(application, tls, limits)
        self._listeners += (listener,)
        await listener.start(*address)
        return listener

    def tasks(self) -> list[asyncio.Task[None]]:
        """Start what goes on for ever: the watches over each namespace, the queues, and the loop."""
        return [*self.follow(), asyncio.create_task(self.loop.run())]

    def follow(self) -> list[asyncio.Task[None]]:
        """Start what only looks: the watches over each namespace, and the queues."""
        namespaces = [grant.namespace for grant in self.settings.grants]
        watches = [
            follow(namespace) for namespace in namespaces for follow in (self.store.follow, self.declared.follow)
        ]
        return [asyncio.create_task(part) for part in (*watches, self.queue.run())]

    def remembered(self) -> int:
        """How many pods are remembered anywhere for what was done about them: none where there are no pods."""
        return self.announcer.remembered + self.brakes.remembered + self.loop.remembered

    async def close(self) -> None:
        """End what is under way, and give everything back."""
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        await asyncio.gather(self.registrations.close(), *(jobs.close() for jobs in self.jobs.values()))
        await asyncio.gather(self.api.close(), self.keys.close(), self.forge.close())


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """What all ports speak. Raises OSError where a file cannot be read or is no certificate or key."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.options |= ssl.OP_NO_RENEGOTIATION
    tls.num_tickets = 0  # nobody comes back on a connection, so nothing is kept for it
    return tls
