"""What became of ended runners' jobs is looked up beside the cycles: in order, few at a time, until it is known."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast

from registrar.accounting import Accounting
from registrar.forges.forge import Forge, ForgeError, Job, Pace
from registrar.metrics import Metrics
from registrar.pods import RunnerPod, Stage
from registrar.results import LOOK_UP_SECONDS, LOOK_UPS_AT_ONCE, Results, Work
from tests.registrar import virtual_time
from tests.registrar.at_once import AtOnce
from tests.registrar.test_brake import ended_pod
from values.scope import Scope

GUIDE = Scope("mlops/guide")
START = 1000.0
STORY_SECONDS = 3600.0


@dataclass
class Archive:
    """The part of a forge that tells results, in memory: `answers` by runner id, an error among them is raised.

    The last answer stays. `seconds`: how long each question takes.
    """

    answers: dict[int, list[Job | Exception | None]] = field(default_factory=dict)
    seconds: float = 0.0
    pace: Pace = Pace(burst=1, active=1, idle=1, census=1, conclusion=1800.0)  # noqa: RUF009 - frozen
    asked: list[tuple[float, int, str | None]] = field(default_factory=list)
    at_once: AtOnce = field(default_factory=AtOnce)

    async def result(self, scope: Scope, *, runner_id: int, job_id: str | None) -> Job | None:
        assert scope == GUIDE
        self.asked.append((asyncio.get_running_loop().time(), runner_id, job_id))
        with self.at_once:
            await asyncio.sleep(self.seconds)
        answers = self.answers.get(runner_id, [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def times(self) -> list[float]:
        return [round(at) for at, _, _ in self.asked]


def a_job(conclusion: str = "") -> Job:
    return Job(id="7", name="train", labels=frozenset(), runner_id=1, in_progress=not conclusion, conclusion=conclusion)


def told(
    archive: Archive, story: Callable[[Results, list[float]], Awaitable[None]], metrics: Metrics | None = None
) -> list[float]:
    """Tell a story in virtual time; returns the seconds at which something new was announced."""
    announced: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        accounting = Accounting(metrics or Metrics(), now=lambda: START - 1000)  # it was there before they ended
        results = Results(
            cast("Forge", archive), GUIDE, lambda: announced.append(loop.time()), accounting,
            clock=lambda: START + loop.time(),
        )  # fmt: skip
        async with asyncio.timeout(10 * STORY_SECONDS):  # of virtual time: what never ends fails at once
            try:
                async with asyncio.timeout(STORY_SECONDS):
                    await story(results, announced)
            finally:
                await results.close()

    virtual_time.run(run())
    return announced


def ended(number: int = 1, **changes: object) -> RunnerPod:
    facts: dict[str, object] = {"runner_id": number, **changes}
    return replace(ended_pod(f"pod-{number}", at=START - 100 + number), **facts)  # type: ignore[arg-type]


def test_whoever_ended_first_is_looked_up_first_and_few_are_at_once() -> None:
    archive = Archive(seconds=2.0)

    async def story(results: Results, _: list[float]) -> None:
        pods = [ended(number) for number in (5, 1, 9, 3, 7, 2, 8, 4, 6)]
        results.ask(pods)
        results.ask(pods)  # a second look of the loop asks nothing twice
        await asyncio.sleep(30)
        assert all(results.outcome(pod) for pod in pods)
        results.ask(pods)
        await asyncio.sleep(30)

    announced = told(archive, story)
    assert [runner_id for _, runner_id, _ in archive.asked] == list(range(1, 10))
    assert archive.at_once.most == LOOK_UPS_AT_ONCE
    assert announced == [2, 2, 2, 2, 4, 4, 4, 4, 6]


def test_a_conclusion_that_comes_late_is_waited_for_and_asked_for_less_and_less_often() -> None:
    archive = Archive({1: [*[a_job()] * 8, a_job("success")]})

    async def story(results: Results, _: list[float]) -> None:
        pod = ended(busy="7")
        results.ask([pod])
        await asyncio.sleep(100)
        assert results.outcome(pod) is None
        await asyncio.sleep(100)
        outcome = results.outcome(pod)
        assert outcome is not None
        assert (outcome.done, outcome.had_job) == (True, True)
        assert "success" in outcome.text

    assert told(archive, story) == [121]
    assert archive.times() == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert {job_id for _, _, job_id in archive.asked} == {"7"}


def test_a_conclusion_that_never_comes_is_given_up_after_the_forges_own_patience() -> None:
    archive = Archive({1: [a_job()]}, pace=replace(Archive.pace, conclusion=200.0))

    async def story(results: Results, _: list[float]) -> None:
        pod = ended()
        results.ask([pod])
        await asyncio.sleep(500)
        outcome = results.outcome(pod)
        assert outcome is not None
        assert (outcome.done, outcome.had_job) == (False, True)

    # the pod ended 99 s before the story began
    assert told(archive, story) == [121]


def test_a_runner_that_had_no_job_is_known_at_once_and_one_without_a_registration_without_a_question() -> None:
    archive = Archive()

    async def story(results: Results, announced: list[float]) -> None:
        results.ask([ended(), ended(2, runner_id=None)])
        await asyncio.sleep(0)
        await asyncio.sleep(1)
        assert announced == [0, 0]

    told(archive, story)
    assert [runner_id for _, runner_id, _ in archive.asked] == [1]


def test_a_forge_in_trouble_is_asked_again_when_it_says_and_no_outcome_is_made_of_it() -> None:
    away = ForgeError("503", retry_after=17)
    archive = Archive(
        {1: [away, ForgeError("500", retry_after=0), ForgeError("429", retry_after=3600), a_job("failure")]}
    )

    async def story(results: Results, announced: list[float]) -> None:
        pod = ended()
        results.ask([pod])
        await asyncio.sleep(40)
        assert results.outcome(pod) is None
        assert announced == []
        await asyncio.sleep(40)
        assert results.outcome(pod) is not None

    assert told(archive, story) == [49]
    assert archive.times() == [0, 17, 19, 49]


def test_an_answer_that_nobody_foresaw_costs_its_pod_a_moment_and_not_its_result() -> None:
    archive = Archive({1: [RecursionError("odd"), a_job("success")]})

    async def story(results: Results, announced: list[float]) -> None:
        results.ask([ended()])
        await asyncio.sleep(10)
        outcome = results.outcome(ended())
        assert outcome is not None
        assert outcome.done

    told(archive, story)


def test_an_answer_that_does_not_come_gives_its_place_to_others() -> None:
    archive = Archive(seconds=10_000.0)

    async def story(results: Results, _: list[float]) -> None:
        results.ask([ended(number) for number in range(1, 6)])
        await asyncio.sleep(LOOK_UP_SECONDS - 1)
        assert {runner_id for _, runner_id, _ in archive.asked} == {1, 2, 3, 4}
        await asyncio.sleep(2)
        assert {runner_id for _, runner_id, _ in archive.asked} == {1, 2, 3, 4, 5}

    assert told(archive, story) == []


def test_each_answer_about_a_running_pods_job_is_good_for_one_question() -> None:
    archive = Archive({1: [a_job(), a_job("success"), ForgeError("503"), None]})
    pod = ended(stage=Stage.RUNNING, ended=None)

    async def story(results: Results, announced: list[float]) -> None:
        answers = []
        for _ in range(8):
            answers.append(results.work(pod))
            await asyncio.sleep(1)
        # asked, it goes on; asked, it is over; asked, the forge is away: asked anew, it has none
        assert answers == [None, Work.GOES_ON, None, Work.OVER, None, None, Work.NONE, None]
        assert len(announced) == 4

    told(archive, story)


def test_whoever_is_gone_is_forgotten_and_not_looked_up_any_more() -> None:
    archive = Archive({1: [a_job("success")], 2: [a_job()]})
    running = ended(3, stage=Stage.RUNNING, ended=None)

    async def story(results: Results, _: list[float]) -> None:
        known, sought = ended(1), ended(2)
        results.ask([known, sought])
        results.work(running)
        await asyncio.sleep(0.5)
        assert results.remembered == 3
        results.forget({known.uid})
        assert results.remembered == 1
        assert results.outcome(known) is not None
        results.forget(())
        assert results.remembered == 0
        assert results.outcome(known) is None
        await asyncio.sleep(100)

    told(archive, story)
    assert [runner_id for _, runner_id, _ in archive.asked] == [1, 2, 3]


def test_nothing_goes_on_after_the_end() -> None:
    archive = Archive({1: [a_job()]})

    async def story(results: Results, _: list[float]) -> None:
        results.ask([ended()])
        await asyncio.sleep(0.5)
        await results.close()
        await asyncio.sleep(100)

    told(archive, story)
    assert archive.times() == [0]


def test_what_became_of_a_job_is_counted_for_its_pool_once() -> None:
    metrics = Metrics()
    archive = Archive({1: [replace(a_job("success"), ran_seconds=5.0)]})

    async def story(results: Results, _: list[float]) -> None:
        for pod in [ended()] * 3:
            results.ask([pod])
            await asyncio.sleep(10)

    told(archive, story, metrics)
    labels = 'conclusion="success",namespace="runners",pool="cuda"'
    assert f"gpu_runners_job_duration_seconds_count{{{labels}}} 1.0" in metrics.render().decode()
