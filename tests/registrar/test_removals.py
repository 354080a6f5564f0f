"""A runner that somebody registered by hand is removed when a repair asks for it, and no other runner ever is."""

import asyncio
from typing import Any

import pytest

from registrar.answering import REQUEST_LIMIT_BYTES
from registrar.forges.forge import Runner
from registrar.strangers import reason_to_keep
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod
from values.contract import REMOVALS_AUDIENCE
from values.scope import Scope

OWN = "system:serviceaccount:sys:registrar"


async def with_stranger(world: World, **changes: Any) -> dict[str, Any]:
    """A pod with its runner, and somebody's runner 99 that takes the same jobs."""
    world.follow()
    pod = runner_pod()
    await world.cluster.create(pod)
    await world.cluster.declare()
    await until(lambda: world.store.pods() and world.service.declared.knows("runners"))
    assert (await world.register(pod))[0] == 200
    own = next(iter(world.gitea.runners.values()))
    stranger = {**own, "id": 99, "name": "mallory", "ephemeral": False, "busy": False, **changes}
    world.gitea.runners[99] = stranger
    return stranger


async def remove(world: World, *, claims: dict[str, Any] | None = None, **changes: Any) -> tuple[int, Any]:
    token = world.cluster.token(None, **({"aud": REMOVALS_AUDIENCE, "sub": OWN} | (claims or {})))
    asked = {"token": token, "scope": "mlops/guide", "id": 99, "name": "mallory", **changes}
    async with world.http.post(f"{world.status_url}/runners/removals", json=asked) as response:
        return response.status, await response.json()


async def kept(world: World) -> str:
    async with world.http.get(f"{world.status_url}/runners") as response:
        entries = (await response.json())["runners"]
    return str(next(entry["kept"] for entry in entries if entry["name"] == "mallory"))


async def test_a_stranger_is_cordoned_looked_at_for_a_job_and_removed(world: World) -> None:
    await with_stranger(world)
    assert await kept(world) == ""
    assert (await remove(world))[0] == 200
    assert 99 not in world.gitea.runners
    base = "/api/v1/repos/mlops/guide/actions"
    done = [call for call in world.gitea.calls if call.endswith(("/99", "/jobs"))][-3:]
    assert done == [f"PATCH {base}/runners/99", f"GET {base}/jobs", f"DELETE {base}/runners/99"]


async def test_a_removal_goes_on_to_its_end_though_whoever_asked_hangs_up(world: World) -> None:
    """Else the runner would stay cordoned, and nobody would know why it gets no job."""
    await with_stranger(world)
    asking = asyncio.create_task(remove(world))
    await until(lambda: world.gitea.runners[99]["disabled"])
    asking.cancel()
    await asyncio.wait([asking])
    await until(lambda: 99 not in world.gitea.runners)


async def test_a_question_that_is_longer_than_any_is_not_read(world: World) -> None:
    await with_stranger(world)
    asked = {"token": "x" * REQUEST_LIMIT_BYTES, "scope": "mlops/guide", "id": 99, "name": "mallory"}
    async with world.http.post(f"{world.status_url}/runners/removals", json=asked) as response:
        assert response.status == 413
    assert 99 in world.gitea.runners


async def test_one_that_is_gone_is_no_error(world: World) -> None:
    await with_stranger(world)
    del world.gitea.runners[99]
    assert (await remove(world))[0] == 200


async def test_a_stranger_with_a_job_stays_cordoned_and_is_removed_after_it_whatever_its_flag_says(
    world: World,
) -> None:
    await with_stranger(world, busy=False)
    world.gitea.job(7, runner_id=99)
    status, body = await remove(world)
    assert (status, body["reason"]) == (409, "RunnerBusy")
    assert world.gitea.runners[99]["disabled"] is True
    world.gitea.job(7, runner_id=99, status="completed")
    world.gitea.runners[99]["busy"] = True
    assert (await remove(world))[0] == 200
    assert 99 not in world.gitea.runners


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"id": 1, "name": "cuda-abc-aaaaa"}, 403, "RunnerOwned"),
        ({"name": "alice"}, 409, "RunnerChanged"),
        ({"scope": "mlops/other"}, 404, "ScopeUnknown"),
        ({"scope": "../mlops/guide"}, 404, "ScopeUnknown"),
        ({"id": "99; DROP"}, 400, "RemovalMalformed"),
        ({"id": True}, 400, "RemovalMalformed"),
        ({"name": ""}, 400, "RemovalMalformed"),
        ({"token": ""}, 400, "RemovalMalformed"),
        ({"token": "x.y.z"}, 401, "TokenMalformed"),
    ],
)
async def test_nothing_else_is_removed(world: World, changes: dict[str, Any], status: int, reason: str) -> None:
    await with_stranger(world)
    before = dict(world.gitea.runners)
    answer = await remove(world, **changes)
    assert (answer[0], answer[1]["reason"]) == (status, reason)
    assert world.gitea.runners == before


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "system:serviceaccount:runners:runner"}, "AccountNotAllowed"),
        ({"sub": "system:serviceaccount:runners:registrar"}, "AccountNotAllowed"),
        ({"sub": "system:serviceaccount:sys:registrar:x"}, "AccountNotAllowed"),
        ({"aud": "registrar"}, "TokenAudience"),
        ({"aud": "https://kubernetes.default.svc"}, "TokenAudience"),
        ({"exp": 1}, "TokenExpired"),
        ({"iss": "https://elsewhere"}, "TokenIssuer"),
    ],
)
async def test_nobody_but_who_may_make_the_registrars_tokens_is_heard(
    world: World, claims: dict[str, Any], reason: str
) -> None:
    await with_stranger(world)
    status, body = await remove(world, claims=claims)
    assert (status, body["reason"]) in {(401, reason), (403, reason)}
    assert 99 in world.gitea.runners


async def test_a_runner_that_offers_what_no_pool_of_ours_does_is_its_owners(world: World) -> None:
    await with_stranger(world, labels=[{"name": "cml-gpu"}, {"name": "their-own"}])
    assert await kept(world) == "it offers their-own, which no pool of ours does"
    status, body = await remove(world)
    assert (status, body["reason"]) == (403, "RunnerNotOurs")
    assert world.gitea.runners[99].get("disabled") is not True


async def test_nothing_is_removed_while_pods_cannot_be_listed(world: World) -> None:
    await with_stranger(world)
    world.cluster.away = True
    status, body = await remove(world)
    assert (status, body["reason"]) == (503, "PodsUnknown")
    assert 99 in world.gitea.runners


def stranger(*labels: str, groups: tuple[str | None, ...] = (), given: tuple[str, ...] = ()) -> Runner:
    return Runner(
        id=1, name="x", online=True, busy=False, cordoned=False, ephemeral=False,
        labels=frozenset(labels), groups=frozenset(groups), given_labels=frozenset(given),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("runner", "scope", "is_kept"),
    [
        (stranger("gpu"), "mlops/guide", False),
        (stranger("GPU"), "mlops", False),
        (stranger("self-hosted", "gpu"), "mlops", False),
        (stranger("gpu", "Linux", "X64", given=("self-hosted", "Linux", "X64")), "mlops/guide", False),
        (stranger("self-hosted"), "mlops/guide", False),
        (stranger("self-hosted"), "mlops", True),
        (stranger("self-hosted", "linux", "x64"), "mlops", True),
        (stranger("self-hosted"), "", True),
        (stranger(), "mlops/guide", True),
        (stranger("gpu", "theirs"), "mlops/guide", True),
        (stranger("theirs"), "mlops", True),
        (stranger("gpu", groups=("Default", None)), "mlops", True),
        (stranger("gpu", groups=("ours",)), "mlops", False),
    ],
)
def test_only_what_stands_in_our_place_and_offers_what_we_offer_is_ours(
    runner: Runner, scope: str, is_kept: bool
) -> None:
    reason = reason_to_keep(runner, Scope(scope), forge="github", groups=["ours"], labels=["gpu", "self-hosted"])
    assert bool(reason) is is_kept, reason
