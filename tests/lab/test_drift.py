"""Drift made by hand on every declared kind, in every way that people and programs have, is found: all of it, and
nothing that only looks like it.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
import yaml

from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from tests.lab import drift_table, harmless_table, stranger_table
from tests.lab.conftest import HERE, MakeStack
from tests.lab.drift_table import SPACE, Row
from tests.lab.hand import Hand, Json
from tests.lab.reviews import Reviews

POOLS = "drifted"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
FIRST = f"/apis/apps/v1/namespaces/{SPACE}/deployments/first"


@pytest.fixture(scope="module")
def stacks(make_stack: MakeStack, make_repository: Callable[[str], Repository]) -> tuple[Stack, Stack]:
    """A platform and three pools, of which one is autoscaled, as the last `up` left them."""
    make_repository("mlops/drifted")
    text = (HERE / "stacks" / "review.yaml").read_text().replace("reviewed", POOLS)
    platform = make_stack(f"{POOLS}-platform", yaml.safe_load(text)["config"])
    platform.up().succeeded()
    declared = [
        pool("first", gpu=gpus(1)),
        pool("second", replicas=0),
        pool("third", replicas=0),
        pool("scaled", replicas=0, autoscaled=True),
    ]
    pools = make_stack(POOLS, pools_config(*declared) | {"gpu-runners:namespace": SPACE})
    pools.up().succeeded()
    return platform, pools


@pytest.fixture(scope="module")
def hand(stacks: tuple[Stack, Stack], api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    """Whoever changes things. What they make of the whole cluster is gone afterwards."""
    managers = {path: manager for stack in stacks for path, manager in pulumis_names(stack)}
    yield Hand(api, tmp_path_factory.mktemp("hand"), managers)
    for path in stranger_table.OUTSIDE:
        api.delete(path)
    for place in (f"/apis/apps/v1/namespaces/{SPACE}/deployments", f"/api/v1/namespaces/{SPACE}/pods"):
        for item in api.items(place):
            api.patch(f"{place}/{item['metadata']['name']}", {"metadata": {"finalizers": None}})


def pulumis_names(stack: Stack) -> Iterator[tuple[str, str]]:
    """Where each object of a stack is, and as whom Pulumi wrote it."""
    for resource in exported(stack)["deployment"]["resources"]:
        manager = (resource.get("outputs") or {}).get("__fieldManager")
        if manager:
            namespace, _, name = resource["id"].rpartition("/")
            yield drift_table.at(resource["inputs"]["kind"], name, namespace), manager


def exported(stack: Stack) -> Json:
    """A stack's state."""
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", stack.name],
        cwd=stack.program, env=dict(stack.environment), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    state: Json = json.loads(done.stdout)
    return state


def looked(stack: Stack, *options: str) -> tuple[int, list[Json], Json]:
    code, report = Reviews(stack).report(*options)
    assert report["unread"] == []
    return code, report["drift"], report


def missed(rows: Sequence[Row], drift: list[Json]) -> list[str]:
    """Rows that no drift tells of."""
    return [
        str(row)
        for row in rows
        if not any(found["what"] == row.what and found["field"].startswith(row.field) for found in drift)
    ]


def beyond(rows: Sequence[Row], drift: list[Json]) -> list[str]:
    """Drift that no row made."""
    return [
        f"{found['what']} {found['field']}: {found['declared']} -> {found['live']}"
        for found in drift
        if not any(found["what"] == row.what and found["field"].startswith(row.field) for row in rows)
        and stranger_table.NAME not in found["what"]  # what controllers make of a stranger's
    ]


def test_two_stacks_that_nobody_touched_are_clean(stacks: tuple[Stack, Stack]) -> None:
    for stack in stacks:
        code, drift, report = looked(stack)
        assert (code, drift) == (0, []), report["verdict"]


def test_the_platform_is_looked_at_without_passphrase_and_credential(stacks: tuple[Stack, Stack]) -> None:
    platform = stacks[0]
    keys = platform.environment.keys() - {"PULUMI_CONFIG_PASSPHRASE", "FORGE_TOKEN"}
    without = {name: platform.environment[name] for name in keys}
    code, drift, _ = looked(replace(platform, environment=without))
    assert (code, drift) == (0, [])


def test_what_only_looks_like_drift_is_none(stacks: tuple[Stack, Stack], hand: Hand, api: KubernetesApi) -> None:
    made = harmless_table.make(hand, api)
    assert len(made) >= 30
    until("the pool has its pod again", lambda: api.get(FIRST)["status"].get("readyReplicas") == 1, 60)
    for stack in stacks:
        code, drift, report = looked(stack)
        assert (code, [(found["what"], found["field"], found["live"]) for found in drift]) == (0, []), report


def test_everything_that_was_done_by_hand_is_found_and_nothing_else(
    stacks: tuple[Stack, Stack], hand: Hand, api: KubernetesApi
) -> None:
    system = f"/api/v1/namespaces/{drift_table.SYSTEM}/secrets"
    names = [item["metadata"]["name"] for item in api.items(system)]
    (credential,) = [name for name in names if name.startswith("forge-credential")]
    on_platform = list(drift_table.platform_rows(credential))
    on_pools = list(drift_table.pool_rows(POOLS))
    strangers = list(stranger_table.rows(api))
    assert len(on_platform) + len(on_pools) + len(strangers) >= 60
    first = len(drift_table.ADMISSION) + 1
    for row in on_platform[:first]:
        row.make(hand)
    until("admission only watches", lambda: admitted(api), 30)
    for row in [*strangers, *on_platform[first:], *on_pools]:
        row.make(hand)
    until("the pool that was deleted has let go", lambda: not of_third(api), 30)
    _, of_platform, report = looked(stacks[0], "--without", "runners")
    _, of_pools, other = looked(stacks[1], "--without", "runners")
    assert missed(on_platform, of_platform) == []
    assert missed(on_pools, of_pools) == []
    assert missed(strangers, [*of_platform, *of_pools]) == []
    assert beyond([*on_platform, *strangers], of_platform) == []
    assert beyond([*on_pools, *on_platform, *strangers], of_pools) == []
    assert "planted-Zq81xv" not in json.dumps([report, other])


def of_third(api: KubernetesApi) -> list[str]:
    """ReplicaSets of the pool that is deleted."""
    names = [item["metadata"]["name"] for item in api.items(f"/apis/apps/v1/namespaces/{SPACE}/replicasets")]
    return [name for name in names if name.startswith("third-")]


def admitted(api: KubernetesApi) -> bool:
    """Whether a pool, and a pod's label, that no policy allows would be let in: each policy is forgotten by itself."""
    changed: Json = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    label: Json = {"metadata": {"labels": {"team": "x"}}}
    pods = [f"{PODS}/{pod['metadata']['name']}" for pod in api.items(PODS)]
    asked = [(FIRST, changed), *((pod, label) for pod in pods)]
    return all(api.attempt("PATCH", f"{path}?dryRun=All", body).is_success for path, body in asked)
