"""A registrar is killed (SIGKILL, the real process) at each request of a registration; its successor serves the pod."""

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientConnectionError, ClientSession, web
from aiohttp.test_utils import TestServer

from tests.registrar.conftest import PATIENCE_SECONDS, settings_document, until
from tests.registrar.registrar_process import registrar_process, write_files
from tests.registrar.stand_in_cluster import StandInCluster, runner_pod, stamp, start
from tests.registrar.stand_in_gitea import TOKEN, StandInGitea
from values import contract

# What a registration asks of the API server and the forge, in its order: what the loop asks beside it is not counted.
STEPS: Final = (
    "GET /api/v1/namespaces/runners/pods/cuda-abc-aaaaa",
    "POST /api/v1/repos/mlops/guide/actions/runners/registration-token",
    "POST /api/actions/runner.v1.RunnerService/Register",
    "PATCH /api/v1/namespaces/runners/pods/cuda-abc-aaaaa/status",
    "POST /api/v1/namespaces/runners/events",
)


@dataclass
class Killing:
    """Kills the process at a request, before it has any effect or after, when its answer is lost. Once."""

    request: str
    is_done: bool
    process: "asyncio.subprocess.Process | None" = None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Of the API server and of the forge."""
        name = f"{request.method} {request.path}"
        if name != self.request or self.process is None:
            answer: web.StreamResponse = await handler(request)
            return answer
        process, self.process = self.process, None
        if self.is_done:
            await handler(request)
        process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        raise web.HTTPServiceUnavailable  # nobody is there to read it


@dataclass
class Scene:
    """The files of a registrar, and what it works with."""

    folder: Path
    cluster: StandInCluster
    gitea: StandInGitea
    killing: Killing

    async def register(self, url: str, pod: dict[str, Any]) -> tuple[int, Any]:
        """Raises ClientConnectionError where the registrar dies."""
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        headers = {"Authorization": f"Bearer {self.cluster.token(pod)}"}
        async with ClientSession() as http, http.post(f"{url}/registrations", headers=headers, ssl=trust) as response:
            return response.status, json.loads(await response.text())


@pytest.fixture
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    killing = Killing(*request.param)
    cluster, gitea = StandInCluster(), StandInGitea()
    applications = cluster.application(), gitea.application()
    servers = [TestServer(application) for application in applications]
    for application, server in zip(applications, servers, strict=True):
        application.middlewares.append(killing.middleware)
        await server.start_server()
    at_cluster, at_forge = (str(server.make_url("")).rstrip("/") for server in servers)
    settings = settings_document(forge={"kind": "gitea", "url": at_forge})
    write_files(tmp_path, settings, token=TOKEN, cluster=at_cluster)
    yield Scene(tmp_path, cluster, gitea, killing)
    cluster.break_watches()
    await asyncio.gather(*(server.close() for server in servers))


POINTS: Final = tuple((step, is_done) for step in STEPS for is_done in (False, True))
# The forge has the runner and the pod has no note of it. Nobody has its secret, so it never gets a job, and the rule
# for ghosts takes it away.
LEAVES_A_GHOST: Final = ((STEPS[2], True), (STEPS[3], False))


@pytest.mark.parametrize(
    "scene",
    POINTS,
    indirect=True,
    ids=[f"{'after' if is_done else 'before'} {step.rpartition('/')[2]}" for step, is_done in POINTS],
)
async def test_a_registrar_killed_at_any_point_of_a_registration_costs_the_pod_nothing(scene: Scene) -> None:
    pod = runner_pod()
    await scene.cluster.create(pod)
    async with registrar_process(scene.folder) as (process, url):
        scene.killing.process = process
        with pytest.raises(ClientConnectionError):
            await scene.register(url, pod)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == -signal.SIGKILL
    async with registrar_process(scene.folder) as (_, url):
        status, body = await scene.register(url, pod)
        assert status == 200
        now = scene.cluster.pods["runners", "cuda-abc-aaaaa"]
        assert now["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] == str(body["id"])
        ghosts = ((scene.killing.request, scene.killing.is_done) in LEAVES_A_GHOST) * 1
        assert len(scene.gitea.runners) == 1 + ghosts
        assert body["id"] in scene.gitea.runners
        await scene.cluster.put(start(now))
        scene.gitea.come_online(body["id"])
        await until(lambda: contract.RUNNER_ONLINE in scene.cluster.reasons())


async def test_a_registrar_that_is_told_to_stop_sees_off_the_idle_runner_that_is_leaving(tmp_path: Path) -> None:
    """A destroyed stack takes its pools and then its registrar: nobody would remove the registration after it."""
    cluster, gitea = StandInCluster(), StandInGitea()
    async with TestServer(cluster.application()) as at_cluster, TestServer(gitea.application()) as at_forge:
        urls = [str(server.make_url("")).rstrip("/") for server in (at_cluster, at_forge)]
        settings = settings_document(forge={"kind": "gitea", "url": urls[1]})
        write_files(tmp_path, settings, token=TOKEN, cluster=urls[0])
        pod = runner_pod()
        await cluster.create(pod)
        async with registrar_process(tmp_path) as (process, url):
            scene = Scene(tmp_path, cluster, gitea, Killing("", is_done=False))
            assert (await scene.register(url, pod))[0] == 200
            gitea.come_online(1)
            await cluster.put(start(cluster.pods["runners", "cuda-abc-aaaaa"]))
            await until(lambda: contract.RUNNER_ONLINE in cluster.reasons())
            gitea.slow["/runners/1"] = 0.5  # so that it takes longer than to end
            leaving = cluster.pods["runners", "cuda-abc-aaaaa"]
            leaving["metadata"]["deletionTimestamp"] = stamp()
            await cluster.put(leaving)
            process.send_signal(signal.SIGTERM)
            await until(lambda: gitea.removed == [1])
            await cluster.vanish("runners", "cuda-abc-aaaaa")
            assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
        cluster.break_watches()
