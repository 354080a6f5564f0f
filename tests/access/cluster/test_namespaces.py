"""A namespace that is there and somebody else's is refused before anything is declared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterRefusedError
from access.cluster.namespaces import NamespaceTakenError, require_own_namespaces, require_unused_namespace
from tests.access.cluster.api_server import ApiServer, api_server
from values.contract import OWN_LABELS, STACK_ANNOTATION

PATH = "/api/v1/namespaces/"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as it:
        yield it


def require(server: ApiServer, folder: Path, *names: str) -> None:
    require_own_namespaces(ClusterChoice(files=str(server.kubeconfig(folder / "config"))), names, "prod")


def namespace(labels: dict[str, str] | None = None, stack: str = "", **more: Any) -> dict[str, Any]:
    annotations = {STACK_ANNOTATION: stack} if stack else {}
    return {"metadata": {"labels": labels or {}, "annotations": annotations, **more}}


def test_what_is_not_there_or_the_stacks_own_may_be_declared(server: ApiServer, tmp_path: Path) -> None:
    server.answers[f"{PATH}ours"] = namespace({**OWN_LABELS, "more": "x"}, "prod")
    server.answers[f"{PATH}of-an-older-version"] = namespace(dict(OWN_LABELS))
    require(server, tmp_path, "ours", "of-an-older-version", "new")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (namespace(), "one that this program did not make"),
        (namespace({"app.kubernetes.io/managed-by": "pulumi"}), "one that this program did not make"),
        (namespace({**OWN_LABELS, "app.kubernetes.io/managed-by": "helm"}), "one that this program did not make"),
        (namespace(dict(OWN_LABELS), "dev"), "that of the stack dev"),
        (namespace(dict(OWN_LABELS), deletionTimestamp="2026-01-01T00:00:00Z"), "one that is being deleted"),
    ],
)
def test_all_others_are_refused_at_once_each_with_its_cure(
    server: ApiServer, tmp_path: Path, found: dict[str, Any], words: str
) -> None:
    server.answers |= {f"{PATH}theirs": found, f"{PATH}default-too": namespace()}
    with pytest.raises(NamespaceTakenError) as refused:
        require(server, tmp_path, "theirs", "new", "default-too")
    text = str(refused.value)
    assert text.startswith("2 problems with the namespaces of this stack; nothing was changed:")
    assert f"namespace theirs: found {words}; allowed: one that is not there" in text
    assert "namespace default-too: found " in text
    assert all(asked.startswith("GET ") for asked in server.asked)


def test_a_stack_without_a_platform_asks_nobody(server: ApiServer, tmp_path: Path) -> None:
    require(server, tmp_path)
    assert server.asked == []


def test_who_may_not_look_may_not_declare(server: ApiServer, tmp_path: Path) -> None:
    server.refusals[f"{PATH}theirs"] = (403, "forbidden")
    with pytest.raises(ClusterRefusedError):
        require(server, tmp_path, "theirs")


def require_unused(server: ApiServer, folder: Path) -> None:
    with ClusterConnection(ClusterChoice(files=str(server.kubeconfig(folder / "config")))) as cluster:
        require_unused_namespace(cluster, "theirs", "prod")


def test_one_that_a_stack_of_the_same_name_works_in_is_refused_with_its_cure(server: ApiServer, tmp_path: Path) -> None:
    server.answers[f"{PATH}theirs"] = namespace(dict(OWN_LABELS), "prod")
    server.answers[f"{PATH}theirs/serviceaccounts"] = {
        "items": [{"metadata": {"name": "runner", "labels": OWN_LABELS}}]
    }
    with pytest.raises(NamespaceTakenError) as refused:
        require_unused(server, tmp_path)
    text = str(refused.value)
    assert "namespace theirs: found one that a stack prod with another state has made and works in; allowed: " in text
    assert f"`kubectl annotate namespace theirs {STACK_ANNOTATION}-`" in text


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(None, id="none"),
        pytest.param(namespace(dict(OWN_LABELS)), id="handed over by a person"),
        pytest.param(namespace(dict(OWN_LABELS), "prod"), id="left empty by an up that was killed"),
    ],
)
def test_one_that_is_free_or_this_stacks_without_its_knowledge_is_made(
    server: ApiServer, tmp_path: Path, found: dict[str, Any] | None
) -> None:
    server.answers |= {f"{PATH}theirs": found} if found else {}
    server.answers[f"{PATH}theirs/serviceaccounts"] = {"items": [{"metadata": {"name": "default"}}]}
    require_unused(server, tmp_path)
