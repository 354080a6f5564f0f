"""The registrar is asked itself, through the API server; its silence is read off its pods."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from gpu_runners.doctor.core.findings import Finding, State
from gpu_runners.doctor.registrar import registrar, registrar_place
from tests.access.cluster.api_server import ApiServer, api_server

SERVICES = "/api/v1/namespaces/sys/services"
ASKED = f"{SERVICES}/https:registrar:8444/proxy/forge"
PODS = "/api/v1/namespaces/sys/pods"
OF_THE_REGISTRAR = {"app.kubernetes.io/name": "registrar"}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as it:
        yield it


def found(server: ApiServer, folder: Path, *, declared: bool = True) -> list[Finding]:
    choice = ClusterChoice(files=str(server.kubeconfig(folder / "config")))
    with ClusterConnection(choice) as cluster:
        return list(registrar(cluster, "sys", declared=declared))


def scope(state: str, problem: str = "", path: str = "mlops/guide") -> dict[str, Any]:
    return {"scope": path, "namespaces": ["dev"], "state": state, "problem": problem}


def pod(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "registrar", "state": state, **more}]}
    return {"metadata": {"name": "registrar-1", "labels": OF_THE_REGISTRAR}, "status": status}


def test_a_registrar_whose_forge_answers_is_well(server: ApiServer, tmp_path: Path) -> None:
    server.answers[ASKED] = {"scopes": [scope("answers")]}
    assert [finding.state for finding in found(server, tmp_path)] == [State.OK, State.OK]


def test_each_scope_is_told_apart_and_a_refusal_from_a_forge_that_is_away(server: ApiServer, tmp_path: Path) -> None:
    away = scope("unreachable", "list: TimeoutError from https://git.example.com", "mlops/b")
    server.answers[ASKED] = {"scopes": [scope("refuses", "list: 401 expired"), away]}
    ours, refused, unreachable = found(server, tmp_path)
    assert ours.state is State.OK
    assert (refused.state, unreachable.state) == (State.FAILED, State.FAILED)
    assert "mlops/guide" in refused.check
    assert "list: 401 expired" in refused.found
    assert "egress of the registrar" in unreachable.cure
    assert "TimeoutError from https://git.example.com" in unreachable.found


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([], "it is down: there is no pod of it"),
        (
            [{"metadata": {"deletionTimestamp": "2026-11-26T19:00:00Z", "labels": OF_THE_REGISTRAR}}],
            "it is down: there is no pod of it",
        ),
        ([pod({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})], "ImagePullBackOff no such"),
        (
            [pod({"waiting": {"reason": "CrashLoopBackOff"}}, lastState={"terminated": {"exitCode": 2}})],
            "CrashLoopBackOff, it ended with 2",
        ),
        ([pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})], "ended with 137 OOMKilled"),
        ([pod({"running": {}})], "its pod runs and does not answer the API server: no endpoints"),
    ],
)
def test_why_a_registrar_is_down_is_read_off_its_pods(
    server: ApiServer, tmp_path: Path, pods: list[Any], words: str
) -> None:
    server.refusals[ASKED] = (503, 'no endpoints available for service "registrar"')
    server.answers[PODS] = {"items": pods}
    (finding,) = found(server, tmp_path)
    assert finding.state is State.FAILED
    assert words in finding.found


def test_a_registrar_whose_pods_nobody_may_see_is_down_all_the_same(server: ApiServer, tmp_path: Path) -> None:
    server.refusals |= {ASKED: (503, "no endpoints"), PODS: (403, "forbidden")}
    (finding,) = found(server, tmp_path)
    assert (finding.state, "no endpoints" in finding.found) == (State.FAILED, True)


def test_who_may_not_ask_knows_nothing(server: ApiServer, tmp_path: Path) -> None:
    server.refusals[ASKED] = (403, "services is forbidden")
    assert [finding.state for finding in found(server, tmp_path)] == [State.UNKNOWN]


@pytest.mark.parametrize(("declared", "state"), [(True, State.OK), (False, State.UNKNOWN)])
def test_a_registrar_may_not_be_there_yet(server: ApiServer, tmp_path: Path, declared: bool, state: State) -> None:
    assert [finding.state for finding in found(server, tmp_path, declared=declared)] == [state]


def test_an_older_registrar_is_none_that_is_missing(server: ApiServer, tmp_path: Path) -> None:
    server.answers[f"{SERVICES}/registrar"] = {"kind": "Service"}
    (finding,) = found(server, tmp_path)
    assert (finding.state, "older than this program" in finding.found) == (State.UNKNOWN, True)


@pytest.mark.parametrize("answer", [{}, {"scopes": []}, {"scopes": "x"}, {"scopes": [7]}])
def test_an_answer_that_nobody_understands_is_no_verdict(server: ApiServer, tmp_path: Path, answer: Any) -> None:
    server.answers[ASKED] = answer
    assert [finding.state for finding in found(server, tmp_path)] == [State.UNKNOWN]


@pytest.mark.parametrize(
    ("url", "place"),
    [("https://registrar.sys.svc:8443", "sys"), ("https://elsewhere.example.com", ""), ("", ""), ("registrar", "")],
)
def test_where_the_registrar_is_stands_in_the_namespace_that_it_serves(
    server: ApiServer, tmp_path: Path, url: str, place: str
) -> None:
    server.answers["/api/v1/namespaces/dev/configmaps/registrar"] = {"data": {"url": url}}
    choice = ClusterChoice(files=str(server.kubeconfig(tmp_path / "config")))
    with ClusterConnection(choice) as cluster:
        assert registrar_place(cluster, "dev") == place
        assert registrar_place(cluster, "nobody") == ""
