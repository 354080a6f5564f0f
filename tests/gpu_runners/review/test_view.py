"""What a look asks the API server: one list for a kind and namespace, however many pools there are."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from gpu_runners.pulumi_command import opened
from gpu_runners.review.core.evidence import declared, key_of, namespaces
from gpu_runners.review.view import View
from tests.access.cluster.api_server import api_server
from tests.gpu_runners.review.core.recorded import evidence
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.program.stack_values import ROOT

Json = dict[str, Any]
PLATFORM: Final = evidence("platform")
POOLS: Final = evidence("clean")
LIVE: Final[list[Json]] = [*PLATFORM["live"], *POOLS["live"]]
STATE: Final[list[Json]] = [*PLATFORM["state"], *POOLS["state"]]
SPACES: Final = namespaces(declared(STATE).values())
SPACE: Final = "review-pools"
POOL: Final = "reviewed"
CLUSTER_WIDE: Final = frozenset(
    {"ClusterRoleBinding", "Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
)
PLURALS: Final = {"NetworkPolicy": "networkpolicies", "ValidatingAdmissionPolicy": "validatingadmissionpolicies"}
UNDECLARED: Final = (("v1", "PodTemplate"), ("cert-manager.io/v1", "Certificate"))  # somebody else's may be there


KINDS: Final = sorted({*((it["apiVersion"], it["kind"]) for it in LIVE), *UNDECLARED})


def plural(kind: str) -> str:
    return PLURALS.get(kind, f"{kind.lower().removesuffix('s')}s")


def resource(kind: str) -> Json:
    scope = "Cluster" if kind in CLUSTER_WIDE else "Namespaced"
    return {"resource": plural(kind), "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"]}


def discovery(kinds: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """`/api` and `/apis` as the API server says them to whoever asks for all at once."""
    groups: dict[str, dict[str, list[Json]]] = {}
    for version, kind in sorted(set(kinds)):
        group, _, number = version.rpartition("/")
        groups.setdefault(group, {}).setdefault(number, []).append(resource(kind))
    said = {
        name: {"metadata": {"name": name}, "versions": [{"version": v, "resources": r} for v, r in versions.items()]}
        for name, versions in groups.items()
    }
    return {"/api": {"items": [said.pop("")]}, "/apis": {"items": list(said.values())}}


def grown(pools: int) -> tuple[list[Json], list[Json]]:
    """State and live objects of a platform and so many pools, each with what its Deployment made."""
    state, live = list(STATE), list(LIVE)
    (ours,) = (it for it in STATE if it.get("id") == f"{SPACE}/{POOL}")
    made = [it for it in POOLS["live"] if it["kind"] in ("Deployment", "ReplicaSet", "Pod")]
    for number in range(1, pools):
        for it in made:
            metadata = it["metadata"] | {"name": f"{it['metadata']['name']}-{number}", "uid": f"{number}"}
            live.append({**it, "metadata": metadata})
        state.append({**ours, "id": f"{SPACE}/{POOL}-{number}", "urn": f"{ours['urn']}-{number}"})
    return state, live


def lists(version: str, kind: str, live: Iterable[Json]) -> dict[str, Json]:
    """Every list of a kind, by its path: of each namespace of ours, and of all."""
    root = f"/{'apis' if '/' in version else 'api'}/{version}"
    ours = [it for it in live if (it["apiVersion"], it["kind"]) == (version, kind)]
    inside = {
        f"{root}/namespaces/{space}/{plural(kind)}": [it for it in ours if it["metadata"].get("namespace") == space]
        for space in (SPACES if kind not in CLUSTER_WIDE else ())
    }
    return {path: {"items": items} for path, items in {**inside, f"{root}/{plural(kind)}": ours}.items()}


def looked(pools: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], View, list[Json]]:
    """The requests, the view, and what it saw, of an API server that holds what was recorded."""
    folder.mkdir()
    pulumi = StandInPulumi.make(folder, "echo '{}'", monkeypatch)
    state, live = grown(pools)
    with api_server() as server, opened(pulumi.program, "dev", None) as program:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(folder / "kubeconfig")))
        server.answers |= discovery(KINDS)
        for kind in KINDS:
            server.answers |= lists(*kind, live)
        view = View(program, state, "", frozenset({"runners"}))
        seen, _ = view.read()
    assert seen is not None
    return server.asked, view, seen


def test_a_look_takes_one_list_for_a_kind_and_namespace_however_many_pools_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[int, list[str]] = {}
    for pools in (1, 100):
        asked[pools], view, seen = looked(pools, tmp_path / str(pools), monkeypatch)
        assert view.unread == []
        assert sum(key_of(it)[:2] == ("Deployment.apps", SPACE) for it in seen) == pools
    assert [path for path, count in Counter(asked[100]).items() if count > 1] == []
    assert sorted(asked[100]) == sorted(asked[1])
    wide = len({kind for _, kind in KINDS} & CLUSTER_WIDE)
    others = [
        "GET /api", "GET /apis", "GET /apis/rbac.authorization.k8s.io/v1/rolebindings",
        f"GET /api/v1/namespaces/{SPACE}",
    ]  # fmt: skip
    assert set(others) <= set(asked[100])
    assert len(asked[100]) == len(others) + wide + (len(KINDS) - wide) * len(SPACES)


def test_whoever_looks_at_no_runner_group_waits_for_no_reader_of_a_config() -> None:
    script = "import sys, gpu_runners.review.commands.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "gpu_runners" in loaded
    assert loaded.isdisjoint({"config", "components", "pulumi_kubernetes"})
