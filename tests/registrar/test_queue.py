"""Jobs are counted for the pool that would take them."""

import asyncio
import time

import pytest

from registrar.forges.forge import Job
from registrar.queue import Pool, count
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod
from values.scope import Scope

GUIDE = Scope("mlops/guide")


def pool(name: str, *labels: str, scope: Scope = GUIDE) -> Pool:
    return Pool(namespace="runners", name=name, scope=scope, labels=frozenset(labels))


def job(number: int, *labels: str, runner_id: int | None = None) -> Job:
    return Job(
        id=str(number), name="train", labels=frozenset(labels), runner_id=runner_id, in_progress=runner_id is not None,
        conclusion="",
    )  # fmt: skip


def test_a_job_is_counted_for_a_pool_that_offers_all_of_its_labels() -> None:
    pools = [pool("cuda", "cml-gpu"), pool("base", "self-hosted")]
    waiting = {GUIDE: [job(1, "cml-gpu"), job(2, "cml-gpu", "big"), job(3, "self-hosted")]}
    counted = count(pools, waiting=waiting, running={}, pool_of_runner={})
    assert counted == {"runners/base": {"waiting": 1, "running": 0}, "runners/cuda": {"waiting": 1, "running": 0}}


def test_a_job_that_two_pools_could_take_is_counted_once_for_the_plainer_one() -> None:
    pools = [pool("big", "gpu", "big"), pool("small", "gpu")]
    counted = count(pools, waiting={GUIDE: [job(1, "gpu")]}, running={}, pool_of_runner={})
    assert counted["runners/small"]["waiting"] == 1
    assert counted["runners/big"]["waiting"] == 0


def test_a_job_is_counted_whatever_the_case_of_its_labels() -> None:
    waiting = {GUIDE: [job(1, "CML-GPU"), job(2, "Self-Hosted", "cml-gpu")]}
    counted = count([pool("cuda", "Cml-GPU", "self-hosted")], waiting=waiting, running={}, pool_of_runner={})
    assert counted["runners/cuda"]["waiting"] == 2


def test_a_running_job_is_counted_where_it_runs() -> None:
    pools = [pool("big", "gpu", "big"), pool("small", "gpu")]
    running = {GUIDE: [job(1, "gpu", runner_id=5), job(2, "gpu", runner_id=6)]}
    counted = count(pools, waiting={}, running=running, pool_of_runner={5: "runners/big"})
    assert (counted["runners/big"]["running"], counted["runners/small"]["running"]) == (1, 1)


def test_jobs_of_another_scope_do_not_count() -> None:
    counted = count(
        [pool("cuda", "cml-gpu")],
        waiting={Scope("other/repository"): [job(1, "cml-gpu")]},
        running={},
        pool_of_runner={},
    )
    assert counted == {"runners/cuda": {"waiting": 0, "running": 0}}


async def read(world: World, query: str = "") -> tuple[int, object]:
    async with world.http.get(f"{world.status_url}/queue{query}") as response:
        return response.status, await response.json()


async def test_a_pool_scaled_to_zero_is_still_counted(world: World) -> None:
    world.follow()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    world.gitea.job(1, status="queued")
    assert await read(world) == (200, {"runners/cuda": {"waiting": 1, "running": 0}})
    await world.cluster.vanish("runners", "cuda-abc-aaaaa")
    await until(lambda: not world.store.pods())
    assert await read(world) == (200, {"runners/cuda": {"waiting": 1, "running": 0}})


async def test_a_pool_that_never_had_a_pod_can_be_asked_for(world: World) -> None:
    world.gitea.job(1, status="queued")
    answer = await read(world, "?namespace=runners&pool=cuda&labels=cml-gpu")
    assert answer == (200, {"runners/cuda": {"waiting": 1, "running": 0}})
    assert (await read(world, "?namespace=elsewhere&pool=cuda&labels=cml-gpu"))[0] == 200


async def test_the_queue_is_not_guessed_while_the_forge_is_away(world: World) -> None:
    world.gitea.failing = 500
    status, body = await read(world, "?namespace=runners&pool=cuda&labels=cml-gpu")
    assert status == 503
    assert isinstance(body, dict)
    assert body["reason"] == "ForgeUnknown"


TWO_SCOPES = {
    "grants": [
        {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None},
        {"namespace": "slow", "scope": "mlops/slow", "serviceAccounts": ["runner"], "runnerGroup": None},
    ]
}


@pytest.mark.parametrize("world", [TWO_SCOPES], indirect=True)
async def test_a_pool_is_counted_in_time_though_another_scope_is_slow(world: World) -> None:
    world.gitea.slow = {"/mlops/slow/": 9.0}
    world.follow()
    await world.cluster.create(runner_pod("slow-abc-aaaaa", namespace="slow"))
    await until(world.store.pods)
    world.gitea.job(1, status="queued")
    began = time.monotonic()
    answer = await read(world, "?namespace=runners&pool=cuda&labels=cml-gpu")
    assert answer == (200, {"runners/cuda": {"waiting": 1, "running": 0}})
    assert time.monotonic() - began < 3.0, "KEDA has given up by then"


async def test_health_does_not_depend_on_forge_or_cluster(world: World) -> None:
    world.gitea.failing, world.cluster.away = 500, True
    async with world.http.get(f"{world.url}/healthz") as response:
        assert (response.status, await response.text()) == (200, "ok")


async def test_metrics_name_every_refusal(world: World) -> None:
    await world.register(runner_pod(namespace="elsewhere"))
    async with world.http.get(f"{world.status_url}/metrics") as response:
        text = await response.text()
    assert 'gpu_runners_registrations_total{namespace="",reason="NamespaceNotGranted",result="refused"} 1.0' in text


async def test_metrics_tell_how_long_a_pod_waited_for_its_registration(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    await world.register(runner_pod(namespace="elsewhere"))
    async with world.http.get(f"{world.status_url}/metrics") as response:
        text = await response.text()
    assert "gpu_runners_registration_seconds_count 1.0" in text


async def test_a_pool_that_is_only_asked_for_takes_no_job_from_a_real_one_and_is_not_kept(world: World) -> None:
    world.follow()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    world.gitea.job(1, status="queued")
    _, asked = await read(world, "?namespace=runners&pool=aaa&labels=cml-gpu")
    assert isinstance(asked, dict)
    assert asked["runners/cuda"]["waiting"] == 1
    for number in range(300):
        await read(world, f"?namespace=runners&pool=a{number}&labels=cml-gpu")
    assert await read(world) == (200, {"runners/cuda": {"waiting": 1, "running": 0}})


async def test_many_who_ask_at_once_cost_the_forge_one_question(world: World) -> None:
    world.gitea.delay = 0.1
    query = "?namespace=runners&pool=cuda&labels=cml-gpu"
    answers = await asyncio.gather(*(read(world, query) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len([call for call in world.gitea.calls if call.endswith("/jobs")]) <= 2
    listed = len([call for call in world.gitea.calls if call.endswith("/runners")])

    async def roster() -> int:
        async with world.http.get(f"{world.status_url}/runners") as response:
            return response.status

    assert set(await asyncio.gather(*(roster() for _ in range(20)))) == {200}
    assert len([call for call in world.gitea.calls if call.endswith("/runners")]) == listed + 1


@pytest.mark.parametrize(
    "query",
    ["?namespace=../x&pool=a&labels=b", "?namespace=runners&pool=" + "a" * 64 + "&labels=b", "?namespace=runners&pool=a"
     "&labels=a%0Ab", "?namespace=runners&pool=a&labels=" + ",".join(f"l{n}" for n in range(40)),
     "?namespace=%ED%A0%80&pool=a&labels=b"],
)  # fmt: skip
async def test_a_query_that_names_no_pool_is_refused_with_the_question_to_ask(world: World, query: str) -> None:
    status, body = await read(world, query)
    assert status == 400
    assert isinstance(body, dict)
    assert "/queue?namespace=N" in body["message"]
