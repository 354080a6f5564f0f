"""A network whose only way out is a proxy: the registrar, the runner and its job take it, and the cluster is inside."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from lab import network
from lab.trial.kubernetes import KubernetesApi
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job, push
from tests.lab.conftest import MakeStack, stack_file
from tests.registrar.forward_proxy import ForwardProxy, forward_proxy

NAMESPACE = "gpu-runners-small-proxied"
REPOSITORY = "mlops/proxied"
FORGE = f"{network.HOST}:3000"
SECONDS = 120.0


@pytest.fixture(scope="module")
def proxy(lab: dict[str, str]) -> Iterator[ForwardProxy]:
    """A forward proxy beside the lab's node, in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    made: list[ForwardProxy] = []
    ended = asyncio.Event()

    async def serve() -> None:
        async with forward_proxy(network.HOST) as it:
            made.append(it)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield made[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(10)


@pytest.fixture(scope="module")
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository(REPOSITORY)


@pytest.fixture(scope="module")
def stack(proxy: ForwardProxy, repository: Repository, make_stack: MakeStack) -> Stack:
    """A platform with a pool, whose pods may reach the proxy and not the forge."""
    config = stack_file("small.yaml")
    config["gpu-runners:proxy"] = {"url": proxy.url}
    platform, (pool,) = config["gpu-runners:platform"], config["gpu-runners:pools"]
    platform["scope"] = f"http://{FORGE}/{REPOSITORY}"
    platform["registrar"]["namespace"] = f"{NAMESPACE}-system"
    platform["environments"] = [{"namespace": NAMESPACE, "quota": {"gpus": 0}}]
    pool |= {"namespace": NAMESPACE, "name": "proxied", "labels": ["proxied"]}
    pool.pop("gpu", None)
    made = make_stack("proxied", config)
    made.up().succeeded()
    return made


def test_registrar_runner_and_job_reach_the_forge_through_the_proxy_alone(
    stack: Stack, proxy: ForwardProxy, repository: Repository
) -> None:
    script = f"""
        echo "told of $https_proxy and $HTTP_PROXY"
        git ls-remote --quiet http://{FORGE}/mlops/guide.git
        ! timeout 5 git -c http.proxy= ls-remote --quiet http://{FORGE}/mlops/guide.git
    """
    run = push(repository, one_job("proxied", script))
    (job,) = run.until_done(SECONDS).values()
    assert job.conclusion == "success", run.log(job.name)
    assert f"told of {proxy.url} and {proxy.url}" in run.log(job.name)
    assert set(proxy.hosts) == {FORGE}


def test_the_api_server_is_never_asked_through_it(stack: Stack, proxy: ForwardProxy, api: KubernetesApi) -> None:
    pods = api.items(f"/api/v1/namespaces/{NAMESPACE}/pods")
    assert all("6443" not in host for host in proxy.hosts)
    (variables,) = {
        tuple(v["value"] for v in pod["spec"]["containers"][0]["env"] if v["name"] == "no_proxy") for pod in pods
    }
    assert "$(KUBERNETES_SERVICE_HOST)" in variables[0]
