"""What one run of the benchmark leaves: its measurements part by part, and how busy the machine was before each."""

import datetime
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.measurement import Measurement, from_json, results, to_json

FOLDER: Final = Path(__file__).resolve().parent
RESULTS: Final = FOLDER / "results.json"
SAMPLES: Final = FOLDER / "samples.json"
LOOK_SECONDS: Final = 2.0
# The lab that does nothing takes some of a core.
QUIET_CORES: Final = 0.5


@dataclass(frozen=True)
class Part:
    """A part of the benchmark. `busy_cores`: how many cores computed before it began, of `cores`.

    `remarks`: what found no time, or failed.
    """

    name: str
    date: str
    cores: int
    busy_cores: float
    measurements: Sequence[Measurement]
    remarks: Sequence[str] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether the machine had nothing else to do when it began."""
        return self.busy_cores <= QUIET_CORES


def today() -> str:
    """The date, as the page tells it."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def busy_cores() -> float:
    """How many cores of this machine compute, over a moment."""
    before, started = _idle_seconds(), time.monotonic()
    time.sleep(LOOK_SECONDS)
    passed = time.monotonic() - started
    return max(0.0, (os.cpu_count() or 1) - (_idle_seconds() - before) / passed)


def _idle_seconds() -> float:
    """Of all cores together, since the machine came up (proc_stat(5): user, nice, system, idle, iowait …)."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def load(file: Path = SAMPLES) -> dict[str, Part]:
    """The parts of the last runs; none where there is no file."""
    if not file.exists():
        return {}
    documents: list[dict[str, Any]] = json.loads(file.read_text())
    parts = [Part(**{**d, "measurements": [from_json(m) for m in d["measurements"]]}) for d in documents]
    return {part.name: part for part in parts}


def write(parts: Mapping[str, Part], samples: Path = SAMPLES, summary: Path = RESULTS) -> dict[str, Part]:
    """Both files: every sample, and the medians. Returns the parts as they now stand there, with rounded seconds."""
    samples.write_text(_list(_text(part) for part in parts.values()))
    kept = load(samples)
    medians = results(m for part in kept.values() for m in part.measurements)
    summary.write_text(_list(map(json.dumps, medians)))
    return kept


def _list(entries: Iterable[str]) -> str:
    lines = ",\n".join(entries)
    return f"[\n{lines}\n]\n"


def _text(part: Part) -> str:
    """JSON with a measurement on each line, so that a diff shows what was measured anew."""
    lines = ",\n  ".join(json.dumps(to_json(m)) for m in part.measurements)
    fields = {name: value for name, value in vars(part).items() if name != "measurements"}
    return f'{json.dumps(fields)[:-1]}, "measurements": [\n  {lines}\n]}}'
