"""One look at a scope after another, with a clock of the test's own: what waits for which of them."""

import time

from registrar.scope_cycle import ScopeCycle
from registrar.situation import SETTLE_SECONDS
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod, stamp, start


async def test_a_runner_is_removed_by_the_first_look_after_its_cordon_has_settled(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.gitea.come_online(1)
    start(pod)["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    world.follow()
    await until(lambda: any(pod.deleting and pod.runner_id for pod in world.store.pods()))
    now = 1000.0
    parts = world.service.parts
    (scope,) = parts.settings.scopes
    cycle = ScopeCycle(parts, scope, time.time, elapsed=lambda: now)
    await cycle.run()
    assert world.gitea.runners[1]["disabled"]
    now += SETTLE_SECONDS - 0.1
    await cycle.run()
    assert world.gitea.removed == [], "a job that was being handed out at that moment is not known yet"
    now += 0.1
    await cycle.run()
    assert world.gitea.removed == [1], "counted from the forge's answer to the cordon, not from the look after it"
    await cycle.close()
