"""Twenty jobs in a row over two runners: what each finds, and that each runs once."""

from collections import Counter
from dataclasses import dataclass

import pytest

from lab.trial.ledger import Entry, Ledger, say
from lab.trial.pods import Pods
from lab.trial.repository import Repository
from lab.trial.workflow import Job, push

JOBS = 20
SECONDS = 150.0
# Every place that a job can write to and that another job could read: home, work volume, image layer, memory.
SCRIPT = f"""
          found=
          for place in "$HOME" /work /tmp /var/tmp /dev/shm /runner; do
            [ ! -e "$place/left-behind" ] || found=$found$place,
            touch "$place/left-behind"
          done
          [ "$(ls "$HOME" /work /tmp /var/tmp /dev/shm /runner | grep -c left-behind)" = 6 ]
          {say("twenty", "${{ matrix.number }} $HOSTNAME ${found:-clean}")}
"""
WORKFLOW = f"""name: twenty
on: push
jobs:
  job:
    runs-on: workers
    strategy:
      fail-fast: false
      matrix:
        number: [{", ".join(map(str, range(JOBS)))}]
    steps:
      - run: |{SCRIPT}
"""

CONTAINED = """name: contained
on: push
jobs:
  job:
    runs-on: workers
    container: {image: lab.local/cuda-mlops:lab}
    steps: [{run: "true"}]
"""


@dataclass(frozen=True)
class Twenty:
    """What the forge says about the jobs, and what the jobs said."""

    jobs: list[Job]
    said: list[Entry]


@pytest.fixture(scope="module")
def twenty(workers: str, repository: Repository, ledger: Ledger, pods: Pods) -> Twenty:
    pods.until_ready(workers, 2)
    jobs = push(repository, WORKFLOW).until_done(SECONDS)
    return Twenty(list(jobs.values()), ledger.about("twenty"))


def test_twenty_jobs_over_two_runners_all_succeed(twenty: Twenty) -> None:
    assert Counter(job.conclusion for job in twenty.jobs) == {"success": JOBS}


def test_no_job_runs_twice(twenty: Twenty) -> None:
    assert Counter(entry.words[0] for entry in twenty.said) == {str(number): 1 for number in range(JOBS)}


def test_each_job_has_a_pod_of_its_own_which_is_the_runner_that_the_forge_names(twenty: Twenty) -> None:
    pods = [entry.words[1] for entry in twenty.said]
    assert len(set(pods)) == JOBS
    assert set(pods) == {job.runner for job in twenty.jobs}


def test_a_jobs_pod_holds_nothing_of_the_job_before(twenty: Twenty) -> None:
    assert {entry.words[2] for entry in twenty.said} == {"clean"}


def test_a_job_that_asks_for_a_container_fails_for_want_of_docker(
    workers: str, repository: Repository, pods: Pods
) -> None:
    """As docs/stacks.md says: Gitea's runner has no hook that would run it in its pod."""
    pods.until_ready(workers, 2)
    jobs = push(repository, CONTAINED).until_done(SECONDS)
    assert [job.conclusion for job in jobs.values()] == ["failure"]


def test_spent_pods_are_swept_and_their_registrations_are_gone(
    twenty: Twenty, workers: str, pods: Pods, repository: Repository
) -> None:
    alive = {pod.name for pod in pods.until_ready(workers, 2)}
    assert {runner.name for runner in repository.runners() if workers in runner.labels} == alive
