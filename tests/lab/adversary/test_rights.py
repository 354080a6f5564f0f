"""Least rights: what each identity may do on the running cluster is what docs/security.md says, and nothing else."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from components.platform.runner_namespace import MOST_OBJECTS
from lab import control_plane
from lab.trial.kubernetes import Json, KubernetesApi
from tests.lab.adversary.forbidden_requests import ANYBODYS, DEPLOYERS, PREVIEWERS, Request
from tests.lab.adversary.identities import PLACES, SYSTEM, USERS, WHOLE_CLUSTER, Right, documented, rows
from tests.lab.adversary.written_pods import BASE, NAMESPACE

REVIEWS = "/apis/authorization.k8s.io/v1"
ELSEWHERE = ("default", "kube-system", "gpu-runners-elsewhere")  # the last one does not even exist
SPECIAL_VERBS = ("impersonate", "bind", "escalate", "approve", "sign", "attest", "use", "proxy", "*")
# What Kubernetes gives to everybody who has a name: to ask about themselves.
EVERYBODYS = {
    Right("authorization.k8s.io", "selfsubjectaccessreviews", "", "create"),
    Right("authorization.k8s.io", "selfsubjectrulesreviews", "", "create"),
    Right("authentication.k8s.io", "selfsubjectreviews", "", "create"),
}


def rights(api: KubernetesApi, user: str, namespace: str) -> set[Right]:
    """What the API server says that a user may do in a namespace, by any Role and any ClusterRole."""
    body = {"spec": {"namespace": namespace}}
    answer = api.attempt("POST", f"{REVIEWS}/selfsubjectrulesreviews", body, user)
    assert answer.status_code == 201, answer.text
    status = answer.json()["status"]
    assert not status.get("incomplete") or "webhook" not in status.get("evaluationError", ""), status
    return {
        Right(group, resource, name, verb)
        for rule in status["resourceRules"]
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for name in rule.get("resourceNames") or ("",)
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("namespace", [BASE, NAMESPACE, SYSTEM, *ELSEWHERE])
@pytest.mark.parametrize("identity", USERS)
def test_what_an_identity_may_do_is_what_is_documented(
    api: KubernetesApi, closed: None, identity: str, namespace: str
) -> None:
    assert rights(api, USERS[identity], namespace) - EVERYBODYS == documented(identity, namespace)


def served(api: KubernetesApi) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Group, resource with subresource, and verbs, of everything that the API server serves."""
    versions = ["/api/v1"]
    versions += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in api.get("/apis")["groups"]]
    for version in versions:
        listed: Json = api.get(version)
        group = version.removeprefix("/apis/").partition("/")[0] if version != "/api/v1" else ""
        for resource in listed["resources"]:
            yield group, resource["name"], tuple(resource["verbs"])


@pytest.mark.parametrize("identity", USERS)
def test_what_an_identity_may_do_in_the_whole_cluster_is_what_is_documented(
    api: KubernetesApi, closed: None, identity: str
) -> None:
    questions = [
        {"group": group, "verb": verb} | dict(zip(("resource", "subresource"), resource.split("/"), strict=False))
        for group, resource, verbs in served(api)
        for verb in (*verbs, *SPECIAL_VERBS)
        if Right(group, resource, "", verb) not in EVERYBODYS
    ]
    assert len(questions) > 500, "the API server serves more than that"

    def is_allowed(question: dict[str, str]) -> bool:
        body = {"spec": {"user": USERS[identity], "groups": groups(USERS[identity]), "resourceAttributes": question}}
        return bool(api.create(f"{REVIEWS}/subjectaccessreviews", body)["status"]["allowed"])

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(is_allowed, questions))
    allowed = {
        Right(
            question["group"],
            "/".join(filter(None, (question["resource"], question.get("subresource")))),
            "",
            question["verb"],
        )
        for question, is_right in zip(questions, answers, strict=True)
        if is_right
    }
    assert allowed == {right for who, place, right in rows() if (who, place) == (identity, WHOLE_CLUSTER)}


def groups(user: str) -> list[str]:
    """The groups of a ServiceAccount."""
    namespace = user.split(":")[2]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


def test_every_place_of_the_document_is_a_namespace_of_this_platform() -> None:
    assert {namespace for namespaces in PLACES.values() for namespace in namespaces} == {BASE, NAMESPACE, SYSTEM}


TRIES: dict[str, tuple[str, Request]] = {
    f"{identity}: {name}": (USERS[identity], request)
    for identity in ("runner", "deployer", "previewer")
    for name, request in {
        **ANYBODYS,
        **(DEPLOYERS if identity in ("runner", "deployer") else {}),
        **(PREVIEWERS if identity in ("runner", "previewer") else {}),
    }.items()
}


@pytest.mark.parametrize(("user", "request_"), TRIES.values(), ids=TRIES)
def test_a_request_beyond_ones_rights_is_refused(
    api: KubernetesApi, closed: None, user: str, request_: Request
) -> None:
    method, path, body = request_
    answer = api.attempt(method, path, body, user)
    assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
    assert "cannot" in answer.text, answer.text  # for want of a right, and not because admission stepped in


@pytest.mark.parametrize("headers", [
    {"Impersonate-User": "kubernetes-admin"},
    {"Impersonate-User": f"system:serviceaccount:{SYSTEM}:registrar"},
    {"Impersonate-User": "x", "Impersonate-Group": "system:masters"},
    {"Impersonate-User": "x", "Impersonate-Uid": "0"},
    {"X-Remote-User": "kubernetes-admin", "X-Remote-Group": "system:masters"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("identity", ["runner", "deployer", "previewer", "auditor"])
def test_nobody_speaks_in_anothers_name(
    api: KubernetesApi, closed: None, identity: str, headers: dict[str, str]
) -> None:
    _, _, namespace, account = USERS[identity].split(":")
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    spec = {"audiences": [api.get("/.well-known/openid-configuration")["issuer"]], "expirationSeconds": 600}
    token = api.create(path, {"spec": spec})["status"]["token"]
    context = ssl.create_default_context(cafile=str(control_plane.PKI / "ca.crt"))
    with httpx2.Client(base_url=control_plane.API, verify=context, trust_env=False) as http:
        mine = {"Authorization": f"Bearer {token}"}
        itself = http.post(f"{REVIEWS}/selfsubjectrulesreviews", json={"spec": {"namespace": SYSTEM}}, headers=mine)
        assert itself.status_code == 201, "the token is good, so that it is the other name that is refused"
        answer = http.get(f"/api/v1/namespaces/{SYSTEM}/secrets", headers=mine | headers)
    assert answer.status_code == 403, answer.text


def test_who_deploys_fills_no_etcd(api: KubernetesApi, closed: None) -> None:
    path, made = f"/api/v1/namespaces/{NAMESPACE}/configmaps", list[str]()
    try:
        while len(made) < 2 * MOST_OBJECTS["configmaps"]:
            name = f"filling-{len(made)}"
            answer = api.attempt("POST", path, {"metadata": {"name": name}, "data": {"x": "x"}}, USERS["deployer"])
            if answer.status_code != 201:
                break
            made.append(name)
    finally:
        for name in made:
            api.delete(f"{path}/{name}")
    assert (answer.status_code, len(made) < MOST_OBJECTS["configmaps"]) == (403, True), answer.text
    assert "exceeded quota" in answer.text
