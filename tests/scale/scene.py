"""Everything of one measurement: cluster, forge, nodes, registrar and autoscalers."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, TCPConnector
from aiohttp.test_utils import TestServer

from components.platform.client_certificate import issue_client_certificate
from registrar.service import Ports
from tests.registrar.certificate import write_certificate
from tests.registrar.conftest import settings_document
from tests.registrar.registrar_process import ports_of
from tests.scale.control_plane import ControlPlane, control_plane_in
from tests.scale.forge_side import ForgeSide
from tests.scale.kubelets import Door, Kubelets
from tests.scale.kubernetes import Kubernetes
from tests.scale.pollers import trusting
from tests.scale.pools import ACCOUNT, TEAMS, Pool, build
from tests.scale.process_cost import ProcessCost, read_cost

SERVING_SECONDS: Final = 60.0
ENDING_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Registrar:
    """The process, and where its three doors are."""

    pid: int
    url: str
    status: str
    queue: str

    @property
    def cost(self) -> ProcessCost:
        """So far."""
        return read_cost(self.pid)


@dataclass
class Scene:
    """What is there before a registrar is: `registrar` starts one."""

    folder: Path
    cluster: ControlPlane
    api: Kubernetes
    side: ForgeSide
    forge_url: str
    pools: tuple[Pool, ...]
    kubelets: Kubelets

    @property
    def runners(self) -> int:
        """How many there are to be."""
        return sum(pool.runners for pool in self.pools)

    @asynccontextmanager
    async def registrar(self, profile: str = "") -> AsyncIterator[Registrar]:
        """A registrar that serves; from now on pods register at it. profile: a file for cProfile's figures."""
        self._write_files()
        options = ["--port", "0", "--status-port", "0", "--queue-port", "0"]
        command = ["-m", "cProfile", "-o", profile] if profile else []
        journal = self.folder / "registrar.log"
        with journal.open("ab") as log:
            before = log.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, "-m", "registrar", "--host", "127.0.0.1", *options, *self._paths(),
                env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}, stdout=log, stderr=log,
            )  # fmt: skip
        prefer(process.pid)
        connector = TCPConnector(ssl=trusting(), limit=0, force_close=True)
        async with ClientSession(connector=connector) as http:
            try:
                ports = await self._until_it_serves(process, before)
                urls = [f"https://127.0.0.1:{port}" for port in ports]
                self.kubelets.door = Door(urls[0], http)
                yield Registrar(process.pid, *urls)
            finally:
                if process.returncode is None:
                    process.terminate()
                    async with asyncio.timeout(ENDING_SECONDS):
                        await process.wait()

    async def _until_it_serves(self, process: asyncio.subprocess.Process, before: int) -> Ports:
        """Its ports, which its log tells behind so many bytes of an earlier registrar's."""
        async with asyncio.timeout(SERVING_SECONDS):
            while True:
                has_ended = process.returncode is not None
                log = (self.folder / "registrar.log").read_bytes()[before:]
                for line in log.splitlines(keepends=True):
                    if line.endswith(b"\n") and (ports := ports_of(line)) is not None:
                        return ports
                if has_ended:
                    raise AssertionError(f"the registrar ended: {log.decode()[-2000:]}")
                await asyncio.sleep(0.1)

    def _paths(self) -> list[str]:
        return [
            "--config", str(self.folder / "config.json"), "--credential", str(self.folder / "token"),
            "--tls-certificate", str(self.folder / "tls.crt"), "--tls-key", str(self.folder / "tls.key"),
        ]  # fmt: skip

    def _write_files(self) -> None:
        """As in a registrar's pod; and beside them what each team's autoscaler shows."""
        grants = []
        for team in TEAMS:
            pair, folder = issue_client_certificate(team), self.folder / team
            folder.mkdir(exist_ok=True)
            (folder / "tls.crt").write_text(pair.certificate)
            (folder / "tls.key").write_text(pair.key)
            grants.append(
                {"namespace": team, "scope": "mlops", "serviceAccounts": [ACCOUNT], "runnerGroup": None,
                 "autoscaler": pair.certificate}
            )  # fmt: skip
        document = settings_document(forge={"kind": self.side.kind, "url": self.forge_url}, grants=grants)
        write_certificate(self.folder)
        (self.folder / "config.json").write_text(json.dumps(document))
        for name, text in self.side.credential.items():
            (self.folder / name).write_text(text)

    async def poll(self, registrar: Registrar, seconds: float) -> list[tuple[float, float, str]]:
        """Autoscalers for so long: see `Pollers.answers`."""
        order = {
            "queue": registrar.queue, "status": registrar.status, "seconds": seconds,
            "pools": [[pool.namespace, pool.name] for pool in self.pools],
            "certificates": {team: str(self.folder / team) for team in TEAMS},
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.scale.pollers", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        prefer(process.pid)
        try:
            answer, _ = await process.communicate((json.dumps(order) + "\n").encode())
            return [(float(at), float(took), str(why)) for at, took, why in json.loads(answer)]
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def prefer(pid: int) -> None:
    """Before what only plays the world around it, where that is allowed."""
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return


@asynccontextmanager
async def open_scene(
    folder: Path, side: ForgeSide, pools: tuple[Pool, ...], *, full: bool, seed: int
) -> AsyncIterator[Scene]:
    """With every pool at its number of runners, or with all of them at zero."""
    async with AsyncExitStack() as stack:
        server = TestServer(side.application())
        await server.start_server()
        stack.push_async_callback(server.close)
        cluster = await stack.enter_async_context(control_plane_in(folder))
        api = Kubernetes(cluster)
        stack.push_async_callback(api.close)
        await build(api, pools, side.kind, replicas=full)
        kubelets = Kubelets(api, side, pools, seed)
        tasks = [asyncio.create_task(work) for work in (kubelets.run(), kubelets.keep_alive())]
        url = str(server.make_url("")).rstrip("/") + side.path
        try:
            yield Scene(folder, cluster, api, side, url, pools, kubelets)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
