"""What is done at the forge for a decision, and what is looked at once more before it."""

import pytest

from registrar.actions import Target
from registrar.decisions import Action, Verb
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod, start
from values import contract

REMOVE = Action(verb=Verb.REMOVE, reason=contract.REGISTRATION_REMOVED, message="it has no job")
DELETE = Action(verb=Verb.DELETE_POD, reason=contract.NOT_ONLINE, message="it is late")


async def target(world: World, *, runner_id: int | None = 1) -> Target:
    """A pod with the runner 1, which is online at the forge."""
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.gitea.come_online(1)
    await world.cluster.put(start(pod))
    world.follow()
    await until(lambda: any(known.runner_id for known in world.store.pods()))
    (scope,) = world.service.parts.settings.scopes
    return Target(scope=scope, pod=world.store.pods()[0], runner_id=runner_id)


async def test_a_decided_removal_is_not_done_where_a_job_has_come_since(world: World) -> None:
    """The look that the decision rests on is seconds old; Gitea refuses no removal, and the job's result is lost."""
    it = await target(world)
    world.gitea.job(7, runner_id=1)
    assert await world.actor.perform(it, (REMOVE, DELETE)) == ()
    assert world.gitea.removed == []
    assert world.cluster.deleted == [], "nor is what was to follow it"
    assert contract.REGISTRATION_REMOVED not in world.cluster.reasons()


@pytest.mark.parametrize("runner_of_the_job", [None, 2])
async def test_a_job_that_waits_or_is_anothers_keeps_no_runner(world: World, runner_of_the_job: int | None) -> None:
    it = await target(world)
    status = "queued" if runner_of_the_job is None else "in_progress"
    world.gitea.job(7, runner_id=runner_of_the_job, status=status)
    assert await world.actor.perform(it, (REMOVE, DELETE)) == (REMOVE, DELETE)
    assert world.gitea.removed == [1]
    assert world.cluster.deleted == [it.pod.name if it.pod else ""]
    assert contract.REGISTRATION_REMOVED in world.cluster.reasons()


async def test_a_removal_is_not_done_while_the_forge_does_not_tell_its_jobs(world: World) -> None:
    it = await target(world)
    world.gitea.broken = "/actions/jobs"
    assert await world.actor.perform(it, (REMOVE, DELETE)) == ()
    assert (world.gitea.removed, world.cluster.deleted) == ([], [])


async def test_a_pod_without_a_runner_of_its_own_costs_no_registration(world: World) -> None:
    it = await target(world, runner_id=None)
    assert await world.actor.perform(it, (REMOVE,)) == (REMOVE,)
    assert world.gitea.removed == []


@pytest.mark.parametrize("verb", [Verb.SET_GATE, Verb.LATCH])
async def test_what_was_just_written_on_a_pod_is_known_before_the_watch_tells_it(world: World, verb: Verb) -> None:
    """Else the next look, which comes at once, would decide and write the same again."""
    it = await target(world)
    world.cluster.silent = True
    done = Action(verb=verb, reason=contract.JOB_STARTED, message="the runner has job 7", job_id="7")
    assert await world.actor.perform(it, (done,)) == (done,)
    (pod,) = world.store.pods()
    assert (pod.gated, pod.busy) == ((True, None) if verb is Verb.SET_GATE else (False, "7"))


@pytest.mark.parametrize("verb", [Verb.SET_GATE, Verb.LATCH])
async def test_a_pod_that_went_away_meanwhile_is_no_failure(world: World, verb: Verb) -> None:
    it = await target(world)
    world.cluster.silent = True
    del world.cluster.pods["runners", "cuda-abc-aaaaa"]
    action = Action(verb=verb, reason=contract.JOB_STARTED, message="the runner has job 7", job_id="7")
    assert await world.actor.perform(it, (action,)) == ()
    assert "gpu_runners_failed_actions_total{" not in world.metrics.render().decode()
    world.cluster.away = True
    assert await world.actor.perform(it, (action,)) == ()
    assert f'gpu_runners_failed_actions_total{{verb="{verb.value}"}} 1.0' in world.metrics.render().decode()
