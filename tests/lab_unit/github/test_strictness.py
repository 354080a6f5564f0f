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


WIRED = "/repos/mlops/guide/actions"
DISPATCHES = f"{WIRED}/workflows/lab.yml/dispatches"
PROD = "/repos/mlops/guide/environments/prod"
POLICIES = f"{PROD}/deployment-branch-policies"
CUSTOM = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
GROUPS = "/orgs/mlops/actions/runner-groups"


@pytest.mark.parametrize(
    ("events", "ref", "status"),
    [
        ("workflow_dispatch", "main", 204),
        ("[push, workflow_dispatch]", "refs/heads/main", 204),
        ("push", "main", 422),
        ("{push: {branches: [main]}}", "main", 422),
        ("workflow_dispatch", "nowhere", 422),
        ("workflow_dispatch", "refs/heads/nowhere", 422),
    ],
)
async def test_only_what_is_dispatched_is_and_from_a_branch_that_is_there(
    github: Github, events: str, ref: str, status: int
) -> None:
    text = WORKFLOW.replace("on: workflow_dispatch", f"on: {events}")
    github.repository.workflows["lab.yml"] = workflow.parse(9, ".github/workflows/lab.yml", text)
    assert (await github.call("POST", DISPATCHES, {"ref": ref}))[0] == status
    assert len(github.world.runs) == (status == 204)


@pytest.mark.parametrize(
    ("name", "value"), [("GITHUB_X", "v"), ("github_x", "v"), ("1X", "v"), ("A-B", "v"), ("X", ""), ("X", "x" * 49153)]
)
async def test_a_variable_has_a_name_and_a_value_that_github_takes(github: Github, name: str, value: str) -> None:
    assert (await github.call("POST", f"{WIRED}/variables", {"name": name, "value": value}))[0] == 422
    assert github.repository.variables == {}
    assert (await github.call("POST", f"{WIRED}/variables", {"name": "x_1", "value": "x" * 49152}))[0] == 201
    assert (await github.call("PATCH", f"{WIRED}/variables/X_1", {"value": "x" * 49153}))[0] == 422


async def test_there_are_no_more_variables_than_github_takes(github: Github) -> None:
    assert (await github.call("PUT", PROD, CUSTOM))[0] == 200
    for path, most in ((f"{WIRED}/variables", 500), (f"{PROD}/variables", 100)):
        held = github.repository.environments["prod"] if path.startswith(PROD) else github.repository
        held.variables.update({f"V{number}": {"name": f"V{number}", "value": "v"} for number in range(most - 1)})
        assert (await github.call("POST", path, {"name": "LAST", "value": "v"}))[0] == 201
        assert (await github.call("POST", path, {"name": "MORE", "value": "v"}))[0] == 422


@pytest.mark.parametrize(
    "settings",
    [
        {"wait_timer": 43201},
        {"reviewers": [{"type": "User", "id": number} for number in range(7)]},
        {"reviewers": [{"type": "Robot", "id": 1}]},
        {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": True}},
        {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": False}},
    ],
)
async def test_an_environment_is_made_as_github_takes_it_or_not_at_all(
    github: Github, settings: dict[str, object]
) -> None:
    assert (await github.call("PUT", PROD, settings))[0] == 422
    assert github.repository.environments == {}


@pytest.mark.parametrize("settings", [{"wait_timer": 0}, {"reviewers": []}, {"prevent_self_review": False}])
@pytest.mark.parametrize("plan", ["pro", "team"])
async def test_below_enterprise_a_private_repository_has_environments_without_protection_rules(
    github: Github, plan: str, settings: dict[str, object]
) -> None:
    github.world.plans["mlops"] = plan
    status, answer, _ = await github.call("PUT", PROD, settings)
    assert (status, "billing plan" in answer["message"], github.repository.environments) == (422, True, {})
    assert (await github.call("PUT", PROD, CUSTOM))[0] == 200
    github.repository.private = False
    assert (await github.call("PUT", PROD, settings))[0] == 200


async def test_on_the_free_plan_a_private_repository_has_no_environments(github: Github) -> None:
    github.world.plans["mlops"] = "free"
    github.repository.environments["prod"] = Environment(700, "prod")  # from before it became private
    listed = PROD.removesuffix("/prod")
    for method, path in (("GET", listed), ("GET", PROD), ("PUT", PROD), ("GET", f"{PROD}/variables")):
        status, answer, _ = await github.call(method, path, {} if method == "PUT" else None)
        assert (status, answer["message"]) == (404, "Not Found")
    github.repository.private = False
    assert (await github.call("GET", listed))[0] == 200


async def test_a_branch_policy_needs_an_environment_that_has_some_and_is_there_once(github: Github) -> None:
    await github.call("PUT", PROD, {})
    assert (await github.call("POST", POLICIES, {"name": "main"}))[0] == 404
    await github.call("PUT", PROD, CUSTOM)
    assert (await github.call("POST", POLICIES, {"name": "main"}))[0] == 200
    assert (await github.call("POST", POLICIES, {"name": "main"}))[0] == 303
    listed = (await github.call("GET", POLICIES))[1]
    assert (listed["total_count"], listed["branch_policies"][0]["name"]) == (1, "main")


async def test_a_group_takes_no_name_of_another_and_no_odd_visibility(github: Github) -> None:
    await github.call("POST", GROUPS, {"name": "gpus"})
    made = (await github.call("POST", GROUPS, {"name": "base"}))[1]["id"]
    assert (await github.call("PATCH", f"{GROUPS}/{made}", {"name": "GPUs"}))[0] == 409
    assert (await github.call("PATCH", f"{GROUPS}/{made}", {"name": "Base"}))[0] == 200
    assert (await github.call("PATCH", f"{GROUPS}/{made}", {"name": "Base", "visibility": "some"}))[0] == 422


async def test_runners_of_a_group_that_is_deleted_are_in_the_default_one(github: Github) -> None:
    made = (await github.call("POST", GROUPS, {"name": "gpus"}))[1]["id"]
    runner = github.world.add_runner("mlops", "r1", made, ("cml-gpu",))
    assert (await github.call("DELETE", f"{GROUPS}/{made}"))[0] == 204
    shown = (await github.call("GET", f"/orgs/mlops/actions/runners/{runner.id}"))[1]
    assert shown["runner_group_id"] == 1
    run = await dispatch(github, WORKFLOW)
    assert runs.next_job(github.world, runner) is run.jobs[0]


async def test_only_a_deployment_that_waits_is_reviewed(github: Github) -> None:
    github.repository.environments["prod"] = Environment(
        700, "prod", settings={"reviewers": [{"type": "User", "id": 5}]}
    )
    github.repository.environments["dev"] = Environment(701, "dev")
    run = await dispatch(github, GUARDED)
    path, body = f"{RUNS}/{run.id}/pending_deployments", {"state": "approved", "comment": "seen"}
    for numbers in ([], [701], [700, 701], [999]):
        assert (await github.call("POST", path, {**body, "environment_ids": numbers}))[0] == 422
    assert (await github.call("POST", path, {**body, "environment_ids": [700]}))[0] == 200
    assert (await github.call("POST", path, {**body, "environment_ids": [700]}))[0] == 422


async def test_a_token_is_asked_for_at_a_level_that_there_is(github: Github) -> None:
    path = "/app/installations/7/access_tokens"
    body = {"permissions": {"administration": "owner"}}
    assert (await github.call("POST", path, body, token=github.signed()))[0] == 422


async def test_who_does_not_say_what_it_is_is_refused(github: Github) -> None:
    url, skipped = f"{github.world.base}/api/v3/rate_limit", ["User-Agent"]
    async with github.http.get(url, skip_auto_headers=skipped) as answer:
        assert answer.status == 403
        assert "User-Agent" in await answer.text()
