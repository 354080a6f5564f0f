"""Who gets a registration: forged, expired and foreign tokens do not, and nothing is registered for them."""

import base64
import json
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import control_plane
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import NAMESPACE, SYSTEM_NAMESPACE
from lab.trial.registrar_door import Answer, RegistrarDoor
from lab.trial.repository import Repository
from values import contract

RUNNER = "runner"


@pytest.fixture(scope="module")
def door(api: KubernetesApi, pods: Pods) -> Iterator[RegistrarDoor]:
    opened = RegistrarDoor(api, SYSTEM_NAMESPACE, NAMESPACE)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def runner(workers: str, pods: Pods) -> RunnerPod:
    """A runner that has had its registration and waits for a job."""
    return pods.until_ready(workers, 2)[0]


def account_path(account: str, namespace: str = NAMESPACE) -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"


def token(
    api: KubernetesApi, account: str, pod: Json | None, *, audience: str = contract.TOKEN_AUDIENCE,
    namespace: str = NAMESPACE,
) -> str:  # fmt: skip
    """A token as the API server makes it, bound to a pod unless that is None."""
    spec: Json = {"audiences": [audience], "expirationSeconds": 600}
    if pod is not None:
        metadata = pod["metadata"]
        spec["boundObjectRef"] = {
            "kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"],
        }  # fmt: skip
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    made = api.create(f"{account_path(account, namespace)}/token", request)
    return str(made["status"]["token"])


def claims_of(text: str) -> Json:
    """The claims inside a token, not verified."""
    part = text.split(".")[1]
    claims: Json = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def signed_by_the_cluster(api: KubernetesApi, runner: RunnerPod, claims: Json) -> str:
    """A token with any claims, signed as the API server signs."""
    key = serialization.load_pem_private_key((control_plane.PKI / "service-account.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    header = {"kid": jwt.get_unverified_header(token(api, RUNNER, runner.document))["kid"]}
    return jwt.encode(claims, key, "RS256", headers=header)


def refused(door: RegistrarDoor, repository: Repository, text: str | None, status: int, reason: str) -> Answer:
    """Knocks and checks that the answer is this refusal, in words, and that the forge has no new runner."""
    before = {runner.id for runner in repository.runners()}
    answer = door.knock(text)
    assert (answer.status, answer.reason) == (status, reason), answer.body
    assert answer.message
    assert {runner.id for runner in repository.runners()} <= before
    return answer


def test_no_token_gets_nothing(door: RegistrarDoor, repository: Repository) -> None:
    refused(door, repository, None, 401, "TokenMissing")


def test_what_is_no_token_gets_nothing(door: RegistrarDoor, repository: Repository) -> None:
    refused(door, repository, "let.me.in", 401, "TokenMalformed")


def test_a_token_signed_by_somebody_else_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    genuine = token(api, RUNNER, runner.document)
    foreign_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    header = {"kid": jwt.get_unverified_header(genuine)["kid"]}
    forged = jwt.encode(claims_of(genuine), foreign_key, "RS256", headers=header)
    refused(door, repository, forged, 401, "TokenSignature")


def test_a_token_without_signature_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    genuine = token(api, RUNNER, runner.document)
    header = {"kid": jwt.get_unverified_header(genuine)["kid"]}
    refused(door, repository, jwt.encode(claims_of(genuine), "", "none", headers=header), 401, "TokenMalformed")


def test_an_expired_token_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    # The API server makes none that lives for less than ten minutes, so the cluster's own key signs an old one here.
    genuine = token(api, RUNNER, runner.document)
    claims = claims_of(genuine)
    fresh = signed_by_the_cluster(api, runner, claims)
    assert door.knock(fresh).reason == "AlreadyOnline", "signed like this, it is only the expiry that is wrong"
    old = signed_by_the_cluster(api, runner, {**claims, "exp": int(time.time()) - 60})
    refused(door, repository, old, 401, "TokenExpired")


def test_a_token_for_another_audience_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    refused(door, repository, token(api, RUNNER, runner.document, audience="vault"), 401, "TokenAudience")


def test_a_token_that_is_bound_to_no_pod_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, pods: Pods
) -> None:
    refused(door, repository, token(api, RUNNER, None), 403, "TokenUnbound")


def test_a_pod_of_a_namespace_without_a_grant_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository
) -> None:
    (pod, *_) = api.items(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods")
    foreign = token(api, contract.SERVICE_NAME, pod, namespace=SYSTEM_NAMESPACE)
    refused(door, repository, foreign, 403, "NamespaceNotGranted")


def test_a_pod_under_another_service_account_gets_nothing(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    # The namespace admits no such pod, so the cluster's own key signs what its token would say.
    claims = claims_of(token(api, RUNNER, runner.document))
    claims["sub"] = f"system:serviceaccount:{NAMESPACE}:default"
    claims["kubernetes.io"]["serviceaccount"] = {"name": "default", "uid": "none"}
    refused(door, repository, signed_by_the_cluster(api, runner, claims), 403, "ServiceAccountNotGranted")


def test_a_runner_that_has_had_its_registration_gets_no_second_one(
    api: KubernetesApi, door: RegistrarDoor, repository: Repository, runner: RunnerPod
) -> None:
    refused(door, repository, token(api, RUNNER, runner.document), 409, "AlreadyOnline")


def test_the_registrars_log_gives_the_reason_and_never_the_token(
    api: KubernetesApi, door: RegistrarDoor, runner: RunnerPod
) -> None:
    sent = token(api, RUNNER, runner.document, audience="wallet")
    assert door.knock(sent).status == 401
    log = registrar_log(api)
    assert "TokenAudience" in log
    assert sent.split(".")[1] not in log
    assert sent.split(".")[2] not in log


def registrar_log(api: KubernetesApi) -> str:
    (pod, *_) = api.items(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods")
    return api.text(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{pod['metadata']['name']}/log")


def test_health_metrics_and_queue_are_served(door: RegistrarDoor) -> None:
    assert door.get(contract.HEALTH_PATH).text.strip() == "ok"
    assert door.get(contract.METRICS_PATH).status_code == 200
    assert f"{NAMESPACE}/workers" in door.get(contract.QUEUE_PATH).json()
