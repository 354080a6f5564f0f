"""`/runners` tells which registration belongs to which pod, and guesses nothing."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registrar.forges.forge import Pace, Runner
from registrar.situation import drift_of, report_of
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import runner_pod
from tests.registrar.test_reading import read as read_pod

LIST = "GET /api/v1/repos/mlops/guide/actions/runners"


async def read(world: World) -> tuple[int, Any]:
    async with world.http.get(f"{world.status_url}/runners") as response:
        return response.status, await response.json()


async def registered(world: World) -> dict[str, Any]:
    """A pod with its registration; returns the registration as the forge holds it."""
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await until(world.store.pods)
    assert (await world.register(pod))[0] == 200
    await until(lambda: any(pod.runner_id for pod in world.store.pods()))
    return next(iter(world.gitea.runners.values()))


async def test_a_runner_is_listed_with_its_pod(world: World) -> None:
    await registered(world)
    status, body = await read(world)
    assert status == 200
    (entry,) = body["runners"]
    assert (entry["pod"], entry["problem"]) == ("runners/cuda-abc-aaaaa", "")
    assert (entry["scope"], entry["labels"]) == ("mlops/guide", ["cml-gpu"])


async def test_a_pod_that_goes_while_the_forge_lists_its_runner_is_still_the_one_that_has_it(world: World) -> None:
    """Else its runner would be shown as nobody's, and a repair would ask to have it removed."""
    await registered(world)
    listings = world.gitea.calls.count(LIST)
    world.gitea.slow["/actions/runners"] = 0.5
    reading = asyncio.create_task(read(world))
    await until(lambda: world.gitea.calls.count(LIST) > listings)
    await world.cluster.vanish("runners", "cuda-abc-aaaaa")
    await until(lambda: not world.store.pods())
    assert not reading.done()
    (entry,) = (await reading)[1]["runners"]
    assert entry["pod"] == "runners/cuda-abc-aaaaa"


async def test_a_runner_that_somebody_registered_by_hand_has_no_pod(world: World) -> None:
    runner = await registered(world)
    world.gitea.runners[99] = {**runner, "id": 99, "name": "mallory", "ephemeral": False}
    by_name = {entry["name"]: entry for entry in (await read(world))[1]["runners"]}
    assert by_name["mallory"]["pod"] is None
    assert by_name["mallory"]["ephemeral"] is False


async def test_a_label_that_was_changed_at_the_forge_is_named(world: World) -> None:
    runner = await registered(world)
    runner["labels"] = [{"name": "release"}]
    (entry,) = (await read(world))[1]["runners"]
    assert entry["problem"] == "labels are 'release', declared 'cml-gpu'"


async def test_nothing_is_listed_while_the_forge_is_away(world: World) -> None:
    world.gitea.failing = 500
    status, body = await read(world)
    assert (status, body["reason"]) == (503, "ForgeUnknown")


TWO_SCOPES = {
    "grants": [
        {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None},
        {"namespace": "slow", "scope": "mlops/slow", "serviceAccounts": ["runner"], "runnerGroup": None},
    ]
}


@pytest.mark.parametrize("world", [TWO_SCOPES], indirect=True)
async def test_a_broken_scope_costs_only_itself_and_is_said(world: World) -> None:
    world.gitea.broken = "/mlops/slow/"
    await registered(world)
    status, body = await read(world)
    assert status == 200
    assert [entry["pod"] for entry in body["runners"]] == ["runners/cuda-abc-aaaaa"]
    assert body["scopes"] == [
        {"scope": "mlops/guide", "namespaces": ["runners"], "problem": ""},
        {"scope": "mlops/slow", "namespaces": ["slow"], "problem": "list: the forge answers 500"},
    ]


async def forge(world: World) -> list[tuple[str, str, str]]:
    """What `/forge` says: scope, state and problem of each."""
    async with world.http.get(f"{world.status_url}/forge") as response:
        assert response.status == 200
        return [(entry["scope"], entry["state"], entry["problem"]) for entry in (await response.json())["scopes"]]


@pytest.mark.parametrize("world", [TWO_SCOPES], indirect=True)
async def test_whether_the_forge_answers_is_told_for_each_scope_also_where_none_does(world: World) -> None:
    world.gitea.broken = "/mlops/slow/"
    assert await forge(world) == [
        ("mlops/guide", "answers", ""),
        ("mlops/slow", "unreachable", "list: the forge answers 500"),
    ]


@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_a_credential_that_is_not_accepted_is_told_from_a_forge_that_is_away(tmp_path: Path, kind: str) -> None:
    async with open_world(tmp_path, kind, Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)) as world:
        world.credential.write_text("expired\n")
        ((scope, state, problem),) = await forge(world)
        assert (scope, state) == ("mlops/guide", "refuses")
        assert "credential" in problem
        assert "expired\n" not in problem


@pytest.mark.parametrize("world", [TWO_SCOPES], indirect=True)
async def test_a_slow_scope_keeps_nobody_waiting_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registrar.roster.SCOPE_SECONDS", 0.5)
    world.gitea.slow = {"/mlops/slow/": 9.0}
    status, body = await read(world)
    assert status == 200
    assert [scope["problem"] for scope in body["scopes"]] == ["", "mlops/slow: no answer of the forge within 0.5 s"]


async def test_the_answer_holds_no_credential(world: World) -> None:
    await registered(world)
    text = str((await read(world))[1])
    assert all(secret not in text for secret in (world.gitea.token, *world.gitea.secrets))


@pytest.mark.parametrize(
    ("groups", "granted", "problem"),
    [
        (frozenset(), "gpu", ""),
        (frozenset({"gpu"}), "gpu", ""),
        (frozenset({"Default", None}), None, ""),
        (frozenset({"Default", None}), "Default", ""),
        (frozenset({"Default", None}), "gpu", "its runner group is 'Default', declared 'gpu'"),
        (frozenset({"gpu"}), None, "its runner group is 'gpu', declared 'the default one'"),
    ],
)
def test_a_runner_in_another_group_than_was_granted_differs_from_its_pod(
    groups: frozenset[str | None], granted: str | None, problem: str
) -> None:
    pod = read_pod(runner_pod())
    runner = Runner(
        id=1, name=pod.name, online=True, busy=False, cordoned=False, ephemeral=True,
        labels=frozenset(pod.runner_labels), groups=groups, warning="old",
    )  # fmt: skip
    assert drift_of(pod, runner, granted) == problem
    assert report_of(pod, runner, granted) == "; ".join(filter(None, (problem, "old")))


def test_labels_that_differ_in_case_alone_are_no_drift() -> None:
    pod = read_pod(runner_pod())
    labels = frozenset(label.upper() for label in pod.runner_labels)
    runner = Runner(
        id=1, name=pod.name, online=True, busy=False, cordoned=False, ephemeral=True, labels=labels | {"Linux"},
        given_labels=frozenset({"linux"}),
    )  # fmt: skip
    assert drift_of(pod, runner, None) == ""
    assert "labels are" in drift_of(pod, replace(runner, labels=labels | {"big"}), None)
