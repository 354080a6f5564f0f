"""The wait of `pulumi up`, and how it ends where the `up` is to end."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pulumi
import pytest

from components.cluster_hook import cluster_hook
from components.interruption import SAID_ITSELF, UpInterruptedError, interruption
from tests.access.cluster.api_server import ApiServer, api_server
from tests.program.stack_values import ROOT

DEPLOYMENTS = "/apis/apps/v1/namespaces/team/deployments"
# As pulumi-language-python-exec runs a program: in a loop of its own, whose threads are waited for at the end. What it
# has registered is answered no more once the `up` is to end.
PROGRAM = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
from components.pools.online_pools import waiting_hook

async def program():
    try:
        await waiting_hook([("team", "cuda")], 600)(None)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    await asyncio.Event().wait()

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
executor = ThreadPoolExecutor(4)
loop.set_default_executor(executor)
try:
    loop.run_until_complete(program())
finally:
    executor.shutdown(wait=True)
"""
SECONDS = 20
# Two on a machine with nothing else to do; a look at a cluster that hangs would take fifteen, and the wait 600.
ENDS_WITHIN_SECONDS = 6


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """One pool whose one runner does not come."""
    with api_server() as server:
        deployment = {"metadata": {"name": "cuda", "generation": 1}, "spec": {"replicas": 1}}
        server.answers[DEPLOYMENTS] = {"items": [deployment | {"status": {"observedGeneration": 1}}]}
        server.answers[DEPLOYMENTS.replace("deployments", "replicasets")] = {"items": []}
        server.answers["/api/v1/namespaces/team/pods"] = {"items": []}
        server.answers["/api/v1/namespaces/team/events"] = {"items": []}
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        yield server
        server.release()
    pulumi.runtime.set_all_config({})


@contextmanager
def started_program() -> Iterator["subprocess.Popen[str]"]:
    """It has ended with this block, and within `SECONDS` in any case."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """The line with that text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if text in line:
            return line
        lines.append(line)
    raise AssertionError(f"the program ended without {text!r}: {''.join(lines)}")


@pytest.mark.parametrize("hangs", [False, True], ids=["waiting", "cluster-hangs"])
def test_an_up_that_is_to_end_ends_its_wait_at_once_with_what_is_missing(cluster: ApiServer, hangs: bool) -> None:
    with started_program() as process:
        read_until(process, "cuda: 0 of 1 online")
        if hangs:
            cluster.hold()
        struck = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        answer = read_until(process, "UpInterruptedError: ")
        os.kill(process.pid, signal.SIGINT)  # as the engine does once more when it has the answer
        output = answer + "".join(process.stdout or ())
        code = process.wait(SECONDS)
        assert time.monotonic() - struck < ENDS_WITHIN_SECONDS
    assert code == SAID_ITSELF, "or the language host adds a line of its own"
    assert "Traceback" not in output
    assert output.startswith("UpInterruptedError: ended while this was missing:\n  cuda: 0 of 1 online")
    assert "The next `pulumi up` waits again" in output


def test_an_up_that_is_to_end_does_not_wait_for_a_look_that_hangs(cluster: ApiServer) -> None:
    hangs, looked = threading.Event(), threading.Event()
    ended: list[int] = []

    def look(_: object) -> None:
        looked.set()
        hangs.wait(SECONDS)

    async def interrupted() -> None:
        waiting = asyncio.ensure_future(_of(cluster_hook(look, lambda: "all of it", lambda: ended.append(1))))
        await asyncio.to_thread(looked.wait, SECONDS)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(UpInterruptedError, match="all of it"):
            await waiting
        hangs.set()

    asyncio.run(interrupted())
    assert ended == [1]


def test_a_wait_that_is_over_leaves_the_signal_to_whoever_had_it(cluster: ApiServer) -> None:
    before = signal.getsignal(signal.SIGINT)

    async def look() -> None:
        mine = signal.getsignal(signal.SIGINT)
        await cluster_hook(lambda connection: None, str)(None)  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGINT) is mine

    asyncio.run(look())
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_look_raises_fails_the_up(cluster: ApiServer) -> None:
    def look(_: object) -> None:
        raise LookupError("of this look")

    with pytest.raises(LookupError, match="of this look"):
        asyncio.run(_of(cluster_hook(look, str)))


def test_one_signal_ends_every_wait_of_an_up() -> None:
    async def one() -> None:
        with interruption() as interrupted:
            await interrupted

    async def several() -> None:
        waits = [asyncio.ensure_future(one()) for _ in range(3)]
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(asyncio.gather(*waits), SECONDS)

    asyncio.run(several())


async def _of(hook: object) -> None:
    await hook(None)  # type: ignore[operator]
