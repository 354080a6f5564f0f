"""One question for all who ask it: what becomes of it where they go away, or where the forge says nothing."""

import asyncio
import gc
import logging

import pytest

from registrar.forges.forge import ForgeUnreachableError
from registrar.shared import Shared, answers_by_scope
from values.scope import Scope

ONE, OTHER = Scope("mlops/guide"), Scope("mlops/other")


async def refused() -> str:
    raise ForgeUnreachableError("away")


async def answered() -> str:
    return "an answer"


async def silent() -> str:
    await asyncio.Event().wait()
    return ""


async def test_an_error_that_nobody_waits_for_any_more_is_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    going = asyncio.Event()

    async def late() -> str:
        await going.wait()
        raise ForgeUnreachableError("away")

    question = Shared(late, 1.0)
    asking = asyncio.create_task(question.get())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    going.set()
    for _ in range(3):
        await asyncio.sleep(0)
    del question, asking
    with caplog.at_level(logging.ERROR):
        gc.collect()
    assert caplog.records == []


async def test_whoever_goes_away_takes_the_answer_from_nobody_else() -> None:
    going = asyncio.Event()

    async def late() -> str:
        await going.wait()
        return "an answer"

    question = Shared(late, 1.0)
    hasty, patient = asyncio.create_task(question.get()), asyncio.create_task(question.get())
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.wait([hasty])
    going.set()
    assert await patient == "an answer"


async def test_an_error_is_kept_as_long_as_an_answer_and_then_asked_for_anew() -> None:
    now, asked = 100.0, 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        raise ForgeUnreachableError("away")

    question = Shared(ask, 3.0, clock=lambda: now)
    for seconds, times in ((0.0, 1), (2.9, 1), (3.0, 2)):
        now = 100.0 + seconds
        with pytest.raises(ForgeUnreachableError):
            await question.get()
        assert asked == times


async def test_each_scope_answers_for_itself_within_its_own_time() -> None:
    third = Scope("mlops/third")
    questions = {ONE: Shared(answered, 1.0), OTHER: Shared(refused, 1.0), third: Shared(silent, 1.0)}
    answers, errors = await answers_by_scope(questions, seconds={ONE: 5.0, OTHER: 5.0, third: 0.05})
    assert answers == {ONE: "an answer"}
    assert {scope: str(error) for scope, error in errors.items()} == {
        OTHER: "away",
        third: "mlops/third: no answer of the forge within 0.05 s",
    }
