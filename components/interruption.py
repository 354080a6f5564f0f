"""How this program ends where its `pulumi up` is to end.

The engine has the language host send the program one SIGINT as soon as an `up` is cancelled, by Ctrl-C or SIGTERM, and
also at the end of every `up`, where a step has failed and the program still waits for answers that do not come; then
it sends one more to the host's whole group. Five seconds later what is left is killed (since Pulumi 3.229:
`SignalCancellation` and `ReleaseContext` in pkg/host/host.go, `ExecPlugin` in pkg/resource/plugin/plugin.go, `Cancel`
and `Run` in sdk/python/cmd/pulumi-language-python/main.go). A hook that runs by then the engine waits for. What the
program has asked, it answers no more, so that only the program's end ends the `up`. Python's own handler would make a
traceback of the second signal at the latest, and wait for threads that wait for the engine.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

HOOKS_SECONDS: Final = 1.0  # that the hooks have to answer
ANSWER_SECONDS: Final = 0.5  # that an answer has to reach the engine
# To the language host a program that has said itself what is wrong, so that it adds nothing.
SAID_ITSELF: Final = 32
# Several hooks may wait at once, and there is one signal for all of them. Both are of _CHANGE's holder alone.
_WAITING: Final[set["asyncio.Future[None]"]] = set()
_INTERRUPTED: Final = threading.Event()
_CHANGE: Final = threading.Condition()


class UpInterruptedError(Exception):
    """A hook was ended before its look was over. The message says what was missing by then."""


def end_at_interrupts() -> None:
    """From now on an interrupt ends this process within two seconds, whatever it does, and says nothing of its own.

    For the main thread, once. A thread does it all: the main one may be in the middle of a call into C, which Python's
    handlers wait for, or of one into the engine, which is not answered any more.
    """
    signals, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_at_interrupt, args=(signals,), name="interrupts", daemon=True).start()


@contextmanager
def interruption() -> Iterator["asyncio.Future[None]"]:
    """A future that is done as soon as this program is to end, which waits for this block to end then."""
    interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _CHANGE:
        _WAITING.add(interrupted)
        if _INTERRUPTED.is_set():
            interrupted.set_result(None)
    try:
        yield interrupted
    finally:
        with _CHANGE:
            _WAITING.remove(interrupted)
            _CHANGE.notify_all()


def _end_at_interrupt(signals: int) -> None:
    while os.read(signals, 1)[0] != signal.SIGINT:
        pass
    try:
        with _CHANGE:
            _INTERRUPTED.set()
            for interrupted in _WAITING:
                with suppress(RuntimeError):  # its loop is closed, and nobody waits
                    interrupted.get_loop().call_soon_threadsafe(_done, interrupted)
            _CHANGE.wait_for(lambda: not _WAITING, HOOKS_SECONDS)
        time.sleep(ANSWER_SECONDS)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(SAID_ITSELF)  # anything softer waits for the engine's answers


def _done(interrupted: "asyncio.Future[None]") -> None:
    if not interrupted.done():
        interrupted.set_result(None)
