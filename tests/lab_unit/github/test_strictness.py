"""Where the stand-in is as strict as GitHub: labels, names, ETags, lateness, approvals, turns, what vanishes."""

from typing import Any

import pytest

from lab.github import runs, workflow
from lab.github.world import UNUSED_SECONDS, Environment, Run
from tests.github.stand_in import Github

RUNNERS = "/repos/mlops/guide/actions/runners"
JIT = f"{RUNNERS}/generate-jitconfig"
RUNS = "/repos/mlops/guide/actions/runs"
BODY: dict[str, Any] = {"name": "r1", "runner_group_id": 1, "labels": ["self-hosted", "cml-gpu"]}
WORKFLOW = """
name: lab
on: workflow_dispatch
jobs:
  train: {runs-on: cml-gpu, steps: [{run: make}]}
  check: {runs-on: other, steps: [{run: make}]}
"""
GUARDED = """
name: deploy
on: workflow_dispatch
jobs:
  deploy: {runs-on: base, environment: prod, steps: [{run: make}]}
  lint: {runs-on: base, steps: [{run: make}]}
"""
IN_TURN = "name: one\non: push\nconcurrency: {group: deploy}\njobs: {a: {runs-on: base, steps: [{run: make}]}}\n"


async def dispatch(github: Github, text: str) -> Run:
    parsed = workflow.parse(9, ".github/workflows/lab.yml", text)
    return await runs.dispatch(github.world, github.repository, parsed, "main")


@pytest.mark.parametrize(
    "labels",
    [["a" * 257], [""], ["  "], ["gpu", "GPU"], ["gpu", "gpu"], ["gpu", 7], [f"l{n}" for n in range(101)], []],
)
async def test_bad_labels_are_refused(github: Github, labels: list[Any]) -> None:
    status, answer, _ = await github.call("POST", JIT, {**BODY, "labels": labels})
    assert (status, answer["message"].startswith("labels:")) == (422, True)
    made = await github.call("POST", JIT, BODY)
    path = f"{RUNNERS}/{made[1]['runner']['id']}/labels"
    if labels:
        assert (await github.call("PUT", path, {"labels": labels}))[0] == 422


async def test_as_many_and_as_long_labels_as_may_be_are_taken(github: Github) -> None:
    labels = [f"{n:03d}{'x' * 253}" for n in range(100)]
    assert (await github.call("POST", JIT, {**BODY, "labels": labels}))[0] == 201


@pytest.mark.parametrize(("name", "status"), [("", 422), ("n" * 65, 422), ("n" * 64, 201)])
async def test_a_runners_name_is_bounded(github: Github, name: str, status: int) -> None:
    assert (await github.call("POST", JIT, {**BODY, "name": name}))[0] == status


async def test_names_that_differ_in_case_alone_are_one(github: Github) -> None:
    await github.call("POST", JIT, BODY)
    assert (await github.call("POST", JIT, {**BODY, "name": "R1"}))[0] == 409
    groups = "/orgs/mlops/actions/runner-groups"
    assert (await github.call("POST", groups, {"name": "gpus"}))[0] == 201
    assert (await github.call("POST", groups, {"name": "GPUs"}))[0] == 409


async def test_an_etag_is_good_for_its_token_alone(github: Github) -> None:
    github.stand_in.credentials.add_personal("ghp_other")
    etag = (await github.call("GET", RUNNERS))[2]["etag"]
    assert (await github.call("GET", RUNNERS, If_None_Match=etag))[0] == 304
    assert (await github.call("GET", RUNNERS, token="ghp_other", If_None_Match=etag))[0] == 200


async def test_a_registration_that_nobody_used_is_gone_after_a_day(github: Github) -> None:
    made = (await github.call("POST", JIT, BODY))[1]["runner"]["id"]
    await github.arrange("PUT", "/clock", {"skew": UNUSED_SECONDS - 10})
    assert (await github.call("GET", f"{RUNNERS}/{made}"))[0] == 200
    await github.arrange("PUT", "/clock", {"skew": UNUSED_SECONDS + 10})
    assert (await github.call("GET", f"{RUNNERS}/{made}"))[0] == 404
    assert (await github.call("GET", RUNNERS))[1]["total_count"] == 0


async def test_the_end_of_a_job_shows_late_where_it_is_told_to(github: Github) -> None:
    run = await dispatch(github, WORKFLOW)
    await github.arrange("PUT", "/clock", {"conclusion_seconds": 1800})
    for job in run.jobs:
        await runs.finish(github.world, job, "succeeded")
    shown = (await github.call("GET", f"{RUNS}/{run.id}/jobs"))[1]["jobs"]
    assert {(job["status"], job["conclusion"], job["completed_at"]) for job in shown} == {("in_progress", None, None)}
    whole = (await github.call("GET", f"{RUNS}/{run.id}"))[1]
    assert (whole["status"], whole["conclusion"]) == ("in_progress", None)
    assert (await github.call("GET", f"{RUNS}?status=completed"))[1]["total_count"] == 0
    await github.arrange("PUT", "/clock", {"skew": 1801, "conclusion_seconds": 1800})
    assert (await github.call("GET", f"{RUNS}/{run.id}"))[1]["conclusion"] == "success"


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        (("queued", "queued"), "queued"),
        (("in_progress", "queued"), "queued"),
        (("completed", "queued"), "queued"),
        (("in_progress", "waiting"), "waiting"),
        (("queued", "waiting"), "waiting"),
        (("in_progress", "pending"), "pending"),
        (("completed", "in_progress"), "in_progress"),
        (("completed", "completed"), "completed"),
    ],
)
async def test_a_run_is_where_its_least_advanced_job_is(github: Github, statuses: tuple[str, str], whole: str) -> None:
    run = await dispatch(github, WORKFLOW)
    for job, status in zip(run.jobs, statuses, strict=True):
        job.status, job.conclusion = status, "success" if status == "completed" else None
    assert (await github.call("GET", f"{RUNS}/{run.id}"))[1]["status"] == whole
    assert (await github.call("GET", f"{RUNS}?status={whole}"))[1]["total_count"] == 1


@pytest.mark.parametrize(("state", "ends"), [("approved", "queued"), ("rejected", "completed")])
async def test_a_job_waits_for_the_reviewers_of_its_environment(github: Github, state: str, ends: str) -> None:
    settings: dict[str, object] = {"reviewers": [{"type": "User", "id": 5}]}
    github.repository.environments["prod"] = Environment(700, "prod", settings=settings)
    run = await dispatch(github, GUARDED)
    jobs = {job.plan.key: job for job in run.jobs}
    assert (jobs["deploy"].status, jobs["lint"].status, run.status) == ("waiting", "queued", "waiting")
    path = f"{RUNS}/{run.id}/pending_deployments"
    (pending,) = (await github.call("GET", path))[1]
    assert (pending["environment"]["name"], pending["reviewers"][0]["type"]) == ("prod", "User")
    body = {"environment_ids": [700], "state": state, "comment": "seen"}
    assert (await github.call("POST", path, body))[0] == 200
    assert jobs["deploy"].status == ends
    assert (await github.call("GET", path))[1] == []


async def test_runs_of_one_concurrency_group_take_turns_and_one_is_pending(github: Github) -> None:
    first, second, third = [await dispatch(github, IN_TURN) for _ in range(3)]
    assert [run.status for run in (first, second, third)] == ["queued", "completed", "pending"]
    assert (second.conclusion, second.jobs) == ("cancelled", [])
    shown = (await github.call("GET", f"{RUNS}?status=pending"))[1]["workflow_runs"]
    assert [run["id"] for run in shown] == [third.id]
    await runs.finish(github.world, first.jobs[0], "succeeded")
    assert (third.status, len(third.jobs)) == ("queued", 1)


async def test_a_group_may_cancel_what_goes_on(github: Github) -> None:
    text = IN_TURN.replace("{group: deploy}", "{group: deploy, cancel-in-progress: true}")
    first, second = [await dispatch(github, text) for _ in range(2)]
    assert (first.conclusion, second.status) == ("cancelled", "queued")


async def test_environments_are_listed(github: Github) -> None:
    github.repository.environments["dev"] = Environment(701, "dev")
    status, answer, _ = await github.call("GET", "/repos/mlops/guide/environments")
    assert (status, answer["total_count"], answer["environments"][0]["name"]) == (200, 1, "dev")


async def test_a_repository_is_found_by_its_number(github: Github) -> None:
    status, answer, _ = await github.call("GET", f"/repositories/{github.repository.id}")
    assert (status, answer["full_name"]) == (200, "mlops/guide")
    assert (await github.call("GET", "/repositories/999999"))[0] == 404
