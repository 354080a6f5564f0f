"""The pods are known through every kind of interruption, and it is known when they are not."""

from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod, start


async def test_pods_come_and_go_as_the_watch_tells(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(lambda: world.store.get("runners", "cuda-abc-aaaaa"))
    await world.cluster.vanish("runners", "cuda-abc-aaaaa")
    await until(lambda: not world.store.pods())


async def test_a_watch_that_ends_goes_on_where_it_was(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    world.cluster.break_watches()
    await world.cluster.create(runner_pod())
    await until(world.store.pods)


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


async def test_pods_without_the_pool_label_are_not_the_registrars_business(world: World) -> None:
    world.follow()
    stranger = runner_pod("stranger-abc-aaaaa")
    stranger["metadata"]["labels"] = {}
    await world.cluster.create(stranger)
    await world.cluster.create(runner_pod())
    await until(world.store.pods)
    assert [pod.name for pod in world.store.pods()] == ["cuda-abc-aaaaa"]
    assert await world.api.get("runners", "stranger-abc-aaaaa") is None
