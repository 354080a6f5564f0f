"""What GitHub refuses, and what the message says about it; when it is asked again, and when not at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from registrar.forges.forge import ForgeRefusedError, ForgeUnreachableError
from registrar.forges.github.client import Client
from registrar.forges.github.pace import Barrier, Bucket, Limits, asked_wait
from tests.github.arranged import TOKEN, ArrangedGitHub
from tests.registrar.forges.github.bench import Bench, github_bench
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as it:
        yield it


async def test_a_token_that_is_not_accepted_is_named(bench: Bench) -> None:
    bench.stand_in.credentials.tokens.clear()
    with pytest.raises(ForgeRefusedError, match=r"401 \(Bad credentials\).*expired, revoked"):
        await bench.forge.list_runners(GUIDE)


async def test_a_rotated_token_needs_no_restart(bench: Bench) -> None:
    await bench.forge.list_runners(GUIDE)
    bench.stand_in.credentials.tokens.clear()
    bench.stand_in.credentials.add_personal("rotated")
    (bench.folder / "token").write_text("rotated")
    await bench.forge.list_runners(GUIDE)


async def test_a_missing_permission_is_named_as_github_names_it(bench: Bench) -> None:
    bench.stand_in.credentials.add_personal(TOKEN, {"administration": "read", "metadata": "read"})
    with pytest.raises(
        ForgeRefusedError, match=r"403.*this call needs administration=write; give the App or the token"
    ):
        await bench.forge.issue(GUIDE, name="a", labels=("x",), group=None)


async def test_a_clock_that_is_wrong_is_named_where_a_signature_is_refused(bench: Bench) -> None:
    bench.stand_in.fail_next = [(401, {"Date": "Tue, 01 Jan 2030 00:00:00 GMT"}, "Bad credentials")]
    with pytest.raises(ForgeRefusedError, match="The clock here is"):
        await bench.forge.list_runners(GUIDE)


async def test_an_unknown_repository_has_both_readings(bench: Bench) -> None:
    with pytest.raises(ForgeRefusedError, match=r"404.*does not exist, or the credential may not see it"):
        await bench.forge.list_runners(Scope("mlops/nothing"))


async def test_a_repository_that_moved_is_named_with_its_new_place(bench: Bench) -> None:
    bench.stand_in.fail_next = [(301, {"Location": "https://api.example.com/repositories/7"}, "Moved Permanently")]
    with pytest.raises(ForgeRefusedError, match=r"moved to https://api\.example\.com/repositories/7"):
        await bench.forge.list_runners(GUIDE)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_github_that_is_broken_is_asked_again_soon(bench: Bench, status: int) -> None:
    bench.stand_in.fail_next = [(status, {"Retry-After": "7"}, "")]
    with pytest.raises(ForgeUnreachableError) as error:
        await bench.forge.list_runners(GUIDE)
    assert error.value.retry_after == 7
    await bench.forge.list_runners(GUIDE)


PAGE = b"<html><head><title>Blocked</title></head><body>Ask your <b>network</b> team.</body></html>"


@pytest.mark.parametrize("status", [302, 401, 403, 404, 410, 422, 451])
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", ""])
async def test_a_page_of_what_is_before_github_is_no_verdict(bench: Bench, status: int, kind: str) -> None:
    """A proxy's 404 means no runner that is gone, and its 403 no permission that is missing."""
    headers = {"Location": "https://login.example.com"} | ({"Content-Type": kind} if kind else {})
    bench.stand_in.raw_answer = web.Response(status=status, body=PAGE, headers=headers)
    for ask in (
        lambda: bench.forge.list_runners(GUIDE),
        lambda: bench.forge.find(GUIDE, 1),
        lambda: bench.forge.issue(GUIDE, name="a", labels=("x",), group=None),
        lambda: bench.forge.remove(GUIDE, 1),
        lambda: bench.forge.job(GUIDE, "1"),
    ):
        with pytest.raises(ForgeUnreachableError, match=rf"answers {status} with a page .*network.*is a proxy before"):
            await ask()


@pytest.mark.parametrize("body", [b"<h1>You have triggered an abuse detection mechanism.</h1>", PAGE])
async def test_a_page_that_asks_for_patience_is_a_limit(bench: Bench, body: bytes) -> None:
    asked = {} if body is not PAGE else {"Retry-After": "60"}
    bench.stand_in.raw_answer = web.Response(status=403, body=body, headers={"Content-Type": "text/html", **asked})
    for _ in range(3):
        with pytest.raises(ForgeUnreachableError, match="GitHub limits our requests"):
            await bench.forge.list_runners(GUIDE)
    assert len(bench.stand_in.calls) == 1


LIMITS = [
    (403, {}, "You have triggered an abuse detection mechanism. Please wait a few minutes.", 60, 66),
    (429, {"Retry-After": "30"}, "", 30, 33),
    (403, {"Retry-After": "30"}, "You have exceeded a secondary rate limit", 30, 33),
    (403, {}, "You have exceeded a secondary rate limit", 60, 66),
    (429, {}, "", 60, 66),
    (403, {"X-RateLimit-Remaining": "0"}, "API rate limit exceeded", 1700, 2000),  # until its reset
    (429, {"X-RateLimit-Remaining": "0"}, "API rate limit exceeded", 1700, 2000),
]


@pytest.mark.parametrize(("status", "headers", "message", "least", "most"), LIMITS)
async def test_nothing_is_sent_while_github_asks_for_patience(
    bench: Bench, status: int, headers: dict[str, str], message: str, least: float, most: float
) -> None:
    bench.stand_in.fail_next = [(status, headers, message)]
    for _ in range(3):
        with pytest.raises(ForgeUnreachableError) as error:
            await bench.forge.list_runners(GUIDE)
        assert least - 1 <= error.value.retry_after <= most
    assert len(bench.stand_in.calls) == 1


@pytest.mark.parametrize("kind", ["changes", "reads"])
async def test_what_waits_for_its_turn_is_not_sent_once_github_asks_for_patience(kind: str) -> None:
    """GitHub counts what comes in spite of that, and may ban who goes on."""
    stand_in = ArrangedGitHub()
    stand_in.fail_next = [(429, {"Retry-After": "30"}, "")]
    slow = Limits(changes=2.0, changes_at_once=1.0, reads=2.0, reads_at_once=1.0)
    async with TestServer(stand_in.application()) as server:
        url = f"{str(server.make_url('')).rstrip('/')}/api/v3"
        client = Client(url, observe=lambda *_: None, budget=lambda _: None, limits=slow)
        method = "POST" if kind == "changes" else "GET"
        asks = (client.ask("ask", method, f"/repos/mlops/guide/actions/runners/{it}", token=TOKEN) for it in range(3))
        errors = await asyncio.gather(*asks, return_exceptions=True)
        await client.close()
    assert [type(error) for error in errors] == [ForgeUnreachableError] * 3
    assert len(stand_in.calls) == 1


async def test_a_refusal_after_an_answer_is_a_first_one_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registrar.forges.github.pace.LEAST_PENALTY_SECONDS", 0.05)
    for _ in range(3):
        bench.stand_in.fail_next = [(429, {}, "")]
        with pytest.raises(ForgeUnreachableError) as error:
            await bench.forge.list_runners(GUIDE)
        assert error.value.retry_after < 0.06
        await asyncio.sleep(error.value.retry_after)
        await bench.forge.list_runners(GUIDE)


def test_refusals_without_a_time_wait_longer_each_time() -> None:
    barrier = Barrier(clock=lambda: 0.0)
    waits = [barrier.shut("limited", {}, 0.0).retry_after for _ in range(4)]
    assert [60 <= waits[0] <= 66, 120 <= waits[1] <= 132, 240 <= waits[2] <= 264] == [True] * 3
    barrier.answered()
    assert barrier.shut("limited", {}, 0.0).retry_after <= 66


def test_a_reset_in_the_past_is_no_negative_wait() -> None:
    assert asked_wait({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}, 100.0) == 1.0
    assert asked_wait({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "500"}, 100.0) is None


@pytest.mark.parametrize("after", ["99999999", "9" * 12])
def test_a_wait_is_never_longer_than_an_hour(after: str) -> None:
    assert asked_wait({"retry-after": after}, 0.0) == 3600.0
    assert asked_wait({"x-ratelimit-remaining": "0", "x-ratelimit-reset": after}, 0.0) == 3600.0


@pytest.mark.parametrize("headers", [{"retry-after": "٣"}, {"retry-after": "-1"}, {"retry-after": "1" * 5000}])
def test_a_wait_that_is_none_is_left_to_us(headers: dict[str, str]) -> None:
    assert asked_wait(headers, 0.0) is None


BODIES = [
    b"null",
    b"[]",
    b"[" * 200_000,
    b"\xff\xfe",
    b'{"runners": [{"id": ' + b"9" * 5000 + b"}]}",
    b'{"runners": [{"id": NaN}]}',
    b'{"runners": {"id": 1}}',
    b'{"runners": [1]}',
    b'{"runners": [{"id": 1, "labels": 7}]}',
    b'{"runners": "' + b"x" * 2**23 + b'"}',
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/json; charset=nothing", "text/html"])
async def test_a_malformed_answer_is_no_answer_and_no_other_error(bench: Bench, body: bytes, kind: str) -> None:
    limits = {"X-RateLimit-Limit": "x", "X-RateLimit-Remaining": "9" * 30, "X-RateLimit-Reset": "9" * 15}
    bench.stand_in.raw_answer = web.Response(body=body, headers={"Content-Type": kind, **limits})
    for ask in (
        lambda: bench.forge.list_runners(GUIDE),
        lambda: bench.forge.find(GUIDE, 1),
        lambda: bench.forge.issue(GUIDE, name="a", labels=("x",), group=None),
        lambda: bench.forge.jobs_in_progress(GUIDE),
        lambda: bench.forge.result(GUIDE, runner_id=1, job_id="1"),
    ):
        with pytest.raises(ForgeUnreachableError):
            await ask()


async def test_a_bucket_lets_its_burst_through_and_spreads_the_rest() -> None:
    bucket, begin = Bucket(rate=5.0, burst=5.0), time.monotonic()
    for _ in range(5):
        await bucket.take()
    assert time.monotonic() - begin < 0.8  # at its rate they would take a second
    for _ in range(5):
        await bucket.take()
    assert time.monotonic() - begin >= 0.9
