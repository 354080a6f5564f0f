"""Pushes short jobs at one forge, never more than a few at a time, and keeps what becomes of them."""

import threading
import time
from collections.abc import Iterator

import httpx2

from lab.errors import LabError
from lab.faults.work import script
from lab.soak.schedule import JobPlan
from lab.soak.side import Pushed, Side

AT_ONCE = 4  # that have no conclusion, those aside whose runner a fault took: nobody may ever tell of them
LOOK_SECONDS = 1.0
CLOSE_SECONDS = 60.0


class Stream:
    """A thread that pushes until it is told to stop. `refused`: pushes that the forge did not take."""

    def __init__(self, side: Side, plans: Iterator[JobPlan], topic: str) -> None:
        self._side, self._plans, self._topic = side, plans, topic
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"jobs at {side.name}", daemon=True)
        self.refused = 0
        self.trouble: BaseException | None = None

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def close(self) -> None:
        """No more jobs from now on."""
        self._over.set()

    def wait(self) -> None:
        """Until the last look is over, and not for ever."""
        self._thread.join(CLOSE_SECONDS)

    def stop(self) -> None:
        """No more jobs. Raises LabError where the thread broke or does not end."""
        self.close()
        self.wait()
        if self._thread.is_alive():
            raise LabError(f"{self._thread.name}: no answer of the forge for {CLOSE_SECONDS:.0f} s")
        if self.trouble is not None:
            raise LabError(f"{self._thread.name}: {self.trouble!r}") from self.trouble

    def _run(self) -> None:
        try:
            self._push_and_look()
        except BaseException as trouble:
            self.trouble = trouble

    def _push_and_look(self) -> None:
        next_at = time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            look(self._side)
            if time.monotonic() >= next_at and len(waiting(self._side)) < AT_ONCE:
                plan = next(self._plans)
                self._push(plan)
                next_at = time.monotonic() + plan.gap

    def _push(self, plan: JobPlan) -> None:
        topic = f"{self._topic}-{self._side.name}-{plan.name}"
        try:
            run = self._side.forge.push(self._side.pool, plan.name, script(topic, plan.name, plan.seconds))
        except (LabError, httpx2.TransportError):
            self.refused += 1  # it may run all the same: nobody counts on it
            return
        self._side.pushed.append(Pushed(plan.name, topic, run))


def look(side: Side) -> None:
    """Asks the forge after each job that has no conclusion yet; one that cannot be asked now is asked again."""
    for job in side.open():
        try:
            side.look(job)
        except (LabError, httpx2.TransportError):
            return


def waiting(side: Side) -> list[Pushed]:
    """The jobs that have to come to a conclusion."""
    return [job for job in side.open() if not side.taken_by(job)]
