"""What strangers send is no line in the log; what goes wrong with us is one."""

import json
import logging

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.http import HttpProcessingError

from registrar.logs import JsonLines, LogBudget, is_worth_a_line


def record(error: BaseException | None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "Error handling request", (), info)


@pytest.mark.parametrize(
    "error", [HttpProcessingError(), ClientConnectionResetError("Cannot write to closing transport")]
)
def test_no_http_and_a_caller_who_hung_up_are_no_news(error: BaseException) -> None:
    assert not is_worth_a_line(record(error))


@pytest.mark.parametrize("error", [None, ValueError(), ConnectionResetError(), OSError()])
def test_everything_else_is(error: BaseException | None) -> None:
    assert is_worth_a_line(record(error))


def test_a_line_is_one_event_with_its_time_level_and_fields() -> None:
    line = logging.LogRecord("registrar", logging.WARNING, "", 0, "forge unknown", (), None)
    line.created, line.msecs = 1_790_000_000.25, 250.0
    line.fields = {"scope": "mlops/guide", "failures": 2}
    assert json.loads(JsonLines().format(line)) == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "warning",
        "event": "forge unknown",
        "scope": "mlops/guide",
        "failures": 2,
    }


def test_another_librarys_line_has_no_fields_and_its_error_is_told() -> None:
    told = json.loads(JsonLines().format(record(ValueError("odd"))))
    assert set(told) == {"time", "level", "event", "exception"}
    assert "ValueError: odd" in told["exception"]


def test_who_writes_too_many_lines_is_counted_and_may_write_again_after_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 100.0
    budget = LogBudget(2.0, clock=lambda: now)
    assert [budget.allows() for _ in range(4)] == [True, True, False, False]
    now += 0.4
    assert not budget.allows(), "0.8 of a line"
    now += 0.1
    with caplog.at_level(logging.INFO, "registrar"):
        assert budget.allows()
    (line,) = caplog.records
    assert (line.getMessage(), line.levelno) == ("lines dropped", logging.WARNING)
    assert line.__dict__["fields"] == {"number": 3}
    now += 1
    with caplog.at_level(logging.INFO, "registrar"):
        assert budget.allows()
    assert len(caplog.records) == 1, "what was dropped is told once"
    now += 3600
    assert [budget.allows() for _ in range(3)] == [True, True, False], "an hour of silence saves up nothing"
