"""A registrar of real parts between a stand-in cluster and a stand-in Gitea, or GitHub."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector
from aiohttp.test_utils import TestServer
from lightkube import KubeConfig, SingleConfig
from lightkube.config.models import Cluster as ClusterEntry
from lightkube.config.models import User

from lab.github.limits import Limits
from registrar.actions import Actor
from registrar.brakes import Brakes
from registrar.cluster import Cluster
from registrar.following import SILENCE_SECONDS
from registrar.forges.forge import Forge, Pace
from registrar.forges.github.pace import LIMITS
from registrar.forges.github.pace import Limits as Paced
from registrar.loop import Loop
from registrar.metrics import Metrics
from registrar.pod_store import PodStore
from registrar.scope_cycle import ScopeCycle
from registrar.service import Ports, Service
from registrar.settings import Settings, parse
from registrar.turns import HOLD_SECONDS
from tests.github.arranged import TOKEN as GITHUB_TOKEN
from tests.github.arranged import ArrangedGitHub
from tests.registrar.certificate import write_certificate
from tests.registrar.stand_in_cluster import StandInCluster
from tests.registrar.stand_in_gitea import TOKEN, StandInGitea

PATIENCE_SECONDS = 60.0  # of a busy machine


def settings_document(**changes: Any) -> dict[str, Any]:
    """A config.json as the platform stack renders it."""
    return {
        "forge": {"kind": "gitea", "url": "https://forge.invalid"},
        "grants": [
            {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
        ],
        "deadlines": {
            "scheduleSeconds": 300, "pullSeconds": 600, "onlineSeconds": 60, "lostSeconds": 90, "ghostSeconds": 900
        },
        "keepFailed": 3,
        **changes,
    }  # fmt: skip


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail after a while."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def stays(condition: Callable[[], object], seconds: float) -> None:
    """Fail as soon as the condition does not hold any more; return after that many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while condition():
                await asyncio.sleep(0.01)
            raise AssertionError("it did not stay so")


async def look(cycle: ScopeCycle) -> None:
    """Look at a scope once, and wait until what was begun is done."""
    await cycle.run()
    await until(lambda: not cycle._treatments.under_way)


@cache
def certificate() -> tuple[Path, Path]:
    """A certificate and its key, one for all tests."""
    folder = Path(mkdtemp())
    write_certificate(folder)
    return folder / "tls.crt", folder / "tls.key"


@dataclass
class World:
    """Everything a test touches. The loop runs only where a test starts it."""

    cluster: StandInCluster
    gitea: StandInGitea
    github: ArrangedGitHub
    settings: Settings
    service: Service
    api: Cluster
    forge: Forge
    store: PodStore
    actor: Actor
    loop: Loop
    brakes: Brakes
    metrics: Metrics
    credential: Path
    url: str
    status_url: str
    queue_url: str
    http: ClientSession
    tasks: list[asyncio.Task[None]]

    def follow(self) -> None:
        """Start the watches."""
        self.tasks += self.service.follow()

    def run(self) -> None:
        """Start watches and loop."""
        self.follow()
        self.tasks.append(asyncio.create_task(self.loop.run()))

    async def register(self, pod: dict[str, Any] | None, token: str | None = None) -> tuple[int, dict[str, str], Any]:
        """POST /registrations as the pod's init container does: status, headers, body."""
        headers = {"Authorization": f"Bearer {token or self.cluster.token(pod)}"}
        async with self.http.post(f"{self.url}/registrations", headers=headers) as response:
            text = await response.text()
            body = json.loads(text) if text.startswith("{") else text
            return response.status, dict(response.headers), body


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Parametrize indirectly with changes to config.json, or with `census`, seconds between two lists of runners."""
    changes = dict(getattr(request, "param", {}))
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=changes.pop("census", 0.3), **changes.pop("pace", {}))
    async with open_world(tmp_path, "gitea", pace, **changes) as it:
        yield it


@asynccontextmanager
async def open_world(
    folder: Path,
    kind: str,
    pace: Pace,
    limits: Paced = LIMITS,
    silence: float = SILENCE_SECONDS,
    hold: float = HOLD_SECONDS,
    proxy: str = "",
    stand_ins: tuple[StandInCluster, StandInGitea] | None = None,
    **changes: Any,
) -> AsyncIterator[World]:
    """A registrar whose forge is of that kind, reached through a proxy if one is named; `changes` to config.json.

    stand_ins: those of an earlier registrar, of which this one is the successor.
    """
    cluster, gitea = stand_ins or (StandInCluster(), StandInGitea())
    github = ArrangedGitHub()
    github.meter.limits = Limits(points_per_minute=None)  # tests run faster than GitHub's minute
    forge_application = gitea.application() if kind == "gitea" else github.application()
    cluster_server, forge_server = TestServer(cluster.application()), TestServer(forge_application)
    await cluster_server.start_server()
    await forge_server.start_server()
    kubernetes = kubernetes_at(str(cluster_server.make_url("")))
    forge_url = str(forge_server.make_url("")).rstrip("/") + ("" if kind == "gitea" else "/api/v3")
    settings = parse(settings_document(forge={"kind": kind, "url": forge_url, "proxy": proxy}, **changes))
    credential = folder / "token"
    credential.write_text((TOKEN if kind == "gitea" else GITHUB_TOKEN) + "\n")
    service = Service(
        settings, kubernetes, credential, pace=pace, github_limits=limits, silence_seconds=silence, hold_seconds=hold
    )
    ports = await service.serve(certificate(), "127.0.0.1", Ports(0, 0, 0))
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    http = ClientSession(connector=TCPConnector(ssl=trust, limit=0, force_close=True))
    it = World(
        cluster=cluster, gitea=gitea, github=github, settings=settings, service=service, api=service.api,
        forge=service.forge, store=service.store, actor=service.actor, loop=service.loop, brakes=service.brakes,
        metrics=service.metrics, credential=credential, url=f"https://127.0.0.1:{ports.pods}",
        status_url=f"https://127.0.0.1:{ports.status}", queue_url=f"https://127.0.0.1:{ports.queue}", http=http,
        tasks=[],
    )  # fmt: skip
    try:
        yield it
    finally:
        for task in it.tasks:
            task.cancel()
        if it.tasks:
            _, unstoppable = await asyncio.wait(it.tasks, timeout=PATIENCE_SECONDS)
            assert not unstoppable, "a task of the registrar ignores its cancellation"
        cluster.break_watches()
        await http.close()
        await service.close()
        await asyncio.gather(forge_server.close(), cluster_server.close())


def kubernetes_at(url: str) -> SingleConfig:
    """Credentials for a stand-in cluster: none."""
    config = KubeConfig.from_one(cluster=ClusterEntry(server=url), user=User(token="stand-in"), namespace="sys").get()
    assert config is not None
    return config
