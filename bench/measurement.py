"""What was measured: one value for each measure, subject and number of pools, and its JSON. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

OURS: Final = "ours"
FLAT: Final = "flat"
HELM: Final = "helm"
KUBECTL: Final = "kubectl"
SUBJECTS: Final = (OURS, FLAT, HELM, KUBECTL)

UP_INSTANT: Final = "up until online, instant node"
UP_REAL: Final = "up until online, real runners"
UP_UNCHANGED: Final = "up without a change"
PREVIEW: Final = "preview without a change"
REVIEW: Final = "review"
FROM_ZERO: Final = "queued to pod created, pool at zero"
CREATED_TO_ONLINE: Final = "pod created to online"
NEXT_ONLINE: Final = "job end to next runner online"
FIRST_STEP: Final = "push to first step, idle runner"
FIRST_TRAINING: Final = "push to first training step, through pulumi up"

EMPTY_POD: Final = "pod created to running, with nothing to do"

Phase = tuple[str, float]


@dataclass(frozen=True)
class Sample:
    """One run. `seconds` by a clock on the wall; `phases` follow each other and add up to it, where they are known.

    `cpu`: CPU seconds by process. `requests`: how many the API server had from whom; None where it kept no log.
    """

    seconds: float
    phases: tuple[Phase, ...] = ()
    cpu: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Measurement:
    """Samples of one measure, by one subject, with so many pools."""

    measure: str
    subject: str
    pools: int
    samples: Sequence[Sample]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def least(self) -> float:
        return min(sample.seconds for sample in self.samples)

    @property
    def most(self) -> float:
        return max(sample.seconds for sample in self.samples)

    def phases(self) -> dict[str, float]:
        """The median of each phase, in their order; of those samples in which each was seen."""
        names = list(dict.fromkeys(name for sample in self.samples for name, _ in sample.phases))
        seen = {name: [dict(s.phases)[name] for s in self.samples if name in dict(s.phases)] for name in names}
        return {name: statistics.median(values) for name, values in seen.items()}

    def cpu(self) -> dict[str, float]:
        """The median of CPU seconds of each process; one that a sample did not see took none in it."""
        names = list(dict.fromkeys(name for sample in self.samples for name in sample.cpu))
        return {name: statistics.median(sample.cpu.get(name, 0.0) for sample in self.samples) for name in names}

    def requests(self) -> dict[str, float] | None:
        """The median of requests by client; None where no sample was counted."""
        counted = [sample.requests for sample in self.samples if sample.requests is not None]
        names = list(dict.fromkeys(name for counts in counted for name in counts))
        medians = {name: float(statistics.median(counts.get(name, 0) for counts in counted)) for name in names}
        return medians if counted else None


def results(measurements: Iterable[Measurement]) -> list[dict[str, Any]]:
    """What `results.json` holds."""
    return [
        {
            "measure": m.measure,
            "subject": m.subject,
            "pools": m.pools,
            "median_s": round(m.median, 3),
            "runs": len(m.samples),
        }
        for m in measurements
    ]


def to_json(measurement: Measurement) -> dict[str, Any]:
    """Everything of it, for `from_json`."""
    samples = [
        {
            "seconds": round(sample.seconds, 3),
            "phases": [[name, round(seconds, 3)] for name, seconds in sample.phases],
            "cpu": {name: round(seconds, 2) for name, seconds in sample.cpu.items()},
            "requests": None if sample.requests is None else dict(sample.requests),
        }
        for sample in measurement.samples
    ]
    return {
        "measure": measurement.measure,
        "subject": measurement.subject,
        "pools": measurement.pools,
        "samples": samples,
    }


def from_json(document: Mapping[str, Any]) -> Measurement:
    """What `to_json` made; the file is ours, so that what is wrong with it raises KeyError or TypeError."""
    samples = [
        Sample(
            sample["seconds"],
            tuple((name, seconds) for name, seconds in sample["phases"]),
            dict(sample["cpu"]),
            None if sample["requests"] is None else dict(sample["requests"]),
        )
        for sample in document["samples"]
    ]
    return Measurement(document["measure"], document["subject"], document["pools"], samples)
