"""etcd, an API server, the controllers of Deployments and the scheduler, on loopback ports beside any lab's.

The programs are those that the lab has built. Nothing is kept: the folder goes with it.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import control_plane, paths
from lab.certificates import Authority

START_SECONDS = 120.0
STOP_SECONDS = 3.0
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
CLIENT_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")


class ControlPlaneMissingError(Exception):
    """A program is not there, or one did not start."""


@dataclass(frozen=True)
class ControlPlane:
    """Where it is, and who may do everything there."""

    url: str
    kubeconfig: Path
    certificate: Path
    key: Path
    ca: Path

    def tls(self) -> ssl.SSLContext:
        """Of a client that may do everything."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return context


@asynccontextmanager
async def control_plane_in(folder: Path) -> AsyncIterator[ControlPlane]:
    """There while it is open. Raises ControlPlaneMissingError."""
    missing = [name for name in PROGRAMS if not (paths.BIN / name).exists()]
    if missing:
        raise ControlPlaneMissingError(f"{paths.BIN} has no {', '.join(missing)}; `make lab-up` builds them")
    api, store, peer = (_free_port() for _ in range(3))
    url, pki = f"https://127.0.0.1:{api}", Authority(folder / "pki")
    pki.issue("apiserver", "kube-apiserver", addresses=("127.0.0.1", "localhost", "10.96.0.1"))
    pki.issue("admin", "admin", ("system:masters",))
    kubeconfig = pki.kubeconfig("admin", url, folder / "kubeconfig")
    place = ControlPlane(url, kubeconfig, pki.path("admin.crt"), pki.path("admin.key"), pki.path("ca.crt"))
    processes: list[asyncio.subprocess.Process] = []
    try:
        processes.append(await _start(folder, "etcd", _etcd(folder, store, peer)))
        await _until_answers("etcd", processes, f"http://127.0.0.1:{store}/health")
        processes.append(await _start(folder, "kube-apiserver", _api_server(pki, api, store)))
        await _until_answers("the API server", processes, f"{url}/readyz", place.ca)
        for name, argv in (
            ("kube-controller-manager", _controllers(kubeconfig)),
            ("kube-scheduler", _scheduler(kubeconfig)),
        ):
            processes.append(await _start(folder, name, argv))
        yield place
    finally:
        await asyncio.gather(*map(_stop, reversed(processes)))


def _etcd(folder: Path, store: int, peer: int) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}", f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}", "--log-level=warn",
    ]  # fmt: skip


def _api_server(pki: Authority, api: int, store: int) -> list[str]:
    key = pki.service_account_key()
    return [
        f"--etcd-servers=http://127.0.0.1:{store}", "--bind-address=127.0.0.1", f"--secure-port={api}",
        "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC", "--profiling=false", "--event-ttl=10m", "--shutdown-delay-duration=0s",
        # What would take this taint away again is not here.
        "--disable-admission-plugins=TaintNodesByCondition", f"--client-ca-file={pki.path('ca.crt')}",
        f"--tls-cert-file={pki.path('apiserver.crt')}", f"--tls-private-key-file={pki.path('apiserver.key')}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local", f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
    ]  # fmt: skip


def _controllers(kubeconfig: Path) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0", *CLIENT_LIMITS,
        "--controllers=deployment-controller,replicaset-controller",
    ]  # fmt: skip


def _scheduler(kubeconfig: Path) -> list[str]:
    return [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0", *CLIENT_LIMITS]


async def _start(folder: Path, name: str, argv: list[str]) -> asyncio.subprocess.Process:
    with (folder / f"{name}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            str(paths.BIN / name), *argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
            env={"HOME": str(folder), "PATH": os.environ.get("PATH", "")}, start_new_session=True,
        )  # fmt: skip


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until_answers(
    what: str, processes: list[asyncio.subprocess.Process], url: str, ca: Path | None = None
) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await asyncio.to_thread(control_plane.answers, url, ca):
                if processes[-1].returncode is not None:
                    raise ControlPlaneMissingError(
                        f"{what} ended with {processes[-1].returncode} while it was starting"
                    )
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise ControlPlaneMissingError(f"{what} does not answer at {url} within {START_SECONDS:.0f} s") from None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
