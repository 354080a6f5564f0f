"""`/jobs` tells of each open job which pools could take it, and which runner has it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from registrar.forges.forge import Pace
from registrar.job_list import MOST_JOBS
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import runner_pod

FAST = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3, queue=0.05)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, "gitea", FAST) as it:
        it.follow()
        yield it


async def read(world: World, query: str = "") -> tuple[int, Any]:
    async with world.http.get(f"{world.status_url}/jobs{query}") as response:
        return response.status, await response.json()


async def test_a_job_is_listed_with_the_pools_that_could_take_it(asked: World) -> None:
    await asked.cluster.declare()
    asked.gitea.job(1, status="queued")
    asked.gitea.job(2, status="queued", labels=["nobody"])
    await until(lambda: asked.service.declared.pools("runners"))
    status, body = await read(asked)
    assert status == 200
    assert [(job["id"], job["state"], job["runner"], job["pools"]) for job in body["jobs"]] == [
        ("1", "waiting", "", ["runners/cuda"]),
        ("2", "waiting", "", []),
    ]
    assert body["scopes"] == [{"scope": "mlops/guide", "problem": ""}]


async def test_a_running_job_is_listed_with_its_pod(asked: World) -> None:
    await asked.cluster.declare()
    pod = runner_pod()
    await asked.cluster.create(pod)
    await until(asked.store.pods)
    await asked.register(pod)
    await until(lambda: any(known.runner_id for known in asked.store.pods()))
    asked.gitea.job(1, runner_id=next(iter(asked.gitea.runners)))
    (job,) = (await read(asked))[1]["jobs"]
    assert (job["state"], job["runner"]) == ("running", "runners/cuda-abc-aaaaa")


async def test_nothing_is_listed_while_the_forge_is_away(asked: World) -> None:
    asked.gitea.failing = 500
    status, body = await read(asked)
    assert (status, body["reason"]) == (503, "ForgeUnknown")


async def test_a_job_that_waits_is_on_no_pod_though_one_has_no_runner_yet(asked: World) -> None:
    await asked.cluster.declare()
    await asked.cluster.create(runner_pod())
    await until(asked.store.pods)
    asked.gitea.job(1, status="queued")
    (job,) = (await read(asked))[1]["jobs"]
    assert job["runner"] == ""


async def test_one_that_is_named_is_listed_however_many_wait_before_it(asked: World) -> None:
    await asked.cluster.declare()
    await until(lambda: asked.service.declared.pools("runners"))
    for number in range(1, MOST_JOBS + 3):
        asked.gitea.job(number, status="queued")
    assert len((await read(asked))[1]["jobs"]) == MOST_JOBS
    (job,) = (await read(asked, f"?job={MOST_JOBS + 2}"))[1]["jobs"]
    assert (job["id"], job["pools"]) == (str(MOST_JOBS + 2), ["runners/cuda"])
    assert (await read(asked, "?job=x"))[1]["jobs"] == []
