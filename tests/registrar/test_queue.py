"""Jobs are counted for the pool that would take them."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, TCPConnector, TraceConfig

from components.platform.client_certificate import issue_client_certificate
from registrar.forges.forge import Job, Pace
from registrar.queue import Place, Pool, Stuck, count
from registrar.queue_reader import ORDERS_SECONDS
from tests.registrar.conftest import PATIENCE_SECONDS, World, open_world, until
from tests.registrar.stand_in_cluster import pool_deployment, runner_pod, start
from tests.registrar.test_brake import LATER, NO_JOB, ended_pod
from values.contract import RUNNER_ID_ANNOTATION
from values.scope import GITEA, GITHUB, Scope

GUIDE = Scope("mlops/guide")
MINE, OTHERS = issue_client_certificate("runners"), issue_client_certificate("others")


def pool(
    name: str, *labels: str, scope: Scope = GUIDE, group: str | None = None, most: int | None = None,
    is_fixed: bool = False, stuck: Stuck | None = None, forge: str = GITHUB,
) -> Pool:  # fmt: skip
    return Pool(
        namespace="runners", name=name, scope=scope, forge=forge, labels=frozenset(labels), group=group, most=most,
        is_fixed=is_fixed, stuck=stuck,
    )  # fmt: skip


def refused(runners: int) -> Stuck:
    return Stuck(runners=runners, asked=runners + 1)


def job(number: int, *labels: str, runner_id: int | None = None, groups: frozenset[str | None] | None = None) -> Job:
    return Job(
        id=str(number), name="train", labels=frozenset(labels), runner_id=runner_id, in_progress=runner_id is not None,
        conclusion="", groups=groups,
    )  # fmt: skip


def counted(
    pools: list[Pool], waiting: list[Job], running: list[Job] | None = None, places: dict[int, Place] | None = None
) -> dict[str, tuple[int, int, int]]:
    """(waiting, running, wanted) by the pool's name."""
    counts = count(pools, waiting={GUIDE: waiting}, running={GUIDE: running or []}, places=places or {})
    return {key.removeprefix("runners/"): (it.waiting, it.running, it.wanted) for key, it in counts.items()}


def test_a_job_is_counted_for_a_pool_that_offers_all_of_its_labels() -> None:
    pools = [pool("cuda", "cml-gpu"), pool("base", "self-hosted")]
    waiting = [job(1, "cml-gpu"), job(2, "cml-gpu", "big"), job(3, "self-hosted")]
    assert counted(pools, waiting) == {"base": (1, 0, 1), "cuda": (1, 0, 1)}


def test_a_job_that_a_list_names_twice_is_counted_once() -> None:
    running = [job(9, "cml-gpu", runner_id=5)] * 2
    places = {5: Place(pool="runners/cuda")}
    assert counted([pool("cuda", "cml-gpu")], [job(1, "cml-gpu")] * 2, running, places) == {"cuda": (1, 1, 2)}


def test_a_job_that_two_pools_could_take_is_counted_once_for_the_plainer_one() -> None:
    pools = [pool("big", "gpu", "big"), pool("small", "gpu")]
    assert counted(pools, [job(1, "gpu")]) == {"small": (1, 0, 1), "big": (0, 0, 0)}


def test_jobs_that_a_full_pool_cannot_take_are_counted_for_the_next_one_that_can() -> None:
    pools = [pool("big", "gpu", "big", most=3), pool("small", "gpu", most=2)]
    running, places = [job(9, "gpu", runner_id=5)], {5: Place(pool="runners/small")}
    assert counted(pools, [job(n, "gpu") for n in range(3)], running, places) == {"small": (1, 1, 2), "big": (2, 0, 2)}


def test_jobs_beyond_what_all_pools_may_have_wait_for_the_plainer_one() -> None:
    pools = [pool("big", "gpu", "big", most=1), pool("small", "gpu", most=1)]
    assert counted(pools, [job(n, "gpu") for n in range(5)]) == {"small": (4, 0, 4), "big": (1, 0, 1)}


@pytest.mark.parametrize("fixed", ["a-warm", "z-warm"])
@pytest.mark.parametrize("more", [(), ("big",)])
def test_a_pool_that_nothing_scales_takes_as_many_jobs_as_it_has_runners(fixed: str, more: tuple[str, ...]) -> None:
    """Whatever its name: else it would have all of the jobs, and the pool that could grow for them none."""
    pools = [pool(fixed, "gpu", most=2, is_fixed=True), pool("burst", "gpu", *more, most=10)]
    assert counted(pools, [job(n, "gpu") for n in range(5)]) == {fixed: (2, 0, 2), "burst": (3, 0, 3)}


def test_jobs_of_a_pool_that_gets_no_more_runners_are_counted_for_another_that_can() -> None:
    """One pod more stays asked for: else nobody would see that it can have runners again."""
    pools = [pool("a", "gpu", most=4, stuck=refused(1)), pool("b", "gpu", most=9)]
    running, places = [job(9, "gpu", runner_id=5)], {5: Place(pool="runners/a")}
    assert counted(pools, [job(n, "gpu") for n in range(3)], running, places) == {"a": (0, 1, 2), "b": (3, 0, 3)}
    assert counted(pools, [], running, places) == {"a": (0, 1, 1), "b": (0, 0, 0)}


@pytest.mark.parametrize(("online", "taken"), [(0, 0), (1, 1)])
def test_a_failing_pool_is_asked_for_one_runner_however_its_last_try_stands(online: int, taken: int) -> None:
    """Were the try asked for beside it, each end of one would ask for more and for less."""
    pools = [pool("a", "gpu", most=4, stuck=Stuck(runners=online, asked=1)), pool("b", "gpu", most=9)]
    left = 5 - taken
    assert counted(pools, [job(n, "gpu") for n in range(5)]) == {"a": (taken, 0, 1), "b": (left, 0, left)}


@pytest.mark.parametrize("waiting", [1, 2, 3])
def test_a_refused_pool_with_idle_runners_is_asked_for_one_more_and_not_for_more_than_that(waiting: int) -> None:
    pools = [pool("a", "gpu", most=4, stuck=refused(2)), pool("b", "gpu", most=9)]
    wanted = 3 if waiting > 2 else waiting
    assert counted(pools, [job(n, "gpu") for n in range(waiting)])["a"] == (min(waiting, 2), 0, wanted)


def test_a_stuck_pool_is_not_tried_for_jobs_that_it_would_not_have() -> None:
    pools = [pool("plain", "gpu"), pool("special", "gpu", "big", stuck=refused(0))]
    assert counted(pools, [job(1, "gpu")]) == {"plain": (1, 0, 1), "special": (0, 0, 0)}


def test_jobs_for_which_no_other_has_room_are_counted_for_a_stuck_pool_as_far_as_it_may_grow() -> None:
    """Where nodes come and go, one comes for each of its pods."""
    pools = [pool("a", "gpu", most=3, stuck=refused(0)), pool("b", "gpu", most=1)]
    assert counted(pools, [job(n, "gpu") for n in range(3)]) == {"a": (2, 0, 2), "b": (1, 0, 1)}


def test_jobs_that_only_a_stuck_pool_could_take_wait_for_it() -> None:
    pools = [pool("a", "gpu", "big", most=4, stuck=refused(0)), pool("b", "gpu", most=9)]
    assert counted(pools, [job(1, "big"), job(2, "big")]) == {"a": (2, 0, 2), "b": (0, 0, 0)}


def test_jobs_beyond_all_room_wait_for_a_pool_that_is_scaled() -> None:
    pools = [pool("warm", "gpu", most=1, is_fixed=True), pool("burst", "gpu", most=1)]
    assert counted(pools, [job(n, "gpu") for n in range(5)]) == {"warm": (1, 0, 1), "burst": (4, 0, 4)}


def test_a_job_of_which_only_a_fixed_pool_has_the_labels_waits_for_it() -> None:
    assert counted([pool("warm", "gpu", most=0, is_fixed=True)], [job(1, "gpu")])["warm"][0] == 1


def test_at_gitea_a_job_waits_for_the_very_letters_of_its_labels() -> None:
    pools = [pool("cuda", "gpu", forge=GITEA), pool("upper", "GPU", "big", forge=GITEA)]
    assert counted(pools, [job(1, "GPU"), job(2, "Gpu"), job(3, "gpu")]) == {"cuda": (1, 0, 1), "upper": (1, 0, 1)}


def test_at_github_a_job_is_counted_whatever_the_case_of_its_labels() -> None:
    waiting = [job(1, "CML-GPU"), job(2, "Self-Hosted", "cml-gpu")]
    assert counted([pool("cuda", "Cml-GPU", "self-hosted")], waiting)["cuda"] == (2, 0, 2)


def test_a_job_without_labels_is_counted_for_a_pool_of_its_group() -> None:
    pools = [pool("a", "gpu", group="red"), pool("b", "gpu", "big", group="blue")]
    assert counted(pools, [job(1, groups=frozenset({"blue"}))]) == {"a": (0, 0, 0), "b": (1, 0, 1)}


def test_a_job_is_not_counted_for_a_pool_whose_group_its_repository_may_not_use() -> None:
    pools = [pool("a", "gpu", group="red"), pool("b", "gpu", group=None)]
    assert counted(pools, [job(1, "gpu", groups=frozenset()), job(2, "gpu", groups=frozenset({None}))]) == {
        "a": (0, 0, 0), "b": (1, 0, 1),
    }  # fmt: skip


def test_a_running_job_is_counted_where_it_runs() -> None:
    pools = [pool("big", "gpu", "big"), pool("small", "gpu")]
    running = [job(1, "gpu", runner_id=5)]
    assert counted(pools, [], running, {5: Place(pool="runners/big")}) == {"small": (0, 0, 0), "big": (0, 1, 1)}


def test_a_job_on_somebody_elses_runner_keeps_none_of_ours() -> None:
    assert counted([pool("small", "gpu")], [], [job(1, "gpu", runner_id=6)])["small"] == (0, 0, 0)


def test_a_job_on_a_pod_that_leaves_needs_no_other_runner() -> None:
    running, places = [job(1, "gpu", runner_id=5)], {5: Place(pool="runners/small", leaving=True)}
    assert counted([pool("small", "gpu")], [job(2, "gpu")], running, places)["small"] == (1, 1, 1)


def test_a_job_that_begins_while_the_lists_are_read_is_counted_once() -> None:
    running, places = [job(1, "gpu", runner_id=5)], {5: Place(pool="runners/small")}
    assert counted([pool("small", "gpu")], [job(1, "gpu")], running, places)["small"] == (0, 1, 1)


def test_jobs_of_another_scope_do_not_count() -> None:
    counts = count(
        [pool("cuda", "cml-gpu")], waiting={Scope("other/repository"): [job(1, "cml-gpu")]}, running={}, places={}
    )
    assert counts["runners/cuda"].wanted == 0


def test_thousands_of_jobs_of_hundreds_of_kinds_are_counted_within_a_moment() -> None:
    pools = [pool(f"p{n}", "gpu", f"l{n}") for n in range(200)]
    waiting = [job(n, f"l{n % 400}") for n in range(10_000)]
    began = time.thread_time()
    assert sum(waits for waits, _, _ in counted(pools, waiting).values()) == 5_000
    assert time.thread_time() - began < 2.0  # of this thread's own work; a tenth of it on a quick machine


FAST = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3, queue=0.05)


@pytest.fixture
async def scaled(tmp_path: Path) -> AsyncIterator[World]:
    """A registrar that serves the autoscalers of two namespaces."""
    grants = [
        {"namespace": name, "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None,
         "labels": ["cml-gpu", "big"], "autoscaler": pair.certificate}
        for name, pair in (("runners", MINE), ("others", OTHERS))
    ]  # fmt: skip
    async with open_world(tmp_path, "gitea", FAST, grants=grants) as it:
        it.follow()
        yield it


async def read(world: World, query: str = "") -> tuple[int, Any]:
    async with world.http.get(f"{world.status_url}/queue{query}") as response:
        return response.status, await response.json()


async def comes(world: World, expected: object) -> None:
    """Until `/queue` says so."""

    async def says() -> bool:
        return await read(world) == (200, expected)

    async with asyncio.timeout(60):
        while not await says():
            await asyncio.sleep(0.02)


async def ask(
    world: World, path: str = "runners/cuda", pair: Any = MINE, folder: Path | None = None
) -> tuple[int, Any]:
    """As the autoscaler asks."""
    assert folder is not None
    certificate, key = folder / "autoscaler.crt", folder / "autoscaler.key"
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    if pair is not None:
        certificate.write_text(pair.certificate)
        key.write_text(pair.key)
        trust.load_cert_chain(certificate, key)
    async with (
        ClientSession(connector=TCPConnector(ssl=trust, force_close=True)) as http,
        http.get(f"{world.queue_url}/queue/{path}") as response,
    ):
        return response.status, await response.json()


def one(waiting: int, running: int = 0) -> dict[str, dict[str, int]]:
    return {"runners/cuda": {"waiting": waiting, "running": running, "wanted": waiting + running}}


async def test_a_pool_at_zero_counts_and_one_that_is_renamed_is_forgotten(scaled: World) -> None:
    await scaled.cluster.declare()
    scaled.gitea.job(1, status="queued")
    await comes(scaled, one(1))
    await scaled.cluster.undeclare()
    await scaled.cluster.declare("renamed")
    await comes(scaled, {"runners/renamed": {"waiting": 1, "running": 0, "wanted": 1}})


async def test_a_pool_counts_by_its_deployment_also_while_no_api_server_answers(scaled: World) -> None:
    await scaled.cluster.declare()
    await comes(scaled, one(0))
    scaled.cluster.away = True
    scaled.cluster.break_watches()
    scaled.gitea.job(1, status="queued")
    await comes(scaled, one(1))


async def test_jobs_of_a_pool_whose_runners_keep_failing_are_counted_for_another_that_can(scaled: World) -> None:
    await scaled.cluster.declare(most=4)
    await scaled.cluster.declare("other", most=4)
    pod = runner_pod()
    await scaled.cluster.create(pod)
    scaled.gitea.job(1, status="queued")
    scaled.gitea.job(2, status="queued")
    free = {"waiting": 0, "running": 0, "wanted": 0}
    await comes(scaled, {"runners/cuda": {"waiting": 2, "running": 0, "wanted": 2}, "runners/other": free})
    for number in range(3):
        scaled.service.brakes.ended(ended_pod(f"a{number}", at=100.0 + 10 * number), NO_JOB, LATER)
    tried = {"waiting": 0, "running": 0, "wanted": 1}
    both = {"runners/cuda": tried, "runners/other": {"waiting": 2, "running": 0, "wanted": 2}}
    await comes(scaled, both)
    await scaled.cluster.vanish("runners", pod["metadata"]["name"])  # as a reservation takes it back
    await until(lambda: not scaled.store.pods())
    scaled.gitea.job(3, status="queued")
    both["runners/other"] = {"waiting": 3, "running": 0, "wanted": 3}
    await comes(scaled, both)


async def test_a_pool_whose_labels_its_grant_does_not_allow_counts_for_nothing(scaled: World) -> None:
    await scaled.cluster.declare()
    await scaled.cluster.declare("greedy", runner_labels="self-hosted")
    await scaled.cluster.declare("none", runner_labels=",,")
    await scaled.cluster.declare("odd", runner_labels="a\nb")
    scaled.gitea.job(1, status="queued", labels=["self-hosted"])
    await comes(scaled, one(0))
    assert (await read(scaled))[1] == one(0)


async def test_a_pods_own_words_make_no_pool(scaled: World) -> None:
    await scaled.cluster.create(runner_pod())
    await until(scaled.store.pods)
    assert await read(scaled) == (200, {})


async def test_whoever_asks_adds_no_pool(scaled: World) -> None:
    await scaled.cluster.declare()
    scaled.gitea.job(1, status="queued")
    await comes(scaled, one(1))
    assert await read(scaled, "?namespace=runners&pool=aaa&labels=cml-gpu") == (200, one(1))


async def test_cancelled_and_ended_jobs_are_forgotten_and_one_that_is_run_again_counts_again(scaled: World) -> None:
    await scaled.cluster.declare()
    scaled.gitea.job(1, status="queued")
    scaled.gitea.job(2, status="waiting")  # for another job, or an approval
    await comes(scaled, one(1))
    scaled.gitea.job(1, status="completed", conclusion="cancelled")
    await comes(scaled, one(0))
    scaled.gitea.job(1, status="queued")
    await comes(scaled, one(1))


async def test_a_job_counts_on_while_it_runs_until_its_pod_leaves(scaled: World) -> None:
    await scaled.cluster.declare()
    pod = runner_pod()
    await scaled.cluster.create(pod)
    await until(scaled.store.pods)
    await scaled.register(pod)
    await scaled.cluster.put(start(pod))
    scaled.gitea.job(1, runner_id=int(pod["metadata"]["annotations"][RUNNER_ID_ANNOTATION]))
    await comes(scaled, one(0, 1))
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await scaled.cluster.put(pod)
    await comes(scaled, {"runners/cuda": {"waiting": 0, "running": 1, "wanted": 0}})


async def test_an_autoscaler_reads_the_pools_of_its_namespace(scaled: World, tmp_path: Path) -> None:
    await scaled.cluster.declare()
    scaled.gitea.job(1, status="queued")
    await comes(scaled, one(1))
    assert await ask(scaled, folder=tmp_path) == (200, one(1)["runners/cuda"])
    assert (await ask(scaled, "runners/elsewhere", folder=tmp_path))[0] == 404
    status, answer = await ask(scaled, pair=OTHERS, folder=tmp_path)
    assert (status, answer["reason"]) == (403, "NamespaceNotYours")


async def test_whoever_shows_no_certificate_of_an_autoscaler_is_not_let_in(scaled: World, tmp_path: Path) -> None:
    for stranger in (None, issue_client_certificate("runners")):
        with pytest.raises(ClientConnectionError):
            await ask(scaled, pair=stranger, folder=tmp_path)


async def test_pods_and_readers_of_metrics_have_no_way_to_the_autoscalers_port(world: World) -> None:
    assert world.queue_url.endswith(":0")  # no namespace has an autoscaler: it is not even open


async def test_the_queue_is_not_guessed_while_the_forge_is_away(scaled: World, tmp_path: Path) -> None:
    await scaled.cluster.declare()
    await until(lambda: scaled.service.declared.pools("runners"))
    scaled.gitea.failing = 500
    status, body = await read(scaled)
    assert (status, body["reason"]) == (503, "ForgeUnknown")
    assert (await ask(scaled, folder=tmp_path))[0] == 503


@pytest.mark.parametrize("scope", ["mlops/guide"])
async def test_nothing_is_said_about_a_namespace_that_could_not_be_read(scope: str, tmp_path: Path) -> None:
    grants = [{"namespace": "runners", "scope": scope, "serviceAccounts": ["runner"], "runnerGroup": None,
               "autoscaler": MINE.certificate}]  # fmt: skip
    async with open_world(tmp_path, "gitea", FAST, grants=grants) as world:
        world.cluster.deployments["runners", "cuda"] = pool_deployment()
        world.cluster.unreadable.add("runners")
        world.follow()
        status, answer = await ask(world, folder=tmp_path)
        assert (status, answer["reason"]) == (503, "ClusterUnknown")


async def test_an_answer_is_there_at_once_however_long_the_queue_and_however_slow_the_forge(
    scaled: World, tmp_path: Path
) -> None:
    await scaled.cluster.declare()
    for number in range(1, 2001):
        scaled.gitea.job(number, status="queued")
    await comes(scaled, one(2000))
    asked, scaled.gitea.delay = len(scaled.gitea.calls), 10 * PATIENCE_SECONDS
    await until(lambda: len(scaled.gitea.calls) > asked)  # it is asked again, and this answer does not come
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(20):
            assert await read(scaled) == (200, one(2000))


async def test_many_who_ask_at_once_cost_the_forge_one_question(world: World) -> None:
    world.follow()
    await world.cluster.declare()
    await until(lambda: world.service.declared.pools("runners"))
    world.gitea.delay = 0.1
    before = len(world.gitea.calls)
    answers = await asyncio.gather(*(read(world) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len([call for call in world.gitea.calls[before:] if call.endswith("/jobs")]) <= 4
    listed = len([call for call in world.gitea.calls if call.endswith("/runners")])

    async def roster() -> int:
        async with world.http.get(f"{world.status_url}/runners") as response:
            return response.status

    assert set(await asyncio.gather(*(roster() for _ in range(20)))) == {200}
    assert len([call for call in world.gitea.calls if call.endswith("/runners")]) == listed + 1


async def test_the_forge_is_not_asked_about_a_queue_that_nobody_reads(world: World) -> None:
    world.follow()
    await world.cluster.declare()
    await until(lambda: world.service.declared.pools("runners"))
    assert not [call for call in world.gitea.calls if call.endswith("/jobs")]


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


TWO_SCOPES = {
    "grants": [
        {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None},
        {"namespace": "slow", "scope": "mlops/slow", "serviceAccounts": ["runner"], "runnerGroup": None},
    ]
}


@pytest.mark.parametrize("world", [TWO_SCOPES], indirect=True)
async def test_a_pool_is_counted_in_time_though_another_scope_is_slow(world: World) -> None:
    world.gitea.slow = {"/mlops/slow/": 10 * PATIENCE_SECONDS}
    world.follow()
    await world.cluster.declare()
    await world.cluster.declare("slow", namespace="slow")
    await until(lambda: world.service.declared.pools("slow"))
    world.gitea.job(1, status="queued")
    async with asyncio.timeout(PATIENCE_SECONDS):  # less than one answer about the other takes
        assert await read(world) == (200, one(1))


async def test_an_autoscaler_comes_back_on_its_connection_and_nobody_else_does(scaled: World, tmp_path: Path) -> None:
    await scaled.cluster.declare()
    await comes(scaled, one(0))
    made: list[str] = []

    async def count_connection(session: ClientSession, context: object, params: object) -> None:
        made.append("connection")

    trace = TraceConfig()
    trace.on_connection_create_end.append(count_connection)
    (tmp_path / "autoscaler.crt").write_text(MINE.certificate)
    (tmp_path / "autoscaler.key").write_text(MINE.key)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    trust.load_cert_chain(tmp_path / "autoscaler.crt", tmp_path / "autoscaler.key")
    async with ClientSession(connector=TCPConnector(ssl=trust), trace_configs=[trace]) as http:
        for _ in range(5):
            async with http.get(f"{scaled.queue_url}/queue/runners/cuda") as response:
                assert response.status == 200
                await response.read()
        assert len(made) == 1
        for _ in range(3):
            async with http.get(f"{scaled.status_url}/queue") as response:
                await response.read()
        assert len(made) == 1 + 3


async def test_an_autoscalers_connection_ends_in_good_order_before_its_time_is_over(
    scaled: World, tmp_path: Path
) -> None:
    await scaled.cluster.declare()
    await comes(scaled, one(0))
    (tmp_path / "autoscaler.crt").write_text(MINE.certificate)
    (tmp_path / "autoscaler.key").write_text(MINE.key)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    trust.load_cert_chain(tmp_path / "autoscaler.crt", tmp_path / "autoscaler.key")
    kept = []
    async with ClientSession(connector=TCPConnector(ssl=trust)) as http:
        padding = {"X-Padding": "x" * 4000}  # 32 KiB is all that a connection may send
        for _ in range(30):
            async with http.get(f"{scaled.queue_url}/queue/runners/cuda", headers=padding) as response:
                assert response.status == 200
                await response.read()
                kept.append(response.headers.get("Connection") != "close")
    assert not all(kept)
    assert any(kept)


async def test_the_order_of_a_queue_is_believed_for_a_minute_after_it_was_asked_for_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(world.service.queue, "_clock", lambda: now[0])
    world.follow()
    await world.cluster.declare()
    await until(lambda: world.service.declared.pools("runners") and world.store.has_known("runners"))
    for _ in range(3):
        await world.service.queue.read_pool("runners", "cuda")
        now[0] += ORDERS_SECONDS - 10
        assert world.service.queue._orders() == {"runners/cuda": None}
    now[0] += 11
    assert world.service.queue._orders() == {}


def test_a_label_that_only_looks_alike_is_another() -> None:
    """To GitHub, as to most, the Kelvin sign is no K."""
    assert counted([pool("cuda", "kaggle")], [job(1, "\u212aaggle"), job(2, "KAGGLE")]) == {"cuda": (1, 0, 1)}
