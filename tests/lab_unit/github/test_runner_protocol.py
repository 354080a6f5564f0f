"""The runner's half, spoken by a few lines instead of a runner: what a real one does is tried in tests/lab."""

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from nacl.public import PublicKey, SealedBox

from lab.github import runs, workflow
from lab.github.world import Refusal, World
from tests.github.stand_in import Github

JIT = {"name": "r1", "runner_group_id": 1, "labels": ["self-hosted", "cml-gpu"]}
RUNNERS = "/repos/mlops/guide/actions/runners"
WORKFLOW = """
name: lab
on: workflow_dispatch
jobs:
  deploy:
    runs-on: [self-hosted, CML-GPU]
    environment: dev
    steps: [{run: "echo ${{ vars.COLOR }}!"}]
  train:
    needs: deploy
    runs-on: cml-gpu
    steps: [{run: make}]
  release:
    needs: [deploy, train]
    if: always()
    runs-on: cml-gpu
    steps: [{run: make release}]
"""


class SmallRunner:
    """Signs in with a just-in-time configuration and does what a runner does, one call at a time."""

    def __init__(self, github: Github, configuration: str) -> None:
        self.github = github
        files = {
            name: json.loads(base64.b64decode(file))
            for name, file in json.loads(base64.b64decode(configuration)).items()
        }
        self.settings, self.credentials = files[".runner"], files[".credentials"]["Data"]
        numbers = {
            name: int.from_bytes(base64.b64decode(v), "big") for name, v in files[".credentials_rsaparams"].items()
        }
        public = rsa.RSAPublicNumbers(numbers["exponent"], numbers["modulus"])
        self.key = rsa.RSAPrivateNumbers(
            p=numbers["p"], q=numbers["q"], d=numbers["d"], dmp1=numbers["dp"], dmq1=numbers["dq"],
            iqmp=numbers["inverseQ"], public_numbers=public,
        ).private_key()  # fmt: skip
        self.token = self.session = ""

    async def call(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"bearer {token or self.token}"}
        url = f"{self.settings['ServerUrl']}{path}"
        async with self.github.http.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def sign_in(self) -> int:
        client, audience, now = self.credentials["ClientId"], self.credentials["AuthorizationUrl"], int(time.time())
        claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 300}
        form = {"client_assertion": jwt.encode(claims, self.key, algorithm="RS256")}
        async with self.github.http.post(audience, data=form) as answer:
            self.token = (await answer.json()).get("access_token", "")
            return answer.status

    async def open_session(self) -> int:
        body = {"Agent": {"ID": 1, "Version": "3.0.0"}}
        status, answer = await self.call("POST", "_apis/distributedtask/pools/1/sessions", body)
        self.session = (answer or {}).get("sessionId", "")
        return status

    async def poll(self) -> tuple[int, Any]:
        return await self.call("GET", f"_apis/distributedtask/pools/1/messages?sessionId={self.session}")

    async def take(self) -> dict[str, Any]:
        """Polls for a job, acknowledges it, and returns its message."""
        status, message = await self.poll()
        assert status == 200, message
        await self.call(
            "DELETE", f"_apis/distributedtask/pools/1/messages/{message['messageId']}?sessionId={self.session}"
        )
        document: dict[str, Any] = json.loads(message["body"])
        return document

    async def report(self, job: dict[str, Any], result: str, token: str | None = None) -> int:
        secret = job["resources"]["endpoints"][0]["authorization"]["parameters"]["AccessToken"]
        path = f"scope/_apis/distributedtask/hubs/actions/plans/{job['plan']['planId']}/events"
        body = {"Name": "JobCompleted", "JobID": job["jobId"], "RequestID": job["requestId"], "Result": result}
        return (await self.call("POST", path, body, secret if token is None else token))[0]


async def started(github: Github, **changes: Any) -> SmallRunner:
    _, made, _ = await github.call("POST", f"{RUNNERS}/generate-jitconfig", {**JIT, **changes})
    runner = SmallRunner(github, made["encoded_jit_config"])
    assert await runner.sign_in() == 200
    assert await runner.open_session() == 200
    return runner


async def dispatched(github: Github) -> int:
    await github.http.put(f"{github.world.base}/_lab/repositories/mlops/guide/workflows/lab.yml", data=WORKFLOW)
    path = "/repos/mlops/guide/actions/workflows/lab.yml/dispatches"
    _, run, _ = await github.call("POST", path, {"ref": "main", "return_run_details": True})
    return int(run["workflow_run_id"])


async def jobs(github: Github, run: int) -> dict[str, dict[str, Any]]:
    _, answer, _ = await github.call("GET", f"/repos/mlops/guide/actions/runs/{run}/jobs")
    return {job["name"]: job for job in answer["jobs"]}


async def test_a_job_goes_to_the_runner_of_its_labels_and_names_it(github: Github) -> None:
    run = await dispatched(github)
    runner = await started(github)
    job = await runner.take()
    assert job["steps"][0]["inputs"]["map"][0]["value"] == {"type": 3, "expr": "format('echo {0}!', vars.COLOR)"}
    deploy = (await jobs(github, run))["deploy"]
    assert (deploy["status"], deploy["runner_name"]) == ("in_progress", "r1")
    listed = (await github.call("GET", RUNNERS))[1]["runners"][0]
    assert (listed["status"], listed["busy"], listed["version"]) == ("online", True, "3.0.0")
    assert (await github.call("GET", "/repos/mlops/guide/actions/runs?status=in_progress"))[1]["total_count"] == 1


async def test_a_busy_runner_is_not_removed_and_is_gone_after_its_one_job(github: Github) -> None:
    run = await dispatched(github)
    runner = await started(github)
    job = await runner.take()
    number = runner.settings["AgentId"]
    assert (await github.call("DELETE", f"{RUNNERS}/{number}"))[0] == 422
    assert await runner.report(job, "Succeeded") == 200
    assert (await github.call("GET", f"{RUNNERS}/{number}"))[0] == 404
    found = await jobs(github, run)
    assert found["deploy"]["conclusion"] == "success"
    assert found["train"]["status"] == "queued"
    assert await runner.sign_in() == 400  # a spent configuration


async def test_a_job_is_offered_again_until_it_is_acknowledged(github: Github) -> None:
    await dispatched(github)
    runner = await started(github)
    first, second = await runner.poll(), await runner.poll()
    assert first == second


async def test_what_needs_a_failed_job_is_skipped_unless_it_always_runs(github: Github) -> None:
    run = await dispatched(github)
    runner = await started(github)
    await runner.report(await runner.take(), "Failed")
    found = await jobs(github, run)
    assert found["train"]["conclusion"] == "skipped"
    assert found["release"]["status"] == "queued"


async def test_a_runner_in_a_session_keeps_a_second_one_out(github: Github) -> None:
    runner = await started(github)
    assert await runner.open_session() == 409


async def test_only_the_runner_s_own_key_opens(github: Github) -> None:
    _, made, _ = await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT)
    thief = SmallRunner(github, made["encoded_jit_config"])
    thief.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await thief.sign_in() == 400


async def test_a_removed_runner_is_told_at_its_next_poll(github: Github) -> None:
    runner = await started(github)
    await github.call("DELETE", f"{RUNNERS}/{runner.settings['AgentId']}")
    status, answer = await runner.poll()
    assert status == 403
    assert "AccessDeniedException" in answer["message"]


async def test_a_job_s_token_reports_for_no_other_job(github: Github) -> None:
    await dispatched(github)
    runner = await started(github)
    job = await runner.take()
    assert await runner.report(job, "Succeeded", token="job-of-somebody-else") == 401
    assert await runner.report(job, "Failed", token=runner.token) == 200  # a runner that crashed and came back


async def test_a_runner_that_renews_no_longer_loses_its_job(github: Github) -> None:
    run = await dispatched(github)
    runner = await started(github)
    await runner.take()
    await github.arrange("PUT", "/clock", {"skew": 700})
    assert (await jobs(github, run))["deploy"]["conclusion"] == "failure"
    assert github.world.runners == {}


async def test_a_cancelled_run_is_told_to_its_runner(github: Github) -> None:
    run = await dispatched(github)
    runner = await started(github)
    job = await runner.take()
    assert (await github.call("POST", f"/repos/mlops/guide/actions/runs/{run}/cancel"))[0] == 202
    _, message = await runner.poll()
    assert message["messageType"] == "JobCancellation"
    await runner.report(job, "Canceled")
    assert (await jobs(github, run))["deploy"]["conclusion"] == "cancelled"


async def test_a_group_lets_in_its_repositories_only() -> None:
    world = World()
    mine, other = world.add_repository("mlops/guide"), world.add_repository("mlops/other")
    plan = workflow.parse(1, "w.yml", "jobs: {a: {runs-on: gpu, steps: [{run: make}]}}")
    for repository in (other, mine):
        await runs.dispatch(world, repository, plan, "main")
    (group,) = world.groups.values()
    group.settings["visibility"], group.repositories = "selected", [mine.id]
    job = runs.next_job(world, world.add_runner("mlops", "r1", group.id, ("gpu",)))
    assert job is not None
    assert world.runs[job.run].repository is mine


async def test_a_group_lets_in_its_workflows_only() -> None:
    world = World()
    repository = world.add_repository("mlops/guide")
    (group,) = world.groups.values()
    group.settings |= {"restricted_to_workflows": True, "selected_workflows": ["mlops/guide/w.yml@refs/heads/main"]}
    plan = workflow.parse(1, "w.yml", "jobs: {a: {runs-on: gpu, steps: [{run: make}]}}")
    await runs.dispatch(world, repository, plan, "topic")
    wanted = await runs.dispatch(world, repository, plan, "main")
    job = runs.next_job(world, world.add_runner("mlops", "r1", group.id, ("gpu",)))
    assert job is not None
    assert job.run == wanted.id


async def test_a_job_is_still_shown_when_its_runner_s_group_is_gone(github: Github) -> None:
    run = await dispatched(github)
    groups = "/orgs/mlops/actions/runner-groups"
    _, group, _ = await github.call("POST", groups, {"name": "short-lived"})
    path = "/orgs/mlops/actions/runners/generate-jitconfig"
    _, made, _ = await github.call("POST", path, {**JIT, "runner_group_id": group["id"]})
    runner = SmallRunner(github, made["encoded_jit_config"])
    await runner.sign_in()
    await runner.open_session()
    await runner.report(await runner.take(), "Succeeded")
    assert (await jobs(github, run))["deploy"]["runner_group_name"] == "short-lived"
    assert (await github.call("DELETE", f"{groups}/{group['id']}"))[0] == 204
    assert (await jobs(github, run))["deploy"]["runner_group_name"] is None


async def test_a_job_gets_what_its_environment_holds_opened_for_it(github: Github) -> None:
    repo = "/repos/mlops/guide"
    await github.call("PUT", f"{repo}/environments/dev", {})
    _, key, _ = await github.call("GET", f"{repo}/environments/dev/secrets/public-key")
    box = SealedBox(PublicKey(base64.b64decode(key["key"])))
    for path, value in ((f"{repo}/actions", b"everybody's"), (f"{repo}/environments/dev", b"dev's")):
        sealed = {"encrypted_value": base64.b64encode(box.encrypt(value)).decode(), "key_id": key["key_id"]}
        assert (await github.call("PUT", f"{path}/secrets/KEY", sealed))[0] == 201
    await github.call("POST", f"{repo}/environments/dev/variables", {"name": "COLOR", "value": "green"})
    await dispatched(github)
    job = await (await started(github)).take()
    assert job["variables"]["KEY"] == {"value": "dev's", "isSecret": True}
    assert job["contextData"]["vars"]["d"] == [{"k": "COLOR", "v": "green"}]


async def test_an_environment_lets_in_its_branches_only(github: Github) -> None:
    environment = "/repos/mlops/guide/environments/dev"
    policies = {"protected_branches": False, "custom_branch_policies": True}
    await github.call("PUT", environment, {"deployment_branch_policy": policies})
    await github.call("POST", f"{environment}/deployment-branch-policies", {"name": "release/*"})
    found = await jobs(github, await dispatched(github))
    assert (found["deploy"]["conclusion"], found["train"]["conclusion"]) == ("failure", "skipped")


async def test_a_secret_that_was_sealed_for_another_key_is_refused(github: Github) -> None:
    path = "/repos/mlops/guide/actions/secrets"
    _, key, _ = await github.call("GET", f"{path}/public-key")
    for sealed in ("c2VhbGVk", "no base64"):
        body = {"encrypted_value": sealed, "key_id": key["key_id"]}
        assert (await github.call("PUT", f"{path}/KEY", body))[0] == 422


async def test_a_dispatch_says_what_the_workflow_asks_for() -> None:
    world = World()
    repository = world.add_repository("mlops/guide")
    inputs = "{workflow_dispatch: {inputs: {seed: {required: true}, epochs: {default: 3}}}}"
    plan = workflow.parse(1, "w.yml", f"{{on: {inputs}, jobs: {{a: {{runs-on: gpu, steps: [{{run: make}}]}}}}}}")
    for given, why in (({}, "'seed' not provided"), ({"seed": "1", "sede": "2"}, r'Unexpected inputs .*"sede"')):
        with pytest.raises(Refusal, match=why):
            await runs.dispatch(world, repository, plan, "main", given)
    assert (await runs.dispatch(world, repository, plan, "main", {"seed": 1})).inputs == {"seed": "1", "epochs": "3"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("jobs: {a: {runs-on: gpu, steps: [{uses: actions/checkout@v5}]}}", "uses"),
        ("jobs: {a: {runs-on: gpu, container: x, steps: []}}", "container"),
        ("jobs: {a: {runs-on: gpu, if: failure(), steps: []}}", "failure"),
        ("jobs: {a: {runs-on: gpu, needs: b, steps: []}}", "b, which is no job"),
        ("on: push", "no jobs"),
    ],
)
def test_a_workflow_that_it_cannot_run_is_refused_by_key(text: str, named: str) -> None:
    with pytest.raises(workflow.WorkflowError, match=named):
        workflow.parse(1, "w.yml", text)


def test_two_runners_cannot_have_one_name() -> None:
    world = World()
    world.add_repository("mlops/guide")
    world.add_runner("mlops/guide", "r1", 1, ("gpu",))
    with pytest.raises(Refusal, match="name"):
        world.add_runner("mlops/guide", "r1", 1, ("gpu",))
