"""A pod's way to its registration, from the HTTP request to what the forge and the pod know afterwards."""

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from registrar.identity import RegistrationRefusedError, bearer, key_id
from tests.registrar.conftest import World, stays, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from values import contract


async def test_a_pod_gets_one_single_use_registration_in_the_runners_own_format(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    status, headers, body = await world.register(pod)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert body == {
        "id": 1,
        "uuid": "uuid-1",
        "name": "cuda-abc-aaaaa",
        "token": "runner-secret-1",
        "address": world.settings.forge.url,
        "labels": ["cml-gpu:host"],
        "ephemeral": True,
    }
    assert world.gitea.runners[1]["ephemeral"] is True


async def test_the_runners_id_is_on_the_pod_before_the_answer_leaves(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    annotations = world.cluster.pods["runners", "cuda-abc-aaaaa"]["metadata"]["annotations"]
    assert annotations[contract.RUNNER_ID_ANNOTATION] == "1"
    assert world.cluster.reasons() == [contract.REGISTRATION_ISSUED]


async def test_a_registration_that_no_pod_can_remember_is_taken_back(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.after_register = lambda: world.cluster.vanish("runners", "cuda-abc-aaaaa")
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "PodUnknown")
    assert world.gitea.runners == {}
    assert world.gitea.removed == [1]


async def test_an_answer_with_a_secret_is_kept_by_nobody_and_how_long_it_took_is_counted(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    status, headers, _ = await world.register(pod)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert "gpu_runners_registration_seconds_count 1.0" in world.metrics.render().decode()


async def test_the_clusters_keys_are_asked_for_before_anybody_comes(world: World) -> None:
    await until(lambda: ("GET", "/openid/v1/jwks") in world.cluster.requests)


async def test_a_pod_that_is_deleted_while_its_runner_is_registered_gets_nothing(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.after_register = lambda: world.cluster.put({**pod, "metadata": {**pod["metadata"], **DELETED}})
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "PodEnding")
    assert world.gitea.removed == [1]


async def test_a_repeat_from_a_pod_that_was_never_online_replaces_the_first_registration(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    status, _, body = await world.register(pod)
    assert (status, body["id"]) == (200, 2)
    assert list(world.gitea.runners) == [2]
    cordoned = world.gitea.calls.index("PATCH /api/v1/repos/mlops/guide/actions/runners/1")
    assert cordoned < world.gitea.calls.index("DELETE /api/v1/repos/mlops/guide/actions/runners/1")


async def test_nothing_is_remembered_of_a_pod_that_asked_twice_and_was_served(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    assert [(await world.register(pod))[0] for _ in range(2)] == [200, 200]
    await until(lambda: world.service.registrations.remembered == 0)


async def test_two_requests_of_one_pod_at_once_leave_one_runner(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    answers = await asyncio.gather(*(world.register(pod) for _ in range(4)))
    assert [status for status, _, _ in answers] == [200] * 4
    assert len(world.gitea.runners) == 1


async def test_a_pod_whose_runner_has_been_online_gets_no_second_registration(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    world.gitea.come_online(1)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (409, "AlreadyOnline")
    assert list(world.gitea.runners) == [1]
    assert contract.REGISTRATION_REFUSED in world.cluster.reasons()


async def test_a_pod_whose_runner_runs_gets_no_registration(world: World) -> None:
    pod = start(runner_pod())
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (409, "AlreadyOnline")


@pytest.mark.parametrize("how", ["deleted", "ended"])
async def test_a_pod_that_is_leaving_gets_no_registration(world: World, how: str) -> None:
    pod = runner_pod() if how == "deleted" else end(runner_pod(), exit_code=1)
    if how == "deleted":
        pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "PodEnding")
    assert world.gitea.runners == {}


async def test_a_pod_that_does_not_exist_any_more_gets_no_registration(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(runner_pod())  # a namesake with another uid
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "PodUnknown")
    assert world.gitea.runners == {}


async def test_a_pod_without_the_pool_label_gets_no_registration(world: World) -> None:
    pod = runner_pod()
    pod["metadata"]["labels"] = {}
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "PodUnknown")


async def test_a_pod_without_runner_labels_is_told_which_annotation_is_missing(world: World) -> None:
    pod = runner_pod(runner_labels="")
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "LabelsMissing")
    assert contract.RUNNER_LABELS_ANNOTATION in body["message"]


DELETED = {"deletionTimestamp": stamp()}
FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BAD_TOKENS: list[tuple[str, dict[str, Any], int, str]] = [
    ("signed with a foreign key under our key's id", {"key": FOREIGN_KEY}, 401, "TokenSignature"),
    ("signed with a key that the cluster does not have", {"key": FOREIGN_KEY, "kid": "x"}, 401, "TokenSignature"),
    ("expired", {"exp": int(time.time()) - 60}, 401, "TokenExpired"),
    ("for the API server", {"aud": ["https://kubernetes.default.svc"]}, 401, "TokenAudience"),
    ("of another issuer", {"iss": "https://elsewhere"}, 401, "TokenIssuer"),
    ("bound to no pod", {"kubernetes.io": {"namespace": "runners"}}, 403, "TokenUnbound"),
    ("with a subject that is not its account", {"sub": "system:serviceaccount:runners:admin"}, 401, "TokenMalformed"),
]


@pytest.mark.parametrize(("what", "claims", "status", "reason"), BAD_TOKENS, ids=[case[0] for case in BAD_TOKENS])
async def test_a_bad_token_registers_nothing_and_its_reason_is_logged(
    world: World, caplog: pytest.LogCaptureFixture, what: str, claims: dict[str, Any], status: int, reason: str
) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    with caplog.at_level(logging.INFO, logger="registrar"):
        answer, _, body = await world.register(pod, world.cluster.token(pod, **claims))
    assert (answer, body["reason"]) == (status, reason)
    assert body["message"]
    assert world.gitea.calls == []
    assert [record.fields["reason"] for record in caplog.records if hasattr(record, "fields")] == [reason]


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic dXNlcg==", "Bearer nonsense", "Bearer a.b.c"])
async def test_a_header_without_a_token_is_refused(world: World, header: str) -> None:
    async with world.http.post(f"{world.url}/registrations", headers={"Authorization": header}) as response:
        assert response.status == 401
        assert (await response.json())["reason"] in ("TokenMissing", "TokenMalformed")


async def test_a_token_of_a_namespace_without_a_grant_is_refused(world: World) -> None:
    pod = runner_pod(namespace="elsewhere")
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "NamespaceNotGranted")
    assert world.gitea.calls == []
    assert "elsewhere" not in world.metrics.render().decode(), "a stranger's word, of which there could be any number"


async def test_a_token_of_another_service_account_is_refused(world: World) -> None:
    pod = runner_pod(service_account="deployer")
    await world.cluster.create(pod)
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (403, "ServiceAccountNotGranted")
    assert world.gitea.calls == []


async def test_a_rotated_signing_key_is_learnt_without_a_restart(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.cluster.key, world.cluster.key_id = FOREIGN_KEY, "key-2"
    status, headers, body = await world.register(pod)
    if status == 503:  # keys were asked for a moment ago: the pod is told to come back, and not that it is a forger
        assert body["reason"] == "ClusterUnknown"
        await asyncio.sleep(float(headers["Retry-After"]))
        status, _, _ = await world.register(pod)
    assert status == 200


async def test_whoever_sends_forged_tokens_cannot_make_the_registrar_ask_for_keys_all_the_time(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    for number in range(20):
        status, _, _ = await world.register(pod, world.cluster.token(pod, kid=f"forged-{number}", key=FOREIGN_KEY))
        assert status in (401, 503)
    asked = [path for _, path in world.cluster.requests].count("/openid/v1/jwks")
    assert asked <= 3
    assert (await world.register(pod))[0] == 200


@pytest.mark.parametrize("ahead", [-60, 60])
async def test_a_clock_that_is_a_minute_off_refuses_nobody(world: World, ahead: float) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.cluster.clock_ahead = ahead
    assert (await world.register(pod))[0] == 200


async def test_a_token_of_the_far_future_is_refused_with_the_reason(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.cluster.clock_ahead = 3600
    status, _, body = await world.register(pod)
    assert (status, body["reason"]) == (401, "TokenNotYetValid")
    assert "clocks" in body["message"]


HOSTILE_TOKENS = [
    "a" * 8100, "." * 100, "e30.e30.e30", "é.é.é", base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.x",
    base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"9" * 5000 + b"}").decode() + ".e30.x",
    base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"\\ud800"}').decode() + ".e30.x",
    base64.urlsafe_b64encode(b'{"alg":"none","kid":"key-1"}').decode() + ".e30.",
    base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"key-1"}').decode() + ".e30.x",
    base64.urlsafe_b64encode(b'{"alg":7,"kid":{"a":1}}').decode() + ".e30.x",
]  # fmt: skip


@pytest.mark.parametrize("token", HOSTILE_TOKENS, ids=range(len(HOSTILE_TOKENS)))
async def test_a_hostile_token_is_refused_and_nothing_else_happens(world: World, token: str) -> None:
    async with world.http.post(f"{world.url}/registrations", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status in (400, 401, 503)
    assert world.gitea.calls == []


@given(st.text(st.characters(codec="ascii"), max_size=300))
def test_any_token_names_a_key_or_is_refused(token: str) -> None:
    with contextlib.suppress(RegistrationRefusedError):
        key_id(bearer(f"Bearer {token}"))


async def hang_up(world: World, pod: dict[str, Any], when: Callable[[], object]) -> None:
    """Ask for a registration and hang up as soon as something holds."""
    asking = asyncio.create_task(world.register(pod))
    await until(when)
    asking.cancel()
    await asyncio.wait([asking])


async def hung_up_while_taken_back(world: World) -> dict[str, Any]:
    """A pod that was registered, asked again, and hung up while its first registration is slowly taken back."""
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    world.gitea.slow = {"/actions/runners/1": 0.3}
    await hang_up(world, pod, lambda: "GET /api/v1/repos/mlops/guide/actions/runners/1" in world.gitea.calls)
    return pod


async def test_whoever_hangs_up_while_they_are_registered_leaves_no_registration(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    go_on = asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    world.gitea.after_register = wait
    await hang_up(world, pod, lambda: world.gitea.minted == 1)
    world.gitea.after_register = None
    again = asyncio.create_task(world.register(pod))
    await asyncio.sleep(0.1)
    assert world.gitea.minted == 1  # one for a pod at a time, also while the first is undone
    go_on.set()
    status, _, body = await again
    assert (status, body["id"]) == (200, 2)
    assert list(world.gitea.runners) == [2]
    assert annotations(world)[contract.RUNNER_ID_ANNOTATION] == "2"


async def test_what_was_begun_to_be_taken_back_is_though_its_pod_hangs_up(world: World) -> None:
    """At a forge that takes five seconds a call the whole way takes longer than any client waits."""
    pod = await hung_up_while_taken_back(world)
    await until(lambda: world.gitea.removed == [1])
    status, _, body = await world.register(pod)
    assert (status, body["id"]) == (200, 2)
    assert world.gitea.removed == [1], "and once"


async def test_a_pod_that_comes_back_joins_what_is_taken_back_already(world: World) -> None:
    pod = await hung_up_while_taken_back(world)
    status, _, _ = await world.register(pod)
    assert status == 200
    assert world.gitea.calls.count("DELETE /api/v1/repos/mlops/guide/actions/runners/1") == 1
    assert world.service.registrations.remembered == 0


async def test_what_was_begun_to_be_taken_back_is_before_the_registrar_ends(world: World) -> None:
    """No request waits for it any more, so that none holds up the end."""
    await hung_up_while_taken_back(world)
    await world.service.close()
    assert world.gitea.removed == [1]


async def test_a_registration_that_nobody_waits_for_is_undone_before_the_registrar_ends(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.slow = {"/Register": 0.5}
    await hang_up(world, pod, lambda: any("/Register" in call for call in world.gitea.calls))
    await world.service.registrations.close()
    assert world.gitea.minted == 1
    assert world.gitea.runners == {}


async def test_whoever_hangs_up_while_they_wait_for_their_turn_costs_the_forge_nothing(world: World) -> None:
    pods = [runner_pod(f"cuda-abc-{number:05d}") for number in range(12)]
    for pod in pods:
        await world.cluster.create(pod)
    world.gitea.delay = 0.5
    asking = [asyncio.create_task(world.register(pod)) for pod in pods]
    await until(lambda: len(world.gitea.calls) >= 4)
    for task in asking[4:]:
        task.cancel()
    await asyncio.wait(asking)
    world.gitea.delay = 0.0
    await stays(lambda: world.gitea.minted == 4, 1.0)


def annotations(world: World, name: str = "cuda-abc-aaaaa") -> dict[str, str]:
    found: dict[str, str] = world.cluster.pods["runners", name]["metadata"]["annotations"]
    return found


@pytest.mark.parametrize("claim", ["1", "9" * 4301, "-1", "٣", "../../orgs/x"])
async def test_an_annotation_never_names_a_runner_of_another_name(world: World, claim: str) -> None:
    victim = runner_pod("victim-abc-aaaaa")
    await world.cluster.create(victim)
    await world.register(victim)
    world.gitea.calls.clear()
    pod = runner_pod()
    pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = claim
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    assert list(world.gitea.runners) == [1, 2]
    assert world.gitea.runners[1]["disabled"] is False
    assert annotations(world)[contract.RUNNER_ID_ANNOTATION] == "2"


async def test_a_runner_with_a_job_is_judged_before_it_is_cordoned(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    world.gitea.job(7, runner_id=1)
    assert (await world.register(pod))[0] == 409
    assert world.gitea.runners[1]["disabled"] is False


async def test_a_job_that_comes_between_the_look_and_the_cordon_keeps_its_runner(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.register(pod)
    world.gitea.slow = {"/actions/runners/1": 0.5}
    asking = asyncio.create_task(world.register(pod))
    await until(lambda: any(call.startswith("PATCH ") for call in world.gitea.calls))
    world.gitea.job(7, runner_id=1)  # Gitea had picked it before it saw the cordon
    status, _, body = await asking
    assert (status, body["reason"]) == (409, "AlreadyOnline")
    assert "has a job" in body["message"]
    assert (list(world.gitea.runners), world.gitea.removed) == ([1], [])


GRANTED = {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}


@pytest.mark.parametrize("world", [{"grants": [{**GRANTED, "labels": ["cml-gpu", "big"]}]}], indirect=True)
@pytest.mark.parametrize(
    ("labels", "status"),
    [("cml-gpu", 200), ("big, cml-gpu", 200), ("self-hosted", 403), ("cml-gpu,self-hosted", 403), ("CML-GPU", 403),
     ("cml-gpu:docker://evil", 403)],
)  # fmt: skip
async def test_a_pod_offers_no_label_that_its_namespace_was_not_granted(world: World, labels: str, status: int) -> None:
    pod = runner_pod(runner_labels=labels)
    await world.cluster.create(pod)
    answer, _, body = await world.register(pod)
    assert answer == status
    if status == 403:
        assert body["reason"] in ("LabelsNotGranted", "LabelsMissing")
        assert world.gitea.minted == 0
        assert contract.REGISTRATION_REFUSED in world.cluster.reasons()


async def test_a_pod_that_asks_all_the_time_is_told_to_wait(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.delay = 0.3
    answers = await asyncio.gather(*(world.register(pod) for _ in range(8)))
    reasons = {body["reason"] for status, _, body in answers if status == 503}
    assert reasons == {"AlreadyAsking"}
    assert sum(status == 200 for status, _, _ in answers) >= 1


@pytest.mark.parametrize("failing", [429, 500, 503])
async def test_a_forge_that_cannot_answer_means_later_not_no(world: World, failing: int) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.failing, world.gitea.failing_headers = failing, {"Retry-After": "17"}
    status, headers, body = await world.register(pod)
    assert (status, body["reason"], headers["Retry-After"]) == (503, contract.FORGE_UNKNOWN, "17")


async def test_a_wrong_forge_credential_is_named_with_its_cure(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.credential.write_text("wrong")
    status, _, body = await world.register(pod)
    assert status == 503
    assert "check the credential" in body["message"]


async def test_a_rotated_forge_credential_is_used_without_a_restart(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    world.gitea.token = "rotated"
    assert (await world.register(pod))[0] == 503
    world.credential.write_text("rotated")
    assert (await world.register(pod))[0] == 200


async def test_an_api_server_that_is_away_means_later_not_no(world: World) -> None:
    pod = runner_pod()
    world.cluster.away = True
    status, headers, _ = await world.register(pod)
    assert status == 503
    assert int(headers["Retry-After"]) >= 1


@pytest.mark.parametrize("who", ["forge", "cluster"])
async def test_a_pod_whose_turn_came_while_somebody_was_away_keeps_its_place(world: World, who: str) -> None:
    before, pod = runner_pod("cuda-abc-before"), runner_pod()
    await world.cluster.create(before)
    await world.cluster.create(pod)
    assert (await world.register(before))[0] == 200
    world.gitea.failing, world.cluster.away = (500, False) if who == "forge" else (None, True)
    assert (await world.register(pod))[0] == 503
    assert world.service.registrations.remembered == 1
    world.gitea.failing, world.cluster.away = None, False
    assert (await world.register(pod))[0] == 200
    assert world.service.registrations.remembered == 0


async def test_a_pool_whose_runner_died_at_once_is_braked_and_the_cause_is_on_the_waiting_pod(world: World) -> None:
    world.run()
    first = runner_pod("cuda-abc-aaaaa")
    await world.cluster.create(first)
    await world.register(first)
    await world.cluster.put(end(first, exit_code=127, message="sh: gitea-runner: not found"))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    second = runner_pod("cuda-abc-bbbbb")
    await world.cluster.create(second)
    status, headers, body = await world.register(second)
    assert (status, body["reason"]) == (429, contract.REGISTRATION_BRAKED)
    assert 1 <= int(headers["Retry-After"]) <= 7
    assert "exit code 127" in body["message"]
    assert "not found" in body["message"]
    event = next(candidate for candidate in world.cluster.events if candidate["reason"] == contract.REGISTRATION_BRAKED)
    assert event["involvedObject"]["name"] == "cuda-abc-bbbbb"
    assert event["type"] == "Warning"
    other_template = runner_pod("cuda-new-ccccc", template_hash="new")
    await world.cluster.create(other_template)
    assert (await world.register(other_template))[0] == 200


async def test_no_secret_is_ever_logged_or_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.run()
    with caplog.at_level(logging.DEBUG, logger="registrar"):
        pod = runner_pod()
        await world.cluster.create(pod)
        token = world.cluster.token(pod)
        await world.register(pod, token)
        await world.register(pod, world.cluster.token(pod, exp=1))
        world.gitea.failing = 500
        await world.register(pod, token)
        world.gitea.failing = None
        await world.cluster.put(end(pod, exit_code=1))
        await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    said = caplog.text + json.dumps([record.__dict__ for record in caplog.records], default=str)
    said += json.dumps(world.cluster.events) + world.metrics.render().decode()
    for secret in (*world.gitea.secrets, world.gitea.token, "registration-token", token, token.rsplit(".", 1)[0]):
        assert secret not in said
