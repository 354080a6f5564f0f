"""A job's way to a token of an account, from the HTTP request to what the API server was asked for."""

import asyncio
import datetime
from typing import Any

import pytest

from registrar.credentials import REMEMBERED_SECONDS, Credentials
from registrar.identity import PodIdentity, RegistrationRefusedError
from tests.registrar.conftest import World
from tests.registrar.stand_in_cluster import end, runner_pod, start
from values import contract

DEPLOY = ".github/workflows/deploy.yml@refs/heads/main"
PREVIEW = ".github/workflows/preview.yml@refs/pull/*"
JOBS = [
    {"account": "deployer", "repository": "mlops/guide", "workflows": [DEPLOY]},
    {"account": "previewer", "repository": "mlops/guide", "workflows": [PREVIEW]},
]
GRANTS = [
    {"namespace": "base", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None, "jobs": JOBS},
    {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None},
]
pytestmark = pytest.mark.parametrize("world", [{"grants": GRANTS}], indirect=True)


async def base_runner(world: World, name: str = "base-abc-aaaaa", address: str = "127.0.0.1", **changes: Any) -> Any:
    """A base runner that has had its registration and runs."""
    pod = runner_pod(name, namespace="base", **changes)
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert status == 200
    world.gitea.come_online(body["id"])
    pod = start(world.cluster.pods["base", name])
    pod["status"]["podIPs"] = [{"ip": address}]
    await world.cluster.put(pod)
    return pod


async def ask(world: World, pod: Any, account: str = "deployer", token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token or world.cluster.token(pod, aud=[contract.JOB_TOKEN_AUDIENCE])}"}
    async with world.http.post(f"{world.url}{contract.CREDENTIALS_PATH}/{account}", headers=headers) as response:
        return response.status, await response.json()


async def test_a_job_of_the_granted_workflow_gets_a_token_of_ten_minutes(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    status, body = await ask(world, pod)
    assert (status, body["token"]) == (200, "token-1-of-deployer")
    assert world.cluster.minted == [("base", "deployer", {"audiences": [], "expirationSeconds": 600})]
    left = datetime.datetime.fromisoformat(body["expirationTimestamp"]) - datetime.datetime.now(datetime.UTC)
    assert 500 < left.total_seconds() < 600, "a client renews it before it ends"
    assert contract.CREDENTIAL_ISSUED in world.cluster.reasons()


async def test_it_is_renewed_while_the_job_runs(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    assert [(await ask(world, pod))[1]["token"] for _ in range(2)] == ["token-1-of-deployer", "token-2-of-deployer"]


async def test_a_pod_that_is_told_to_leave_goes_on_with_its_job(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.cluster.put(pod)
    assert (await ask(world, pod))[0] == 200


@pytest.mark.parametrize(
    ("path", "event", "reason"),
    [
        ("deploy.yml@refs/heads/topic", "push", "JobRef"),
        ("deploy.yml@refs/heads/topic", "workflow_dispatch", "JobRef"),
        ("deploy.yml@refs/tags/main", "push", "JobRef"),
        ("evil.yml@refs/heads/main", "push", "JobWorkflow"),
        ("deploy.yml@refs/heads/main@x.yml@refs/heads/topic", "push", "JobRef"),
        ("deploy.yml@refs/pull/4/head", "pull_request", "JobEvent"),
        ("deploy.yml@refs/heads/main", "pull_request_target", "JobEvent"),
        ("deploy.yml@refs/heads/main", "workflow_run", "JobEvent"),
        ("deploy.yml@refs/heads/main", "issue_comment", "JobEvent"),
    ],
)
async def test_any_other_job_is_refused_with_the_reason(world: World, path: str, event: str, reason: str) -> None:
    pod = await base_runner(world)
    world.gitea.run(3, path, event)
    world.gitea.pull(4, "mlops/guide")
    world.gitea.job(7, runner_id=1, run_id=3)
    status, body = await ask(world, pod)
    assert (status, body["reason"]) == (403, reason)
    assert "allowed: mlops/guide: .github/workflows/deploy.yml@refs/heads/main" in body["message"]
    assert world.cluster.minted == []
    assert contract.CREDENTIAL_REFUSED in world.cluster.reasons()


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target"])
@pytest.mark.parametrize(("head", "status"), [("mlops/guide", 200), ("evil/guide", 403), (None, 403)])
async def test_a_pull_request_looks_where_it_is_of_the_same_repository(
    world: World, head: str | None, status: int, event: str
) -> None:
    pod = await base_runner(world)
    world.gitea.run(3, "preview.yml@refs/pull/4/head", event)
    world.gitea.pull(4, head)
    world.gitea.job(7, runner_id=1, run_id=3)
    assert (await ask(world, pod, "previewer"))[0] == status


async def test_a_pod_without_a_job_gets_nothing(world: World) -> None:
    pod = await base_runner(world)
    status, body = await ask(world, pod)
    assert (status, body["reason"]) == (403, "NoJob")


async def test_the_job_of_another_runner_is_not_this_pods(world: World) -> None:
    pod = await base_runner(world)
    await base_runner(world, "base-abc-bbbbb")
    world.gitea.run(3)
    world.gitea.job(7, runner_id=2, run_id=3)
    assert (await ask(world, pod))[1]["reason"] == "NoJob"


async def test_a_job_that_has_ended_has_no_rights(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3, status="completed", conclusion="success")
    await world.api.annotate(
        (await world.api.list("base"))[0]["base", "base-abc-aaaaa"], {contract.BUSY_ANNOTATION: "7"}
    )
    assert (await ask(world, pod))[1]["reason"] == "NoJob"


async def test_a_pod_that_has_ended_gets_nothing(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    await world.cluster.put(end(pod, exit_code=0))
    assert (await ask(world, pod))[1]["reason"] == "NoJob"


async def test_an_annotation_makes_no_other_runner_a_pods_own(world: World) -> None:
    await base_runner(world)
    thief = await base_runner(world, "base-abc-thief")
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    thief["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = "1"
    await world.cluster.put(thief)
    assert (await ask(world, thief))[1]["reason"] == "NoJob"


async def test_a_token_that_comes_from_elsewhere_is_refused(world: World) -> None:
    pod = await base_runner(world, address="10.1.2.3")
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    status, body = await ask(world, pod)
    assert (status, body["reason"]) == (403, "AddressForeign")
    assert "10.1.2.3" in body["message"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_an_address_in_the_other_form_is_the_same(world: World, address: str) -> None:
    pod = await base_runner(world, address=address)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    assert (await ask(world, pod))[0] == 200


async def test_pods_of_a_namespace_without_workflows_get_nothing(world: World) -> None:
    pod = start(runner_pod())
    await world.cluster.create(pod)
    assert (await ask(world, pod))[1]["reason"] == "AccountNotGranted"


@pytest.mark.parametrize("account", ["registrar", "runner", "default", "..%2fdeployer", "DEPLOYER"])
async def test_no_other_account_is_lent(world: World, account: str) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    assert (await ask(world, pod, account))[1]["reason"] == "AccountNotGranted"
    assert world.cluster.minted == []


async def test_a_pod_of_a_namespace_without_a_grant_gets_nothing(world: World) -> None:
    pod = start(runner_pod(namespace="elsewhere"))
    await world.cluster.create(pod)
    assert (await ask(world, pod))[1]["reason"] == "NamespaceNotGranted"


async def test_no_token_gets_nothing(world: World) -> None:
    assert (await ask(world, None, token="let.me.in"))[0] == 401


async def test_the_token_for_a_registration_is_none_for_a_credential(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    status, body = await ask(world, pod, token=world.cluster.token(pod))
    assert (status, body["reason"]) == (401, "TokenAudience")


async def test_the_token_that_job_code_can_read_gets_no_registration(world: World) -> None:
    pod = runner_pod("base-abc-aaaaa", namespace="base")
    await world.cluster.create(pod)
    token = world.cluster.token(pod, aud=[contract.JOB_TOKEN_AUDIENCE])
    headers = {"Authorization": f"Bearer {token}"}
    async with world.http.post(f"{world.url}{contract.REGISTRATIONS_PATH}", headers=headers) as response:
        assert (response.status, (await response.json())["reason"]) == (401, "TokenAudience")
    assert world.gitea.runners == {}


async def test_a_forge_that_is_away_is_no_refusal(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.failing = 502
    status, body = await ask(world, pod)
    assert (status, body["reason"]) == (503, contract.FORGE_UNKNOWN)


async def test_an_api_server_that_is_away_is_no_refusal(world: World) -> None:
    pod = await base_runner(world)
    await ask(world, pod)  # its keys are known
    world.cluster.away = True
    status, body = await ask(world, pod)
    assert (status, body["reason"]) == (503, "ClusterUnknown")


async def test_a_pod_that_asks_without_end_costs_the_forge_little(world: World) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    before = len(world.gitea.calls)
    answers = await asyncio.gather(*(ask(world, pod) for _ in range(30)))
    assert {status for status, _ in answers} <= {200, 503}
    assert len(world.gitea.calls) - before <= 4


async def test_the_token_is_nowhere_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    pod = await base_runner(world)
    world.gitea.run(3)
    world.gitea.job(7, runner_id=1, run_id=3)
    caplog.set_level("INFO")
    await ask(world, pod)
    assert "credential issued" in caplog.text
    assert not any("token-1-of-deployer" in f"{record.__dict__}" for record in caplog.records)


async def test_of_a_pod_that_has_not_asked_for_a_minute_nothing_is_remembered(world: World) -> None:
    now, service = [100.0], world.service
    lent = Credentials(
        world.settings, world.api, world.forge, store=world.store, announcer=service.announcer, clock=lambda: now[0]
    )  # fmt: skip
    for number in range(5):
        pod = await base_runner(world, f"base-abc-0000{number}")
        identity = PodIdentity(
            namespace="base", service_account="runner", pod_name=pod["metadata"]["name"], pod_uid=pod["metadata"]["uid"]
        )
        with pytest.raises(RegistrationRefusedError, match="NoJob"):
            await lent.issue(identity, "deployer", "127.0.0.1")
        assert len(lent._known) == min(number + 1, 2), "itself, and the one that asked forty seconds ago"
        now[0] += REMEMBERED_SECONDS - 20
