"""One kind of object is followed through whatever happens: when it is asked again, and when nothing is known of it."""

import asyncio
import logging
from collections.abc import Iterator

import httpx2
import pytest

from registrar.following import follow
from registrar.logs import LOGGER
from tests.registrar import virtual_time

AWAY = httpx2.ConnectError("away")
UNEXPECTED = KeyError("metadata")


class End(BaseException):
    """What follows ends here: nothing that is there ends it."""


class ApiServer:
    """Answers as `lists` and `watches` say, one by one: a version, None for a watch that ended well, or an error."""

    def __init__(self, *, lists: list[str | Exception], watches: list[Exception | None]) -> None:
        self._lists, self._watches = iter(lists), iter(watches)
        self.asked: list[float] = []  # when each list was asked for
        self.watched: list[str] = []  # the version of each watch
        self.lost: list[float] = []

    async def list_all(self) -> str:
        self.asked.append(asyncio.get_running_loop().time())
        return str(self._next(self._lists))

    async def watch(self, version: str) -> None:
        self.watched.append(version)
        self._next(self._watches)

    def lose(self) -> None:
        self.lost.append(asyncio.get_running_loop().time())

    @staticmethod
    def _next(answers: Iterator[str | Exception | None]) -> str | None:
        answer = next(answers, End())
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def followed(self) -> "ApiServer":
        """Follow it until there is no further answer."""
        following = follow("pods", "runners", list_all=self.list_all, watch=self.watch, lost=self.lose)
        with pytest.raises(End):
            virtual_time.run(following)
        return self

    @property
    def waits(self) -> list[float]:
        """Seconds between two lists."""
        return [round(later - earlier, 3) for earlier, later in zip(self.asked, self.asked[1:], strict=False)]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(LOGGER, "propagate", True)
    caplog.set_level(logging.INFO)
    return caplog


def test_an_api_server_that_is_away_is_asked_ever_more_rarely_and_every_five_seconds_at_least() -> None:
    server = ApiServer(lists=[AWAY] * 8, watches=[]).followed()
    assert server.waits == [0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert server.watched == []


def test_a_namespace_that_was_away_for_an_hour_is_still_asked_every_five_seconds() -> None:
    server = ApiServer(lists=[AWAY] * 1100, watches=[]).followed()
    assert set(server.waits[4:]) == {5.0}


def test_what_was_listed_once_is_asked_again_as_soon_as_at_first() -> None:
    server = ApiServer(lists=[AWAY, AWAY, AWAY, "7", "8"], watches=[AWAY, AWAY]).followed()
    assert server.waits == [0.4, 0.8, 1.6, 0.4, 0.4]
    assert server.watched == ["7", "8"]


@pytest.mark.parametrize("error", [AWAY, UNEXPECTED], ids=["expected", "unexpected"])
def test_what_is_known_may_be_wrong_from_the_moment_of_an_error_on(error: Exception) -> None:
    server = ApiServer(lists=["7", error], watches=[error]).followed()
    assert server.lost == server.asked[:2] == [0.0, 0.4]


def test_after_a_silence_what_is_known_stays_known_and_is_listed_at_once() -> None:
    server = ApiServer(lists=["7", "8"], watches=[TimeoutError(), None]).followed()
    assert (server.lost, server.waits, server.watched) == ([], [0.0, 0.0], ["7", "8"])


def test_an_interruption_tells_what_and_where_and_only_a_surprise_comes_with_its_traceback(
    told: pytest.LogCaptureFixture,
) -> None:
    ApiServer(lists=["7", "8"], watches=[AWAY, TimeoutError()]).followed()
    assert not [record for record in told.records if record.exc_info]
    interrupted, silent = told.records
    assert (interrupted.levelno, silent.levelno) == (logging.WARNING, logging.INFO)
    where = {"kind": "pods", "namespace": "runners"}
    assert [vars(record)["fields"] for record in told.records] == [where | {"error": "away"}, where]
    told.clear()
    ApiServer(lists=["7"], watches=[UNEXPECTED]).followed()
    lines = [(record.getMessage(), record.exc_info is not None) for record in told.records]
    assert lines == [("watch interrupted", False), ("watch failed", True)]
