"""No secret is ever shown, wherever somebody put it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_runners.review.core.document import document
from gpu_runners.review.core.evidence import SECRET_KEY
from gpu_runners.review.core.field_path import MISSING, parse
from gpu_runners.review.core.markdown import LIMIT_BYTES, markdown
from gpu_runners.review.core.secrecy import MASK, hidden, masked, redacted
from tests.gpu_runners.review.core.recorded import evidence, reviewed
from values.secrecy import HIDDEN, without_secrets

PLANTED = "planted-Zq81xv"


def everything(found: Any) -> str:
    return markdown(found) + json.dumps(document(found))


def test_the_value_that_was_planted_on_the_lab_is_not_shown() -> None:
    assert PLANTED in json.dumps(evidence("drifted"))
    assert PLANTED not in everything(reviewed(evidence("drifted")))


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN EC PRIVATE KEY-----",
        "https://user:pass@forge.example.com/",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6.e30.x",
        "1e1513658fbd8786e9b7846a1e1513658fbd8786",
        "Bearer abcdefghijklmnop",
    ],
)
def test_what_looks_like_a_credential_is_hidden_in_any_field(secret: str) -> None:
    assert redacted(secret, parse("metadata.labels.note")) == HIDDEN


@pytest.mark.parametrize(
    "field",
    ["data.token", "stringData.x", "spec.template.spec.containers[0].env[0].value", "metadata.annotations.note",
     "spec.template.spec.containers[0].command", "spec.password"],
)  # fmt: skip
def test_free_text_of_the_cluster_is_never_repeated(field: str) -> None:
    assert "hello" not in redacted("hello", parse(field))
    assert "hello" not in redacted({"inner": ["hello"]}, parse(field))


@pytest.mark.parametrize(
    "text",
    [
        "PASSWORD=Xq81",
        "DB_PASSWORD='Xq81 Xq81'",
        "export AWS_SECRET_ACCESS_KEY=Xq81",
        'MY_TOKEN: "Xq81"',
        '{"apiKey": "Xq81"}',
        '{"nested": {"client_secret":"Xq81"}}',
        "--token Xq81",
        "--password=Xq81",
        "pwd=Xq81;user=me",
        "Authorization: Xq81",
        "Authorization: Basic Xq81==",
        "https://Xq81@forge.example.com/",
        "https://user:Xq81@forge.example.com/",
        "https://user:a/Xq81@forge.example.com/".replace("/X", "X"),
        "postgres://me:Xq81@db/state",
        "s3://bucket?X-Amz-Signature=Xq81&region=x",
        "https://forge.example.com/x?code=Xq81#top",
        "GET /x?access_token=Xq81: 401",
        "-----BEGIN PRIVATE KEY-----\nXq81\n",
        "DB_PASS=Xq81",
        "AccountKey=Xq81;Endpoint=x",
        "sig=Xq81&se=1",
        "token%3DXq81",
        "Set-Cookie: session=Xq81; Path=/",
        "me:Xq81@forge.example.com",
        "curl -u me:Xq81 forge.example.com",
        '{"a": "{\\"password\\": \\"Xq81\\"}"}',
        '{"password": "a\\"Xq81"}',
        'password="Xq81',
        "password='a, Xq81",
        'password: "a\n  Xq81"',
        "token: |\n  Xq81\n",
        "password: >-\n  a\n  Xq81",
        "token := Xq81",
        "token == Xq81",
        "token=>Xq81",
        "token -> Xq81",
        "password%3AXq81",
        "PASSWORD=a\\Xq81",
        "<password>Xq81</password>",
        "machine h login me password Xq81",
        "--access-key Xq81",
        "--pass Xq81",
        '{"auths": {"registry.example.com": {"auth": "Xq81"}}}',
        "_auth=Xq81",
        "creds=Xq81",
        "jwt: Xq81",
        "DB_PW=Xq81",
        "session_id=Xq81",
        "//me:Xq81@forge.example.com/x",
        "https://hooks.slack.com/services/T0/B0/Xq81",
        "https://api.telegram.org/bot12345678:Xq81/send",
    ],
)
def test_a_secret_is_known_by_its_name_or_its_place_however_short_it_is(text: str) -> None:
    assert "Xq81" not in without_secrets(text)
    assert "Xq81" not in redacted(text, parse("metadata.labels.note"))


@pytest.mark.parametrize(
    "text",
    [
        "secrets in gpu-runners-system: 403",
        "the token has expired",
        "automountServiceAccountToken: false",
        '{"secretName": "registrar-tls"}',
        '{"serviceAccountToken": {"audience": "registrar", "expirationSeconds": 600}}',
        "registry.example.com/ml/cuda:12.4",
        "https://gitea.example.com/mlops/guide",
        "git@forge.example.com:mlops/guide.git",
        "registry.example.com/ml/cuda:12.4@sha256:0",
        "topologyKey: kubernetes.io/hostname",
        "13 pass, nothing failed",
        "signal=9, design: none",
        "deploy.yml@refs/heads/main: not granted",
        "compass: north",
        "auth: access denied",
        "https://github.com/mlops/guide and me@forge.example.com",
        "<tokens> are no tags here",
    ],
)
def test_what_only_speaks_of_secrets_stays_readable(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("unit", ["http://", "a.", "-key", "//", "@", '\\"', "password=", "token: >\n x\n", "login a "])
def test_what_is_hidden_costs_no_more_than_its_length(unit: str) -> None:
    """Twice the square of it would be minutes."""
    began = time.monotonic()
    without_secrets(unit * (400_000 // len(unit)))
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec.template.spec.containers[0].image", f"registry.example.com/cuda@sha256:{'a1' * 32}"),
        ("spec.template.spec.automountServiceAccountToken", True),
        ("spec.replicas", 3),
    ],
)
def test_what_reviewers_need_stays_readable(field: str, value: Any) -> None:
    assert HIDDEN not in redacted(value, parse(field))


def test_what_pulumi_masks_stays_masked() -> None:
    assert redacted({"token": MASK}, parse("spec.x")) == MASK


SECRETS = st.from_regex(r"s3cr3t[A-Za-z0-9]{12,40}", fullmatch=True)
PLACES = st.sampled_from(["env", "annotation", "data", "command", "secret", "stderr"])


@settings(max_examples=30, deadline=None)
@given(secret=SECRETS, place=PLACES)
def test_a_secret_planted_anywhere_is_not_in_the_report(secret: str, place: str) -> None:
    found = document_with(secret, place)
    assert secret not in everything(reviewed(found))


def document_with(secret: str, place: str) -> dict[str, Any]:
    found = evidence("clean")
    (pool,) = [one for one in found["live"] if one["kind"] == "Deployment"]
    (listed,) = [one for one in found["live"] if one["metadata"]["name"] == "pools-review"]
    container = pool["spec"]["template"]["spec"]["containers"][0]
    fields: dict[str, Any] = {}
    target = pool
    if place == "env":
        container["env"].append({"name": "PLAIN", "value": secret})
        fields = in_container({"f:env": {'k:{"name":"PLAIN"}': {".": {}, "f:name": {}, "f:value": {}}}})
    elif place == "annotation":
        pool["metadata"]["annotations"]["note"] = secret
        fields = {"f:metadata": {"f:annotations": {"f:note": {}}}}
    elif place == "command":
        container["command"] = ["/bin/sh", "-c", secret]
        fields = in_container({"f:command": {}})
    elif place == "data":
        target, fields = listed, {"f:data": {"f:extra": {}}}
        listed["data"]["extra"] = secret
    elif place == "secret":
        found["live"].append({"kind": "Secret", "apiVersion": "v1", "data": {"x": secret}, "metadata": {"name": "x"}})
    else:
        found["unread"] = [f"GET /x: Authorization: Bearer {secret}"]
    entry = {"manager": "kubectl", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    target["metadata"]["managedFields"].append(entry)
    return found


def in_container(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"runner"}': fields}}}}}


def many(count: int, letter: str) -> dict[str, Any]:
    found = evidence("drifted")
    binding = {"kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1"}
    names = [f"{letter * 200}-{number}" for number in range(count)]
    found["live"] += [{**binding, "metadata": {"name": name, "namespace": "review-pools"}} for name in names]
    found["unread"] = [f"{name}: no answer" for name in names]
    found["failure"] = letter * 10 * count
    return found


@settings(max_examples=12, deadline=None)
@given(count=st.integers(0, 1200), letter=st.sampled_from(["a", "|", "`", "<", "é", "𝕏", "*", "\\"]))
def test_the_comment_is_never_too_long_and_counts_what_it_cut(count: int, letter: str) -> None:
    text = markdown(reviewed(many(count, letter)))
    assert len(text.encode()) <= LIMIT_BYTES
    if count > 500:
        assert "more, cut" in text or "cut here" in text
    assert text.splitlines()[2].startswith("### ")


def test_an_error_keeps_the_path_that_was_refused() -> None:
    refusal = "secrets in gpu-runners-system: GET /api/v1/namespaces/gpu-runners-system/secrets-of-the-registrar: 403"
    assert without_secrets(refusal) == refusal


@pytest.mark.parametrize(
    ("annotation", "value", "shows"),
    [
        ("pulumi.com/skipAwait", "true", "true"),
        ("karpenter.sh/do-not-disrupt", "true", "true"),
        ("gpu-runners.dev/runner-labels", "cuda,large", "cuda,large"),
        ("pulumi.com/skipAwait", "the password is swordfish", HIDDEN),
        ("gpu-runners.dev/runner-labels", "ghp_0123456789abcdefghijklmnopqrstuvwxyz", HIDDEN),
        ("note", "true", HIDDEN),
        ("pulumi.com/skipAwait.note", "true", HIDDEN),
    ],
)
def test_annotations_that_steer_something_are_shown_and_no_other(annotation: str, value: str, shows: str) -> None:
    assert redacted(value, ("metadata", "annotations", annotation)) == shows
    assert shows in redacted({annotation: value}, ("metadata", "annotations"))


def test_a_safe_annotations_name_makes_no_other_field_safe() -> None:
    assert redacted("true", ("data", "pulumi.com/skipAwait")) == HIDDEN


def test_a_value_without_its_ciphertexts_is_otherwise_what_it_was() -> None:
    sealed = {SECRET_KEY: "x", "ciphertext": "v1:a"}
    value = {"a": 1, "list": [sealed, "b", [sealed]], "data": {"token": sealed}}
    assert masked(value) == {
        "a": 1, "list": [MASK, "b", [MASK]], "data": {"token": MASK},
    }  # fmt: skip


@pytest.mark.parametrize(("value", "shown"), [(MISSING, "-"), (None, "-"), ("", "hidden"), (0, "hidden")])
def test_of_a_hidden_value_only_is_said_whether_there_is_one(value: object, shown: str) -> None:
    assert hidden(value) == (HIDDEN if shown == "hidden" else shown)
