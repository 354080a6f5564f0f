"""Push to first training step, by the closing table of the whole demo, the GPU runner made on the way."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench.budget import Budget
from bench.measurement import FIRST_TRAINING, OURS, Measurement, Phase, Sample
from lab import paths
from lab.demo.unfinished import FLAG
from lab.errors import LabError

DEADLINE_SECONDS: Final = 600
LAST: Final = "first training step"
_ROW: Final = re.compile(r"^(\S.*?) {2,}([\d.]+) s +([\d.]+) s$", re.MULTILINE)


class Demo:
    """The demo, again and again."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._samples: list[Sample] = []

    def measurements(self) -> list[Measurement]:
        """What there is by now."""
        return [Measurement(FIRST_TRAINING, OURS, 1, self._samples)] if self._samples else []

    def run(self, budget: Budget) -> Iterator[str]:
        """Run after run while there is time. Raises LabError where the demo failed."""
        for number in range(self._runs):
            if not budget.fits(1):
                yield f"demo: no time left for run {number + 1}"
                return
            started = time.monotonic()
            self._samples.append(self._one())
            budget.took(1, time.monotonic() - started)
            yield f"demo: first training step {self._samples[-1].seconds:.1f} s after the push"

    def _one(self) -> Sample:
        done = subprocess.run(
            [sys.executable, "-m", "lab.demo", FLAG], cwd=paths.REPOSITORY, capture_output=True,
            text=True, check=False, timeout=DEADLINE_SECONDS,
        )  # fmt: skip
        phases = phases_of(done.stdout)
        if done.returncode != 0 or not phases:
            raise LabError(f"the demo failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        return Sample(sum(seconds for _, seconds in phases), phases)


def phases_of(output: str) -> tuple[Phase, ...]:
    """What each row of the closing table took, up to the first training step; nothing where it was never reached."""
    rows = [(row[1], float(row[3])) for row in _ROW.finditer(output)]
    names = [name for name, _ in rows]
    return tuple(rows[1 : names.index(LAST) + 1]) if LAST in names else ()
