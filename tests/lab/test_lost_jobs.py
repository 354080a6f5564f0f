"""A busy runner is killed: people read why beside the job, and the job is run again once and succeeds."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lab import containers, gitea
from lab.gitea_api import GiteaApi
from lab.trial.deadline import until
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import Job, one_job, push
from registrar import lost_jobs
from values import contract

ZOMBIE_SECONDS = 11 * 60  # Gitea gives up a job of which it has not heard for ten minutes, when it next looks
PATIENCE_SECONDS = 90
MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@dataclass
class Story:
    """What people read beside the job before and after Gitea gave it up, and how it ended."""

    victim: str
    told: list[dict[str, Any]]
    told_again: list[dict[str, Any]]
    job: Job
    begun: list[str]
    reasons: set[str]


@pytest.fixture(scope="module")
def forge(lab: dict[str, str]) -> Iterator[GiteaApi]:
    with GiteaApi(lab["FORGE_URL"], lab["FORGE_TOKEN"]) as api:
        yield api


@pytest.fixture(scope="module")
def story(make_stack: MakeStack, repository: Repository, pods: Pods, ledger: Ledger, forge: GiteaApi) -> Story:
    make_stack("tests-lost", pools_config(pool("lost"))).up().succeeded()
    begin, wait = say("lost", "$HOSTNAME"), '[ "$GITHUB_RUN_ATTEMPT" != 1 ] || sleep 600'
    run = push(repository, one_job("lost", f"{begin}\n{wait}"))
    (first,) = ledger.until("lost", len, 60)
    victim = first.words[0]
    until("the busy latch is set", lambda: (pod := pods.find(victim)) and pod.job, PATIENCE_SECONDS)
    kill_runner(pods, victim)
    commit = str(repository.run(run.id)["head_sha"])
    told = until_told(forge, repository, commit, "pending")
    let_time_pass(forge, run.jobs()["job"].id)
    told_again = until_told(forge, repository, commit, "failure")
    ledger.until("lost", lambda entries: len(entries) > 1, PATIENCE_SECONDS)
    jobs = run.until_done(PATIENCE_SECONDS)
    reasons = {reason for reason, _ in pods.events(victim)}
    begun = [entry.words[0] for entry in ledger.about("lost")]
    return Story(victim, told, told_again, jobs["job"], begun, reasons)


def kill_runner(pods: Pods, name: str) -> None:
    """The runner's container and all that is in it, as the kernel does when memory is short."""
    pod = pods.find(name)
    assert pod is not None
    statuses = {status["name"]: status for status in pod.document["status"]["containerStatuses"]}
    container = statuses[contract.RUNNER_CONTAINER]["containerID"].removeprefix("containerd://")
    command = [*containers.CTR, "tasks", "kill", "--signal", "SIGKILL", "--all", container]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def until_told(forge: GiteaApi, repository: Repository, commit: str, state: str) -> list[dict[str, Any]]:
    """The statuses of this state that say that the runner is gone, later ones over them or not, once there is one."""

    def statuses() -> list[dict[str, Any]]:
        return forge.get(f"/repos/{repository.name}/commits/{commit}/statuses") or []

    def of_the_loss() -> list[dict[str, Any]]:
        return [it for it in statuses() if it["status"] == state and it["description"].startswith("The runner ")]

    return until(f"a status {state} says why", of_the_loss, PATIENCE_SECONDS, statuses)


def let_time_pass(forge: GiteaApi, job: int) -> None:
    """Makes the job's last sign of life older than Gitea's patience, and has Gitea look."""
    with sqlite3.connect(gitea.DATABASE, timeout=30) as database:
        database.execute("UPDATE action_task SET updated = updated - ? WHERE job_id = ?", (ZOMBIE_SECONDS, job))
    database.close()
    forge.post("/admin/cron/stop_zombie_tasks", {})


def test_people_read_why_beside_the_job_at_once(story: Story) -> None:
    (status,) = story.told
    why = f"The runner {story.victim} ended before it could report the result: it was killed (exit code 137)."
    assert status["description"] == f"{why} {lost_jobs.WILL_RUN_AGAIN}"
    assert status["target_url"].endswith(f"/jobs/{story.job.id}")


def test_it_is_still_there_when_gitea_has_given_the_job_up(story: Story) -> None:
    assert [status["context"] for status in story.told_again] == [status["context"] for status in story.told]


def test_the_job_is_run_again_once_and_succeeds(story: Story) -> None:
    assert story.job.conclusion == "success"
    assert len(story.begun) == 2
    assert story.begun[0] == story.victim != story.begun[1]


def test_the_pods_events_tell_it_too(story: Story) -> None:
    assert {contract.JOB_LOST, contract.JOB_RUN_AGAIN} <= story.reasons


def test_nothing_of_it_is_left_beside_the_commit_once_the_job_has_succeeded(
    story: Story, forge: GiteaApi, repository: Repository
) -> None:
    commit = story.told[0]["url"].rpartition("/")[2]
    shown = forge.get(f"/repos/{repository.name}/commits/{commit}/status")
    assert shown["state"] == "success"
