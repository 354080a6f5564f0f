"""What jobs say while they run, outside of forge and cluster: a TCP port of this machine that notes every line.

A job that ran twice, on which pod, and when it began cannot be read from the forge, which keeps the last log only.
"""

import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab import network
from lab.trial.deadline import until

PORT = 8998  # named in the stacks' egress rules
HOLD = "hold"  # the first word of a line that is answered, by the end of its connection
HOLD_SECONDS = 300  # a job goes on by then, whatever became of its test


@dataclass(frozen=True)
class Entry:
    """A line of a job; `at` is Unix time."""

    at: float
    words: tuple[str, ...]


class Ledger:
    """Listens until it is closed. Jobs write `echo … > /dev/tcp/…`, for which `say` has the words."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._released = threading.Event()
        entries, released = self._entries, self._released

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    if line.split()[:1] == [HOLD.encode()]:
                        released.wait(HOLD_SECONDS)
                        return
                    entries.append(Entry(time.time(), tuple(line.decode(errors="replace").split())))

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer.daemon_threads = True
        self._server = socketserver.ThreadingTCPServer((network.HOST, PORT), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listens no more, and lets go."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def release(self) -> None:
        """Lets every job go on that `hold` holds, now and from now on."""
        self._released.set()

    def about(self, topic: str) -> list[Entry]:
        """The lines whose first word is the topic, in the order in which they came, without that word."""
        entries = (entry for entry in list(self._entries) if entry.words[:1] == (topic,))
        return [Entry(entry.at, entry.words[1:]) for entry in entries]

    def until(self, topic: str, enough: Callable[[list[Entry]], object], seconds: float) -> list[Entry]:
        """Waits until what was said about a topic is enough; returns it."""
        until(f"jobs have said enough about {topic}", lambda: enough(self.about(topic)), seconds,
              seen=lambda: self.about(topic))  # fmt: skip
        return self.about(topic)


def say(topic: str, words: str) -> str:
    """A bash command that notes a line."""
    return f'echo "{topic} {words}" > /dev/tcp/{network.HOST}/{PORT}'


def hold() -> str:
    """A bash command that says nothing and lasts until the ledger's `release`."""
    return f"exec 9<>/dev/tcp/{network.HOST}/{PORT}; echo {HOLD} >&9; cat <&9"
