"""The knobs: statuses, delays, lost connections and limits."""

import time

import aiohttp
import pytest

from tests.github.stand_in import Github

RUNNERS = "/repos/mlops/guide/actions/runners"
JIT = {"name": "r1", "runner_group_id": 1, "labels": ["cml-gpu"]}


async def test_a_status_hits_as_often_as_it_should(github: Github) -> None:
    await github.arrange("POST", "/faults", {"pattern": "GET .*runners", "status": 502, "times": 2, "message": "away"})
    statuses = [(await github.call("GET", RUNNERS))[0] for _ in range(3)]
    assert statuses == [502, 502, 200]


async def test_a_delay_lets_the_request_pass(github: Github) -> None:
    await github.arrange("POST", "/faults", {"pattern": "GET .*runners", "delay": 0.2})
    started = time.monotonic()
    assert (await github.call("GET", RUNNERS))[0] == 200
    assert time.monotonic() - started >= 0.2


async def test_a_dropped_request_did_not_happen_and_a_late_one_did(github: Github) -> None:
    for knob, left in (("drop", 0), ("late", 1)):
        await github.arrange("POST", "/faults", {"pattern": "POST .*jitconfig", knob: True})
        with pytest.raises(aiohttp.ClientError):
            await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT)
        assert len(github.world.runners) == left


async def test_everything_works_again_once_the_faults_are_cleared(github: Github) -> None:
    await github.arrange("POST", "/faults", {"pattern": ".", "status": 503, "times": None})
    assert (await github.call("GET", RUNNERS))[0] == 503
    await github.arrange("DELETE", "/faults")
    assert (await github.call("GET", RUNNERS))[0] == 200


async def test_an_empty_budget_names_its_end(github: Github) -> None:
    await github.call("GET", RUNNERS)
    await github.arrange("PUT", "/limits", {"exhausted_seconds": 120})
    status, answer, headers = await github.call("GET", RUNNERS)
    assert (status, headers["x-ratelimit-remaining"]) == (403, "0")
    assert "rate limit exceeded" in answer["message"]
    assert 110 < int(headers["x-ratelimit-reset"]) - time.time() <= 120
    assert "retry-after" not in headers


async def test_too_many_writes_in_a_minute_are_told_when_to_come_back(github: Github) -> None:
    await github.arrange("PUT", "/limits", {"writes_per_minute": 1})
    await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT)
    status, answer, headers = await github.call("POST", f"{RUNNERS}/generate-jitconfig", {**JIT, "name": "r2"})
    assert status == 403
    assert "secondary" in answer["message"]
    assert 1 <= int(headers["retry-after"]) <= 61
    assert (await github.arrange("GET", "/counters"))["turned_away"] == 1


async def test_writes_cost_five_points_of_a_minute(github: Github) -> None:
    await github.arrange("PUT", "/limits", {"points_per_minute": 7})
    assert (await github.call("GET", RUNNERS))[0] == 200
    assert (await github.call("GET", RUNNERS))[0] == 200
    assert (await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT))[0] == 201
    assert (await github.call("GET", RUNNERS))[0] == 403
