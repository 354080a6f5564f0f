"""Whether the claims of pools' caches are there is known before anything is declared."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.claims import ClaimMissingError, require_claims
from access.cluster.errors import ClusterUnreachableError
from tests.access.cluster.api_server import ApiServer, api_server
from tests.components.pools.test_runner_deployment import CUDA
from values.pool import RunnerPool

SPACE = CUDA["namespace"]
CLAIM = f"/api/v1/namespaces/{SPACE}/persistentvolumeclaims/models"
CLASS = "/apis/storage.k8s.io/v1/storageclasses/shared"


def claim(phase: str = "Bound", storage_class: str | None = "shared", **metadata: Any) -> dict[str, Any]:
    spec = {} if storage_class is None else {"storageClassName": storage_class}
    return {"metadata": {"name": "models", **metadata}, "spec": spec, "status": {"phase": phase}}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as it:
        it.answers |= {CLAIM: claim(), CLASS: {"volumeBindingMode": "Immediate"}}
        yield it


def mounting(*claims: str) -> RunnerPool:
    pool = copy.deepcopy(CUDA)
    pool["caches"] = [{"claim": name, "writable": False} for name in claims]
    return pool


def warnings(server: ApiServer, folder: Path, *pools: RunnerPool, made: tuple[str, ...] = ()) -> list[str]:
    choice = ClusterChoice.of_stack({}, {"KUBECONFIG": str(server.kubeconfig(folder / "kubeconfig"))})
    warned: list[str] = []
    require_claims(choice, pools or (mounting("models"),), made, warned.append)
    return warned


def refusal(server: ApiServer, folder: Path, *pools: RunnerPool) -> str:
    with pytest.raises(ClaimMissingError) as caught:
        warnings(server, folder, *pools)
    return str(caught.value)


def test_pools_without_caches_and_caches_of_the_stack_itself_ask_nobody(server: ApiServer, tmp_path: Path) -> None:
    assert warnings(server, tmp_path, CUDA) == []
    assert warnings(server, tmp_path, mounting("models"), made=(SPACE,)) == []
    assert server.asked == []


def test_a_claim_that_is_bound_is_asked_for_once_and_nothing_is_said(server: ApiServer, tmp_path: Path) -> None:
    assert warnings(server, tmp_path, mounting("models"), mounting("models")) == []
    assert server.asked == [f"GET {CLAIM}"]


def test_claims_that_are_not_there_are_all_told_with_who_makes_them(server: ApiServer, tmp_path: Path) -> None:
    text = refusal(server, tmp_path, mounting("models", "modles", "data"))
    assert "2 problems with the caches of the pools; nothing was changed:" in text
    for name in ("modles", "data"):
        assert f"cache {name} of {SPACE}: found a claim that does not exist" in text
    assert f"`kubectl --namespace {SPACE} get persistentvolumeclaims` lists what is there" in text
    assert f"added to `caches` of the environment {SPACE} and bring up the platform's stack" in text


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (claim(deletionTimestamp="2026-11-27T00:00:00Z"), "a claim that is being deleted"),
        (claim("Lost"), "a claim whose volume is gone"),
    ],
)
def test_a_claim_that_no_pod_can_have_is_told(
    server: ApiServer, tmp_path: Path, answer: dict[str, Any], found: str
) -> None:
    server.answers[CLAIM] = answer
    assert found in refusal(server, tmp_path)


def test_a_claim_that_waits_for_its_first_pod_is_as_good_as_bound(server: ApiServer, tmp_path: Path) -> None:
    server.answers |= {CLAIM: claim("Pending"), CLASS: {"volumeBindingMode": "WaitForFirstConsumer"}}
    assert warnings(server, tmp_path) == []


@pytest.mark.parametrize(("storage_class", "found"), [
    ("shared", "a claim without a volume;"), ("gone", "whose StorageClass gone does not exist"),
    ("", "a claim without a volume;"), (None, "a claim without a volume;"),
])  # fmt: skip
def test_a_claim_that_nothing_binds_yet_is_warned_about(
    server: ApiServer, tmp_path: Path, storage_class: str | None, found: str
) -> None:
    """No more than that: storage comes in its own time, and a volume made by hand may come later."""
    server.answers[CLAIM] = claim("Pending", storage_class)
    (warning,) = warnings(server, tmp_path)
    assert found in warning
    assert f"`kubectl --namespace {SPACE} describe persistentvolumeclaim models`" in warning


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_without_the_right_to_look_nothing_is_said(server: ApiServer, tmp_path: Path, status: int) -> None:
    server.answers[CLAIM] = claim("Pending")
    server.refusals[CLASS] = (status, "no")
    assert warnings(server, tmp_path) == []
    server.refusals[CLAIM] = (status, "no")
    assert warnings(server, tmp_path) == []


@pytest.mark.parametrize("answer", [{}, {"metadata": [], "spec": {}}, claim("Pending") | {"spec": None}])
def test_a_claim_of_another_shape_is_no_claim(server: ApiServer, tmp_path: Path, answer: dict[str, Any]) -> None:
    server.answers[CLAIM] = answer
    with pytest.raises(ClusterUnreachableError, match="another shape"):
        warnings(server, tmp_path)
