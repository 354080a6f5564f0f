"""A sample of each side every few seconds, for as long as it is asked for."""

import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Final

import httpx2

from lab.errors import LabError
from lab.faults import registrar
from lab.faults.place import ALIVE
from lab.soak.events import Writings
from lab.soak.processes import Processes
from lab.soak.record import Sample
from lab.soak.side import Side

EVERY_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 15.0


class Sampling:
    """A thread that looks at all sides; what cannot be asked just then is left out of the samples."""

    def __init__(self, sides: Sequence[Side], writings: Sequence[Writings], started: float) -> None:
        self._looks = [(side, written, Processes()) for side, written in zip(sides, writings, strict=True)]
        self._started = started
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def close(self) -> None:
        """No more samples from now on."""
        self._over.set()

    def wait(self) -> None:
        """Until the last sample is there, and not for ever."""
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            for side, written, processes in self._looks:
                try:
                    sample = self._sample(side, written, processes)
                except (LabError, httpx2.TransportError, subprocess.SubprocessError):
                    continue
                self.samples.append(sample)

    def _sample(self, side: Side, written: Writings, processes: Processes) -> Sample:
        pods = side.pods.of(side.pool)
        runners = side.forge.runners()
        return Sample(
            at=round(time.monotonic() - self._started, 1), side=side.name,
            alive=sum(pod.phase in ALIVE for pod in pods), ended=sum(pod.phase not in ALIVE for pod in pods),
            registered=len(runners), registrations=side.forge.registrations(),
            pods=written.pods, events=written.count, waiting=len(side.open()),
            processes=processes.of(side.api.items(registrar.pods_path(side))),
        )  # fmt: skip
