"""The wait of `pulumi up`, and how it ends where the `up` is to end."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from components.cluster_hook import cluster_hook
from components.interruption import SAID_ITSELF
from tests.access.cluster.api_server import ApiServer, api_server
from tests.components.started_program import (
    ENDS_WITHIN_SECONDS,
    interrupt_until_it_ends,
    read_until,
    started_program,
)

DEPLOYMENTS = "/apis/apps/v1/namespaces/team/deployments"
# As pulumi-language-python-exec runs a program: in a loop of its own, whose threads are waited for at the end. What it
# has registered is answered no more once the `up` is to end.
PROGRAM = """
from components.interruption import end_at_interrupts
end_at_interrupts()

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


@pytest.mark.parametrize("hangs", [False, True], ids=["waiting", "cluster-hangs"])
def test_an_up_that_is_to_end_ends_its_wait_at_once_with_what_is_missing(cluster: ApiServer, hangs: bool) -> None:
    with started_program(PROGRAM) as process:
        read_until(process, "cuda: 0 of 1 online")
        if hangs:
            cluster.hold()
        struck = time.monotonic()
        code = interrupt_until_it_ends(process)
        assert time.monotonic() - struck < ENDS_WITHIN_SECONDS
        output = "".join(process.stdout or ())
    assert code == SAID_ITSELF, "or the language host adds a line of its own"
    assert "Traceback" not in output
    assert "UpInterruptedError: ended while this was missing:\n  cuda: 0 of 1 online" in output
    assert "The next `pulumi up` waits again" in output


def test_what_a_look_raises_fails_the_up(cluster: ApiServer) -> None:
    def look(_: object) -> None:
        raise LookupError("of this look")

    with pytest.raises(LookupError, match="of this look"):
        asyncio.run(_of(cluster_hook(look, str)))


async def _of(hook: object) -> None:
    await hook(None)  # type: ignore[operator]
