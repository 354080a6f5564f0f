"""What the registrar remembers of a forge: clocks that an outage must not run, and patience."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from registrar.actions import Actor, Target
from registrar.decisions import Action, Verb
from registrar.forge_watch import LOOK_UPS, ForgeWatch
from registrar.forges.gitea import PACE, Gitea
from registrar.jobs_in_progress import JobsInProgress
from registrar.metrics import Metrics
from tests.registrar.conftest import World
from tests.registrar.stand_in_gitea import StandInGitea, asked
from values.contract import REGISTRATION_REMOVED
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@dataclass
class Scene:
    """A forge, the watch on it, and the time as the watch sees it."""

    gitea: StandInGitea
    forge: Gitea
    now: list[float] = field(default_factory=lambda: [1000.0])

    def watch(self) -> ForgeWatch:
        jobs = JobsInProgress(self.forge, GUIDE, clock=lambda: self.now[0])
        return ForgeWatch(self.forge, GUIDE, Metrics(), jobs, clock=lambda: self.now[0])

    async def runner(self, name: str = "cuda-abc-aaaaa") -> int:
        return (await self.forge.issue(GUIDE, name=name, labels=("cml-gpu",), group=None)).runner_id


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    gitea = StandInGitea()
    async with asked(gitea) as forge:
        yield Scene(gitea, forge)


async def test_the_list_is_read_seldom_and_what_matters_by_its_id(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    await watch.look(())
    scene.gitea.calls.clear()
    scene.gitea.come_online(runner)
    scene.now[0] += 1
    assert (await watch.look([runner])).runners[runner].online
    base = "GET /api/v1/repos/mlops/guide/actions"
    assert scene.gitea.calls == [f"{base}/runners/{runner}", f"{base}/jobs"]


async def test_jobs_are_read_after_the_runners_so_that_a_cordon_that_is_seen_came_before_them(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    scene.gitea.calls.clear()
    await watch.look([runner])
    assert scene.gitea.calls[-1].endswith("/jobs")


async def test_the_time_of_an_outage_does_not_count_against_a_runner(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    await watch.look([runner])
    scene.now[0] += 60
    assert watch.unseen_seconds(runner) == 60
    scene.gitea.failing = 503
    assert not (await watch.look([runner])).known
    scene.gitea.failing = None
    scene.now[0] += 180
    await watch.look([runner])  # Gitea is back; its runner has not called yet
    assert watch.unseen_seconds(runner) == 0


async def test_a_runner_that_comes_back_starts_with_a_fresh_clock(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    await watch.look([runner])
    scene.now[0] += 60
    scene.gitea.come_online(runner)
    await watch.look([runner])
    assert watch.unseen_seconds(runner) == 0


async def test_a_forge_in_trouble_is_left_in_peace_for_as_long_as_it_asks(scene: Scene) -> None:
    watch = scene.watch()
    scene.gitea.failing, scene.gitea.failing_headers = 429, {"Retry-After": "30"}
    await watch.look(())
    asked = len(scene.gitea.calls)
    scene.now[0] += 29
    view = await watch.look(())
    assert (view.known, len(scene.gitea.calls)) == (False, asked)
    assert "429" in view.problem
    scene.now[0] += 2
    scene.gitea.failing = None
    assert (await watch.look(())).known


async def test_a_forge_that_answers_again_is_known_and_its_next_fault_is_a_first_one(scene: Scene) -> None:
    watch = scene.watch()
    for _ in range(5):
        scene.gitea.failing = 500
        scene.now[0] += PACE.census
        await watch.look(())
        assert not watch.is_known
        scene.gitea.failing = None
        scene.now[0] += 2
        assert (await watch.look(())).known, "after two seconds, and no longer each time"
        assert watch.is_known


async def test_a_forge_that_fails_again_and_again_is_asked_less_often_and_every_ten_seconds_at_least(
    scene: Scene,
) -> None:
    watch = scene.watch()
    scene.gitea.failing = 500
    pauses: list[float] = []
    for _ in range(6):
        await watch.look(())
        asked, began = len(scene.gitea.calls), scene.now[0]
        while len(scene.gitea.calls) == asked:
            scene.now[0] += 0.5
            await watch.look(())
        pauses.append(scene.now[0] - began)
        scene.gitea.calls.clear()
    assert pauses[0] <= 2
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10


async def test_a_forge_that_tells_no_jobs_tells_its_runners_and_who_is_gone_all_the_same(scene: Scene) -> None:
    metrics, runner = Metrics(), await scene.runner()
    jobs = JobsInProgress(scene.forge, GUIDE, clock=lambda: scene.now[0])
    watch = ForgeWatch(scene.forge, GUIDE, metrics, jobs, clock=lambda: scene.now[0])
    scene.gitea.broken = "/actions/jobs"
    view = await watch.look([runner, 77])
    assert (view.known, view.jobs_known, view.jobs, view.in_progress) == (True, False, {}, ())
    assert set(view.runners) == {runner}
    assert view.absent == frozenset({77})
    assert view.problem
    assert not watch.is_known
    assert 'gpu_runners_forge_known{scope="mlops/guide"} 0.0' in metrics.render().decode()
    scene.gitea.calls.clear()
    await watch.look([runner])
    assert not [call for call in scene.gitea.calls if call.endswith("/jobs")], "it is left in peace for a while"
    scene.gitea.broken = ""
    scene.gitea.job(7, runner_id=runner)
    scene.now[0] += 10
    view = await watch.look([runner])
    assert (view.jobs_known, view.jobs[runner].id, view.problem) == (True, "7", "")
    assert 'gpu_runners_forge_known{scope="mlops/guide"} 1.0' in metrics.render().decode()
    assert watch.is_known


async def test_a_runner_is_unseen_and_cordoned_from_the_look_on_that_showed_it_first(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    assert (watch.unseen_seconds(runner), watch.cordoned_seconds(runner), watch.lacks(runner)) == (0, 0, True)
    await scene.forge.cordon(GUIDE, runner)
    await watch.look([runner, 77])
    scene.now[0] += 5
    await watch.look([runner, 77])
    assert (watch.unseen_seconds(runner), watch.unseen_seconds(77), watch.cordoned_seconds(runner)) == (5, 5, 5)
    assert (watch.lacks(runner), watch.lacks(77)) == (False, True)
    scene.gitea.runners[runner]["disabled"] = False
    await watch.look([runner, 77])
    assert watch.cordoned_seconds(runner) == 0


async def test_clocks_are_kept_for_those_that_are_wanted_or_listed_and_for_nobody_else(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    await watch.look([runner, 77, 78])
    scene.now[0] += 5
    watch.forget([77])
    assert [watch.unseen_seconds(number) for number in (runner, 77, 78)] == [5, 5, 0]


async def test_absence_is_confirmed_by_id_and_not_concluded_from_a_list(scene: Scene) -> None:
    watch = scene.watch()
    view = await watch.look([77])
    assert view.absent == {77}
    assert (await watch.look(())).absent == frozenset()


async def test_a_runner_of_which_the_forge_tells_nothing_costs_only_itself(scene: Scene) -> None:
    watch, good, bad = scene.watch(), await scene.runner(), await scene.runner("cuda-abc-bbbbb")
    await watch.look([])
    scene.gitea.come_online(good)
    scene.gitea.broken = f"/runners/{bad}"
    view = await watch.look([good, bad])
    assert view.known
    assert view.runners[good].online
    assert bad not in view.runners, "what the last list said of it is no answer now"
    assert bad not in view.absent
    assert watch.is_known


async def test_a_look_up_that_hangs_is_not_waited_for_once_others_are_answered(scene: Scene) -> None:
    watch, good, bad = scene.watch(), await scene.runner(), await scene.runner("cuda-abc-bbbbb")
    await watch.look([])
    scene.gitea.slow[f"/runners/{bad}"] = 8.0  # less than the client's own patience
    began = time.monotonic()
    view = await watch.look([good, bad])
    assert good in view.runners
    assert bad not in view.runners.keys() | view.absent
    assert time.monotonic() - began < 7


async def test_the_time_for_which_nothing_is_known_of_a_runner_does_not_count_against_it(scene: Scene) -> None:
    watch, good, bad = scene.watch(), await scene.runner(), await scene.runner("cuda-abc-bbbbb")
    await watch.look([])
    scene.now[0] += 5
    scene.gitea.broken = f"/runners/{bad}"
    await watch.look([good, bad])
    scene.gitea.broken = ""
    await watch.look([good, bad])
    assert (watch.unseen_seconds(good), watch.unseen_seconds(bad)) == (5, 0)


async def test_a_forge_that_answers_no_look_up_at_all_is_unknown(scene: Scene) -> None:
    watch, one, two = scene.watch(), await scene.runner(), await scene.runner("cuda-abc-bbbbb")
    await watch.look([])
    scene.gitea.broken = "/runners/"
    assert not (await watch.look([one, two])).known


async def test_many_starting_runners_cost_one_list_and_not_one_request_each(scene: Scene) -> None:
    runners = [await scene.runner(f"cuda-abc-{number:05d}") for number in range(LOOK_UPS + 10)]
    watch = scene.watch()
    await watch.look(())
    scene.gitea.calls.clear()
    view = await watch.look(runners)
    assert set(runners) <= view.runners.keys()
    assert len(scene.gitea.calls) == 2


async def test_a_cordon_of_ours_settles_from_its_answer_on(scene: Scene) -> None:
    watch, runner = scene.watch(), await scene.runner()
    await scene.forge.cordon(GUIDE, runner)
    watch.cordoned_now(runner)
    scene.now[0] += 1
    await watch.look([runner])
    assert watch.cordoned_seconds(runner) == 1


async def test_the_last_look_before_a_removal_sees_the_job_that_came_first(world: World) -> None:
    registration = await world.forge.issue(GUIDE, name="cuda-abc-aaaaa", labels=("cml-gpu",), group=None)
    world.gitea.job(7, runner_id=registration.runner_id)
    actor: Actor = world.actor
    remove = Action(verb=Verb.REMOVE, reason=REGISTRATION_REMOVED, message="why")
    target = Target(scope=GUIDE, pod=None, runner_id=registration.runner_id)
    assert await actor.perform(target, [remove, remove]) == ()
    assert registration.runner_id in world.gitea.runners
    world.gitea.jobs.clear()
    assert await actor.perform(target, [remove]) == (remove,)
    assert world.gitea.runners == {}


async def test_a_long_list_of_runners_is_read_less_often(scene: Scene) -> None:
    for number in range(1000):
        await scene.forge.issue(GUIDE, name=f"cuda-abc-{number:05}", labels=("cml-gpu",), group=None)
    watch = scene.watch()
    await watch.look(())
    scene.now[0] += PACE.census
    assert not watch.is_census_due
    scene.now[0] += 1000 * PACE.census_each - PACE.census
    assert watch.is_census_due
