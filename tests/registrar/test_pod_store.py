"""The pods are known through every kind of interruption, and it is known when they are not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from registrar import pod_store
from registrar.cluster import Cluster
from registrar.forges.forge import Pace
from registrar.pods import RunnerPod, Stage
from tests.registrar.conftest import PATIENCE_SECONDS, World, open_world, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start


async def test_pods_come_and_go_as_the_watch_tells(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    lists = len(world.cluster.lists)
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(lambda: world.store.get("runners", "cuda-abc-aaaaa"))
    await world.cluster.put(start(pod))
    await until(lambda: world.store.pods()[0].started)
    await world.cluster.vanish("runners", "cuda-abc-aaaaa")
    await until(lambda: not world.store.pods())
    assert len(world.cluster.lists) == lists, "a fresh list would have told the same, after a silence"


async def test_a_pod_that_was_not_known_may_go_and_the_watch_goes_on(world: World) -> None:
    world.follow()
    await until(lambda: world.cluster.watched["Pod"])
    lists = len(world.cluster.lists)
    await world.cluster.put(runner_pod("cuda-abc-gone0"), "DELETED")
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert len(world.cluster.lists) == lists


async def test_pods_are_found_by_their_namespace_and_pool(world: World) -> None:
    world.follow()
    for name in ("cuda-abc-aaaaa", "cuda-abc-bbbbb"):
        await world.cluster.create(runner_pod(name))
    await until(lambda: len(world.store.pods()) == 2)
    assert {key: [pod.name for pod in pods] for key, pods in world.store.by_pool().items()} == {
        "runners/cuda": ["cuda-abc-aaaaa", "cuda-abc-bbbbb"]
    }


async def test_what_a_fresh_list_tells_is_found_by_its_pool_as_well_before_the_watch_tells_it(world: World) -> None:
    world.follow()
    await world.cluster.create(runner_pod("cuda-abc-aaaaa"))
    await until(world.store.by_pool)
    world.cluster.silent = True
    await world.cluster.create(runner_pod("cuda-abc-bbbbb"))
    assert await world.store.refresh("runners")
    assert [pod.name for pod in world.store.by_pool()["runners/cuda"]] == ["cuda-abc-aaaaa", "cuda-abc-bbbbb"]


async def test_a_watch_that_ends_in_good_order_goes_on_where_it_was_without_a_list(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    await until(lambda: world.cluster.watched["Pod"])
    lists = len(world.cluster.lists)
    await world.cluster.end_watches()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert world.store.knows("runners")
    assert len(world.cluster.lists) == lists


async def test_a_watch_that_breaks_is_followed_by_a_list(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    await until(lambda: world.cluster.watched["Pod"])
    lists = len(world.cluster.lists)
    world.cluster.break_watches()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert len(world.cluster.lists) == lists + 1


async def test_a_watch_that_went_silent_is_noticed(tmp_path: Path) -> None:
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
    async with open_world(tmp_path, "gitea", pace, silence=0.3) as world:
        world.follow()
        await until(lambda: world.store.knows("runners"))
        world.cluster.silent = True
        await world.cluster.create(runner_pod())
        await until(world.store.pods)


async def test_what_a_watch_did_not_tell_that_died_without_a_word_the_next_one_tells(tmp_path: Path) -> None:
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
    async with open_world(tmp_path, "gitea", pace, silence=0.5) as world:
        world.follow()
        await world.cluster.create(runner_pod("cuda-abc-aaaaa"))
        await until(world.store.pods)
        await until(lambda: world.cluster.watched["Pod"])
        lists = len(world.cluster.lists)
        world.cluster.lose_watches()
        await world.cluster.create(runner_pod("cuda-abc-bbbbb"))
        await world.cluster.vanish("runners", "cuda-abc-aaaaa")
        await until(lambda: [pod.name for pod in world.store.pods()] == ["cuda-abc-bbbbb"])
        assert len(world.cluster.lists) == lists


TWO_NAMESPACES = {
    "grants": [
        {"namespace": name, "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
        for name in ("runners", "others")
    ]
}


@pytest.mark.parametrize("world", [TWO_NAMESPACES], indirect=True)
async def test_a_namespace_that_cannot_be_read_costs_only_itself(world: World) -> None:
    world.cluster.unreadable = {"others"}
    world.follow()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert not world.store.knows("others")


async def test_whoever_subscribes_to_one_namespace_is_not_woken_by_another(world: World) -> None:
    other, mine = world.store.subscribe(["elsewhere"]), world.store.subscribe(["runners"])
    world.follow()
    await world.cluster.create(runner_pod())
    await until(mine.is_set)
    assert not other.is_set()


async def test_a_version_that_is_too_old_is_answered_with_a_fresh_list(world: World) -> None:
    world.follow()
    await world.cluster.create(runner_pod("cuda-abc-aaaaa"))
    await until(world.store.pods)
    world.cluster.break_watches(forget_history=True)
    await world.cluster.vanish("runners", "cuda-abc-aaaaa")
    await world.cluster.create(runner_pod("cuda-abc-bbbbb"))
    await until(lambda: [pod.name for pod in world.store.pods()] == ["cuda-abc-bbbbb"])


async def test_a_namespace_is_unknown_while_the_api_server_is_away(world: World) -> None:
    world.follow()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    world.cluster.away = True
    world.cluster.break_watches()
    await until(lambda: not world.store.knows("runners"))
    assert world.store.pods() == ()
    assert not await world.store.refresh("runners")
    world.cluster.away = False
    await until(world.store.pods)


async def test_an_older_view_of_a_pod_never_replaces_a_newer_one(world: World) -> None:
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(world.store.pods)
    old = world.store.pods()[0]
    await world.cluster.put(start(pod))
    await until(lambda: world.store.pods()[0].started)
    world.store.put(old)
    assert world.store.pods()[0].started


class _SlowLists:
    """Lists that are read at once and whose answers travel until the test lets them arrive."""

    def __init__(self, api: Cluster) -> None:
        self._list, self.read, self.arrive = api.list, asyncio.Event(), asyncio.Event()

    async def list(self, namespace: str) -> tuple[dict[tuple[str, str], RunnerPod], str]:
        answer = await self._list(namespace)
        self.read.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.arrive.wait()
        return answer


async def refreshing(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[_SlowLists, "asyncio.Task[bool]"]:
    """A fresh list that has been read and whose answer is on its way."""
    slow = _SlowLists(world.api)
    monkeypatch.setattr(world.api, "list", slow.list)
    task = asyncio.create_task(world.store.refresh("runners"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await slow.read.wait()
    return slow, task


async def test_a_late_answer_about_a_predecessor_never_replaces_its_namesake(world: World) -> None:
    """Whatever its version is: a change to the former pod may be answered when the next one is known already."""
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(world.store.pods)
    known = world.store.pods()[0]
    world.store.put(replace(known, uid="of-the-predecessor", version=known.version + 1, deleting=True))
    assert world.store.pods() == (known,)


async def test_a_list_that_arrives_late_changes_nothing_of_what_the_watch_has_told_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.follow()
    ending, leaving = start(runner_pod("cuda-abc-aaaaa")), runner_pod("cuda-abc-bbbbb")
    for pod in (ending, leaving):
        await world.cluster.create(pod)
    await until(lambda: len(world.store.pods()) == 2)
    slow, task = await refreshing(world, monkeypatch)
    await world.cluster.put(end(ending, exit_code=0))
    await world.cluster.vanish("runners", "cuda-abc-bbbbb")
    await world.cluster.create(runner_pod("cuda-abc-ccccc"))
    await until(lambda: "cuda-abc-ccccc" in {pod.name for pod in world.store.pods()})
    told = world.store.pods()
    slow.arrive.set()
    assert await task
    assert world.store.pods() == told
    assert [(pod.name, pod.stage) for pod in told if pod.ended] == [("cuda-abc-aaaaa", Stage.COMPLETED)]
    assert [pod.name for pod in world.store.take_departed(["runners"])] == ["cuda-abc-bbbbb"]


async def test_a_list_that_arrives_late_changes_nothing_of_what_an_answer_to_a_change_has_told_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.follow()
    await world.cluster.create(start(runner_pod()))
    await until(world.store.pods)
    world.cluster.silent = True
    slow, task = await refreshing(world, monkeypatch)
    world.store.put(await world.api.open_gate(world.store.pods()[0], "it is online"))
    slow.arrive.set()
    assert await task
    assert world.store.pods()[0].gated


async def test_a_watch_that_is_behind_takes_nothing_back_of_what_a_fresh_list_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def watch(namespace: str, version: str) -> AsyncIterator[tuple[str, RunnerPod]]:
        await goes_on.wait()
        yield "MODIFIED", before
        yield "ADDED", replace(before, name="cuda-abc-bbbbb", uid="another", version=before.version + 1)
        await asyncio.Event().wait()

    monkeypatch.setattr(world.api, "watch", watch)
    pod = start(runner_pod())
    await world.cluster.create(pod)
    world.follow()
    await until(world.store.pods)
    (before,) = world.store.pods()
    await world.cluster.put(end(pod, exit_code=3))
    assert await world.store.refresh("runners")
    goes_on.set()
    await until(lambda: len(world.store.pods()) == 2)
    assert world.store.pods()[0].stage is Stage.FAILED


async def test_how_a_pod_has_ended_that_a_fresh_list_lacks_is_told_by_the_watch(world: World) -> None:
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(world.store.pods)
    world.cluster.silent = True
    await world.cluster.put(end(pod, exit_code=3), "DELETED")
    assert await world.store.refresh("runners")
    assert world.store.take_departed(["runners"]) == ()
    world.cluster.silent = False
    await world.cluster.create(runner_pod("cuda-abc-bbbbb"))
    await until(lambda: [pod.name for pod in world.store.pods()] == ["cuda-abc-bbbbb"])
    (departed,) = world.store.take_departed(["runners"])
    assert departed.ended is not None


async def test_pods_without_the_pool_label_are_not_the_registrars_business(world: World) -> None:
    world.follow()
    stranger = runner_pod("stranger-abc-aaaaa")
    stranger["metadata"]["labels"] = {}
    await world.cluster.create(stranger)
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert [pod.name for pod in world.store.pods()] == ["cuda-abc-aaaaa"]
    assert await world.api.get("runners", "stranger-abc-aaaaa") is None


async def test_a_pod_that_is_gone_is_handed_out_once_as_it_was_in_the_end(world: World) -> None:
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(world.store.pods)
    await world.cluster.put(end(pod, exit_code=3), "DELETED")
    await until(lambda: not world.store.pods())
    assert world.store.take_departed(["others"]) == ()
    (departed,) = world.store.take_departed(["runners"])
    assert departed.ended is not None
    assert departed.ended.exit_code == 3
    assert world.store.take_departed(["runners"]) == ()


async def test_a_pod_that_was_leaving_when_the_watch_was_lost_is_not_handed_out(world: World) -> None:
    world.follow()
    leaving, staying = runner_pod("cuda-abc-aaaaa"), runner_pod("cuda-abc-bbbbb")
    leaving["metadata"]["deletionTimestamp"] = stamp(-60)
    for pod in (leaving, staying):
        await world.cluster.create(pod)
    await until(lambda: len(world.store.pods()) == 2)
    world.cluster.silent = True
    for pod in (leaving, staying):
        await world.cluster.vanish("runners", pod["metadata"]["name"])
    world.cluster.silent = False
    world.cluster.break_watches(forget_history=True)
    await until(lambda: not world.store.last_seen())
    assert [pod.name for pod in world.store.take_departed(["runners"])] == ["cuda-abc-bbbbb"]


async def test_of_pods_that_are_gone_and_that_nobody_asks_for_the_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_store, "MOST_DEPARTED", 2)
    async with open_world(tmp_path, "gitea", Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)) as world:
        world.follow()
        names = [f"cuda-abc-{number:05d}" for number in range(4)]
        for name in names:
            await world.cluster.create(runner_pod(name))
        await until(lambda: len(world.store.pods()) == len(names))
        for name in names:
            await world.cluster.vanish("runners", name)
        await until(lambda: not world.store.pods())
        assert [pod.name for pod in world.store.take_departed(["runners"])] == names[-2:]
