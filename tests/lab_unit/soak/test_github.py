"""The soak's forge at the stand-in: its jobs, its count of registrations, and misbehaviour that is taken back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.github.__main__ import Recorder
from lab.github.client import Client
from lab.github.server import StandIn
from lab.soak.github import OUTAGES, REPOSITORY, TOKEN, GithubForge
from tests.gpu_runners.serving import serving

JIT = f"/repos/{REPOSITORY}/actions/runners/generate-jitconfig"


@dataclass
class Scene:
    stand_in: StandIn
    client: Client
    forge: GithubForge

    def register(self, name: str) -> None:
        self.client.post(JIT, {"name": name, "runner_group_id": 1, "labels": ["github"]})


@contextmanager
def served(tmp_path: Path) -> Iterator[Scene]:
    record = tmp_path / "exchanges.jsonl"
    stand_in = StandIn(observe=Recorder(record))
    stand_in.world.add_repository(REPOSITORY)
    stand_in.credentials.add_personal(TOKEN)
    with serving(stand_in.application()) as url:
        stand_in.world.base = url
        client = Client(TOKEN, url)
        forge = GithubForge(client, record)
        yield Scene(stand_in, client, forge)
        forge.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with served(tmp_path) as scene:
        yield scene


def test_a_job_is_pushed_and_has_neither_runner_nor_conclusion_at_first(scene: Scene) -> None:
    run = scene.forge.push("github", "job-1", "echo one")
    seen = scene.forge.job(run)
    assert (seen.runner, seen.conclusion) == ("", "")
    (job,) = scene.stand_in.world.jobs()
    assert job.plan.labels == ("github",)
    assert "echo one" in job.plan.steps[0].script


def test_registrations_count_that_were_made_and_no_others(scene: Scene) -> None:
    scene.register("one")
    with pytest.raises(LabError, match="409"):
        scene.register("one")
    scene.register("two")
    assert scene.forge.registrations() == 2
    assert {runner.name for runner in scene.forge.runners()} == {"one", "two"}
    scene.client.delete(f"/repos/{REPOSITORY}/actions/runners/{scene.forge.runners()[0].id}")
    assert scene.forge.registrations() == 2


def test_registrations_of_an_earlier_soak_do_not_count(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        first.register("earlier")
    with served(tmp_path) as second:
        second.register("one")
        assert second.forge.registrations() == 1


@pytest.mark.parametrize("name", sorted(set(OUTAGES) - {"forge-hangs"}))
def test_it_misbehaves_for_as_long_as_an_outage_lasts_and_not_longer(scene: Scene, name: str) -> None:
    with scene.forge.outage(name), pytest.raises(LabError):
        scene.client.get(f"/repos/{REPOSITORY}/actions/runners")
    assert scene.forge.runners() == []


def test_an_interrupted_outage_is_taken_back(scene: Scene) -> None:
    with pytest.raises(KeyboardInterrupt), scene.forge.outage("forge-answers-500"):
        raise KeyboardInterrupt
    assert scene.forge.runners() == []


def test_one_registration_is_made_and_its_answer_lost(scene: Scene) -> None:
    with scene.forge.next_answer_lost():
        with pytest.raises(LabError, match="did not answer"):
            scene.register("unheard")
        scene.register("heard")
    assert {runner.name for runner in scene.forge.runners()} == {"unheard", "heard"}


def test_what_still_waits_is_cancelled_at_the_end(tmp_path: Path) -> None:
    with served(tmp_path) as scene:
        run = scene.forge.push("github", "job-1", "echo one")
    assert scene.stand_in.world.runs[run].is_cancelled


def test_looks_that_find_nothing_new_cost_nothing_of_the_hour(scene: Scene) -> None:
    run = scene.forge.push("github", "job-1", "echo one")
    first = (scene.forge.job(run), scene.forge.runners())
    used = scene.client.get("/rate_limit")["resources"]["core"]["used"]
    for _ in range(20):
        assert (scene.forge.job(run), scene.forge.runners()) == first
    scene.register("another")
    assert [runner.name for runner in scene.forge.runners()] == ["another"]
    registered_and_seen = 2
    assert scene.client.get("/rate_limit")["resources"]["core"]["used"] == used + registered_and_seen
