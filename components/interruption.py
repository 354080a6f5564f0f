"""How this program learns that its `pulumi up` is to end.

At Ctrl-C or SIGTERM the engine starts no further step and waits for those that run, a hook as long as it takes. It has
the language host send this program one SIGINT, and five seconds later the host kills it (since Pulumi 3.229:
`SignalCancellation` in pkg/host/host.go, `Cancel` and `Run` in sdk/python/cmd/pulumi-language-python/main.go). What the
program has asked by then, the engine answers no more: only its end ends the `up`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ANSWER_SECONDS: Final = 0.5  # that a hook's answer has to reach the engine
# To the language host a program that has said itself what is wrong, so that it adds nothing.
SAID_ITSELF: Final = 32
# Several hooks may wait at once, and there is one signal for all of them.
_WAITING: Final[set["asyncio.Future[None]"]] = set()


class UpInterruptedError(Exception):
    """A hook was ended before its look was over. The message says what was missing by then."""


@contextmanager
def interruption() -> Iterator["asyncio.Future[None]"]:
    """A future that is done as soon as this program is to end. For coroutines of the main thread."""
    loop = asyncio.get_running_loop()
    interrupted: asyncio.Future[None] = loop.create_future()
    before = signal.getsignal(signal.SIGINT)
    if not _WAITING:
        loop.add_signal_handler(signal.SIGINT, _interrupt)
    _WAITING.add(interrupted)
    try:
        yield interrupted
    finally:
        _WAITING.remove(interrupted)
        # A program that is to end gets the signal again as the engine stops its plugins, and ends by itself.
        if not _WAITING and not interrupted.done():
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)


def _interrupt() -> None:
    for interrupted in _WAITING:
        if not interrupted.done():
            interrupted.set_result(None)


def end_program() -> None:
    """Ends this program as soon as the answer of the hook that calls it is out."""
    asyncio.get_running_loop().call_later(ANSWER_SECONDS, _exit)


def _exit() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(SAID_ITSELF)  # anything softer waits for the engine's answers
