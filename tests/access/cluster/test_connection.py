"""What is shown to an API server, and what its answers mean; over real HTTP."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterChoiceError, ClusterLoginError, ClusterRefusedError, ClusterUnreachableError
from tests.access.cluster.api_server import ApiServer, api_server


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as it:
        yield it


def connected(server: ApiServer, folder: Path, user: dict[str, Any] | None = None) -> ClusterConnection:
    return ClusterConnection(ClusterChoice(files=str(server.kubeconfig(folder / "kubeconfig", user))))


def plugin(path: Path, text: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    """A user whose credential that script makes."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(path), **more}}


def test_a_token_that_rotates_on_disk_is_read_anew(server: ApiServer, tmp_path: Path) -> None:
    server.token = "first"
    (tmp_path / "token").write_text("first\n")
    with connected(server, tmp_path, {"tokenFile": "token"}) as cluster:
        assert cluster.get("/version")
        server.token = "second"
        (tmp_path / "token").write_text("second\n")
        assert cluster.get("/version")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credential_plugin_is_asked_anew_where_its_token_is_over(
    server: ApiServer, tmp_path: Path, version: str
) -> None:
    (tmp_path / "token").write_text("first")
    text = f"""case $KUBERNETES_EXEC_INFO in *"{version}"*) ;; *) exit 3 ;; esac
printf '{{"kind": "ExecCredential", "status": {{"token": "%s"}}}}' "$(cat {tmp_path}/token)" """
    server.token = "first"
    with connected(server, tmp_path, plugin(tmp_path / "plugin", text, version)) as cluster:
        assert cluster.get("/version")
        server.token = "second"
        (tmp_path / "token").write_text("second")
        assert cluster.get("/version")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no login >&2; exit 1", "ended with 1: no login"),
        ("echo '{}'", "gave no token"),
        ("echo nonsense", "gave no token"),
    ],
)
def test_a_credential_plugin_that_fails_is_named(server: ApiServer, tmp_path: Path, text: str, said: str) -> None:
    cluster = connected(server, tmp_path, plugin(tmp_path / "plugin", text))
    with cluster, pytest.raises(ClusterLoginError, match=f"plugin .*/plugin {said}"):
        cluster.get("/version")
    assert server.asked == []


def test_a_credential_plugin_that_is_not_there_is_named_with_its_own_hint(server: ApiServer, tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    user = {"exec": {"apiVersion": version, "command": "no-such-plugin", "installHint": "get it from the cloud"}}
    cluster = connected(server, tmp_path, user)
    with cluster, pytest.raises(ClusterLoginError, match=r"no-such-plugin.*get it from the cloud"):
        cluster.get("/version")


@pytest.mark.parametrize(
    "user",
    [
        {"client-certificate": "nowhere.crt", "client-key": "nowhere.key"},
        {"client-certificate-data": "bm90aGluZw==", "client-key-data": "bm90aGluZw=="},
        {"client-certificate-data": "odd"},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v9", "command": "plugin"}},
    ],
)
def test_a_credential_that_cannot_be_used_is_named_with_the_context(
    server: ApiServer, tmp_path: Path, user: dict[str, Any]
) -> None:
    with pytest.raises(ClusterChoiceError, match=r"cannot be used: .*Correct the context it of the kubeconfig"):
        connected(server, tmp_path, user)


def test_a_context_without_a_user_shows_nothing(server: ApiServer, tmp_path: Path) -> None:
    with connected(server, tmp_path, {}) as cluster:
        assert cluster.get("/version")


def test_a_refusal_has_its_status_and_the_servers_words(server: ApiServer, tmp_path: Path) -> None:
    with connected(server, tmp_path) as cluster:
        assert cluster.find("/api/v1/nodes") is None
        with pytest.raises(ClusterRefusedError, match="GET /api/v1/nodes: 404 not found") as refused:
            cluster.get("/api/v1/nodes")
        assert (refused.value.status, refused.value.message) == (404, "not found")
        server.token = "another"
        with pytest.raises(ClusterRefusedError, match="Renew the credential"):
            cluster.find("/api/v1/nodes")


@pytest.mark.parametrize("answer", [[], None, "text"])
def test_an_answer_that_is_no_api_servers_is_no_answer(server: ApiServer, tmp_path: Path, answer: Any) -> None:
    server.answers["/version"] = answer
    with connected(server, tmp_path) as cluster, pytest.raises(ClusterUnreachableError, match="no JSON object"):
        cluster.get("/version")


@pytest.mark.parametrize(
    "answer",
    [
        {"items": "none"},
        {"items": {"a": 1}},
        {"items": [None]},
        {"items": [{}]},
        {"items": [{"metadata": None}]},
        {"items": [{"metadata": {"name": 7}}]},
        {"items": [], "metadata": "x"},
        {"items": [], "metadata": {"continue": 7}},
        {"items": [], "metadata": {"continue": "for ever"}},
    ],
)
def test_a_list_of_no_objects_or_without_an_end_is_no_answer(server: ApiServer, tmp_path: Path, answer: Any) -> None:
    server.answers["/api/v1/nodes"] = answer
    with connected(server, tmp_path) as cluster, pytest.raises(ClusterUnreachableError, match="/api/v1/nodes"):
        list(cluster.items("/api/v1/nodes"))
    assert len(server.asked) <= 2


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"items": [], "metadata": None}])
def test_an_absent_list_is_an_empty_one(server: ApiServer, tmp_path: Path, answer: Any) -> None:
    server.answers["/api/v1/nodes"] = answer
    with connected(server, tmp_path) as cluster:
        assert list(cluster.items("/api/v1/nodes")) == []


def test_an_answer_that_nests_without_end_is_none(server: ApiServer, tmp_path: Path) -> None:
    deep = 100_000  # 5,000 is read by some versions of Python
    server.answers["/version"] = b'{"a":' * deep + b"1" + b"}" * deep
    with connected(server, tmp_path) as cluster, pytest.raises(ClusterUnreachableError, match="no JSON object"):
        cluster.get("/version")


def test_what_happens_to_objects_is_told_as_it_happens(server: ApiServer, tmp_path: Path) -> None:
    event = {"type": "ADDED", "object": {"metadata": {"name": "a"}}}
    server.answers["/api/v1/pods"] = event
    with connected(server, tmp_path) as cluster:
        assert list(cluster.watch("/api/v1/pods", {"resourceVersion": "7"}, 1)) == [event]


def test_a_watch_that_is_refused_or_tells_no_events_says_so(server: ApiServer, tmp_path: Path) -> None:
    server.refusals["/api/v1/pods"] = (403, "no")
    server.answers["/api/v1/nodes"] = {"items": []}
    with connected(server, tmp_path) as cluster:
        with pytest.raises(ClusterRefusedError):
            list(cluster.watch("/api/v1/pods", {}, 1))
        with pytest.raises(ClusterUnreachableError, match="no event"):
            list(cluster.watch("/api/v1/nodes", {}, 1))


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\\u000b\\u001c"])
def test_what_somebody_wrote_ends_no_line_of_a_watch(server: ApiServer, tmp_path: Path, end: str) -> None:
    told = f'{{"type":"ADDED","object":{{"metadata":{{"name":"a","annotations":{{"note":"x{end}y"}}}}}}}}'.encode()
    server.answers["/api/v1/pods"] = told + b"\n" + told + b"\n"
    with connected(server, tmp_path) as cluster:
        events = list(cluster.watch("/api/v1/pods", {}, 1))
    assert [event["object"]["metadata"]["name"] for event in events] == ["a", "a"]


def test_managed_fields_that_cannot_be_read_hide_no_object(server: ApiServer, tmp_path: Path) -> None:
    deep = b'{"f:a":' * 5000 + b"{}" + b"}" * 5000
    pod = b'{"metadata":{"managedFields":[{"fieldsV1":' + deep + b'}],"name":"a"}}'
    server.answers["/api/v1/pods"] = b'{"items":[' + pod + b"]}"
    server.answers["/api/v1/events"] = b'{"type":"ADDED","object":' + pod + b"}\n"
    with connected(server, tmp_path) as cluster:
        assert [item["metadata"]["name"] for item in cluster.items("/api/v1/pods")] == ["a"]
        (event,) = cluster.watch("/api/v1/events", {}, 1)
    assert event["object"]["metadata"]["name"] == "a"
