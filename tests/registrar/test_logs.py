"""What strangers send is no line in the log; what goes wrong with us is one."""

import logging

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.http import HttpProcessingError

from registrar.logs import is_worth_a_line


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
