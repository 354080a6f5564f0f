"""A runner is removed by the registrar of the stack's namespaces, which is asked through the API server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterRefusedError
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.runner_removal import RunnerRemoval
from tests.access.cluster.api_server import ApiServer, api_server
from values.contract import REMOVALS_AUDIENCE

TRUST = "/api/v1/namespaces/pools/configmaps/registrar"
TOKEN = "/api/v1/namespaces/system/serviceaccounts/registrar/token"
REMOVALS = "/api/v1/namespaces/system/services/https:registrar:8444/proxy/runners/removals"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as server:
        server.answers |= {
            TRUST: {"data": {"url": "https://registrar.system.svc:8443"}},
            TOKEN: {"status": {"token": "minted"}},
            REMOVALS: {"removed": "mallory"},
        }
        yield server


@pytest.fixture
def removal(server: ApiServer, tmp_path: Path) -> Iterator[RunnerRemoval]:
    choice = ClusterChoice(files=str(server.kubeconfig(tmp_path / "config")))
    with ClusterConnection(choice) as connection:
        yield RunnerRemoval(connection, ["without-runners", "pools"])


def test_the_registrar_is_asked_with_a_token_of_its_own(server: ApiServer, removal: RunnerRemoval) -> None:
    removal.remove("mlops/guide", 7, "mallory")
    assert server.asked[-2:] == [f"POST {TOKEN}", f"POST {REMOVALS}"]
    assert json.loads(server.bodies[TOKEN]) == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [REMOVALS_AUDIENCE], "expirationSeconds": 600},
    }
    asked = {"token": "minted", "scope": "mlops/guide", "id": 7, "name": "mallory"}
    assert json.loads(server.bodies[REMOVALS]) == asked


def test_its_words_are_told_and_no_advice_about_a_kubeconfig(server: ApiServer, removal: RunnerRemoval) -> None:
    server.refusals[REMOVALS] = (409, "runner mallory has a job")
    with pytest.raises(ReviewFailedError, match=r"the registrar did not remove it: runner mallory has a job$"):
        removal.remove("mlops/guide", 7, "mallory")


def test_whoever_may_not_make_its_token_removes_nothing(server: ApiServer, removal: RunnerRemoval) -> None:
    server.refusals[TOKEN] = (403, "serviceaccounts/token is forbidden")
    with pytest.raises(ClusterRefusedError):
        removal.remove("mlops/guide", 7, "mallory")
    assert f"POST {REMOVALS}" not in server.asked


@pytest.mark.parametrize("url", ["", "https://elsewhere.system.svc:8443", "nonsense", "https://registrar"])
def test_without_a_registrar_nothing_is_asked(server: ApiServer, removal: RunnerRemoval, url: str) -> None:
    server.answers[TRUST] = {"data": {"url": url}}
    with pytest.raises(ReviewFailedError, match="no namespace of this stack names a registrar"):
        removal.remove("mlops/guide", 7, "mallory")
    assert not [line for line in server.asked if line.startswith("POST")]
