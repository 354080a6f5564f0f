"""What has to hold of a soak, each question with its limit. Pure: over a record and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from lab.soak.record import Ended, Process, Record, Sample
from lab.soak.trend import Point, slope
from registrar.forges.github.client import KEEP_SECONDS

# Of a process: until every path has been taken once, and what it keeps for so long holds as much as it ever will.
WARM_UP_SECONDS: Final = KEEP_SECONDS + 60.0
SPAN_SECONDS: Final = 300.0  # less is not judged
MEMORY_KIB_PER_MINUTE: Final = 100.0
DESCRIPTORS_PER_MINUTE: Final = 0.2
REGISTRATIONS_PER_POD: Final = 1.5
EVENTS_PER_POD: Final = 12.0
JOBS_PER_MINUTE: Final = 1.0
SUCCESS: Final = "success"


@dataclass(frozen=True)
class Finding:
    """One question: what must hold, what was found, and whether it held; None where it could not be judged."""

    question: str
    limit: str
    found: str
    held: bool | None


def judge(record: Record) -> tuple[Finding, ...]:
    """All questions, in the order of the page."""
    findings = [
        _none("jobs lost", [_job(job) for job in record.jobs if is_lost(job)]),
        _none("jobs that ran twice", [_job(job) for job in record.jobs if job.begun > 1]),
        _none("successes of jobs that never began", [_job(job) for job in record.jobs if _is_hollow(job)]),
        _none("jobs taken by a fault of which nobody was told", [_job(job) for job in taken(record) if not job.told]),
        _none("pods that nobody has", [f"{left.side} {pod}" for left in record.left for pod in left.pods]),
        _none("registrations that nobody has", [f"{it.side} {who}" for it in record.left for who in it.registrations]),
        _none("registrars that ended by themselves", _own_ends(record)),
    ]  # fmt: skip
    for side in record.sides:
        last = record.of(side)[-1]
        findings.append(_most(f"registrations per pod, {side}", last.registrations, last.pods, REGISTRATIONS_PER_POD))
        findings.append(_most(f"Events per pod, {side}", last.events, last.pods, EVENTS_PER_POD))
        findings.append(_grows(record, side, "KiB of memory", MEMORY_KIB_PER_MINUTE, lambda process: process.kib))
        findings.append(
            _grows(record, side, "descriptors", DESCRIPTORS_PER_MINUTE, lambda process: process.descriptors)
        )
        findings.append(_busy(record, side))
    return tuple(findings)


def verdict(findings: Iterable[Finding]) -> bool:
    """Whether nothing was found that must not be."""
    return all(finding.held is not False for finding in findings)


def is_lost(job: Ended) -> bool:
    """It did not come to its end as far as the forge knows, and no fault took its runner by its nature."""
    return job.conclusion != SUCCESS and not job.taken_by


def taken(record: Record) -> list[Ended]:
    """The jobs that ended with a runner that a fault took away."""
    return [job for job in record.jobs if job.taken_by and job.conclusion != SUCCESS]


def lives(samples: Iterable[Sample]) -> dict[str, list[tuple[float, Process]]]:
    """The samples of each process, by its life, with their times."""
    by_life: dict[str, list[tuple[float, Process]]] = {}
    for sample in samples:
        for process in sample.processes:
            by_life.setdefault(process.life, []).append((sample.at, process))
    return by_life


def _is_hollow(job: Ended) -> bool:
    return job.conclusion == SUCCESS and not job.begun


def _own_ends(record: Record) -> list[str]:
    """Processes that nobody ended: more of them than a side had at first and strikes have made since."""
    wrong = []
    for side in record.sides:
        born = list(lives(record.of(side)))
        made = sum(strike.ends_registrar and strike.side == side for strike in record.strikes)
        wrong += [f"{side} {life}" for life in born[1 + made :]]
    return wrong


def _grows(record: Record, side: str, what: str, limit: float, measure: Callable[[Process], int]) -> Finding:
    """The greatest slope of all its processes that lived long enough."""
    slopes: list[float] = []
    for samples in lives(record.of(side)).values():
        born = samples[0][0]
        points: list[Point] = [(at / 60, measure(process)) for at, process in samples if at >= born + WARM_UP_SECONDS]
        if points and points[-1][0] - points[0][0] >= SPAN_SECONDS / 60:
            slopes.append(slope(points))
    question, at_most = f"{what} more per minute, {side}", f"at most {limit:g}"
    if not slopes:
        long = f"no process lived for {(WARM_UP_SECONDS + SPAN_SECONDS) / 60:.0f} minutes"
        return Finding(question, at_most, f"not judged: {long}", None)
    worst = max(slopes)
    return Finding(question, at_most, f"{worst:.2f}", worst <= limit)


def _busy(record: Record, side: str) -> Finding:
    """Where nothing went on, nothing could go wrong."""
    done = sum(job.side == side and job.conclusion == SUCCESS for job in record.jobs)
    rate = done * 60 / record.seconds
    return Finding(
        f"jobs done per minute, {side}", f"at least {JOBS_PER_MINUTE:g}", f"{rate:.1f}", rate >= JOBS_PER_MINUTE
    )


def _most(question: str, count: int, pods: int, limit: float) -> Finding:
    ratio = count / max(1, pods)
    return Finding(question, f"at most {limit:g}", f"{ratio:.2f} ({count} of {pods} pods)", ratio <= limit)


def _none(question: str, named: list[str]) -> Finding:
    found = f"{len(named)}: {', '.join(named[:8])}{' …' if len(named) > 8 else ''}" if named else "0"
    return Finding(question, "none", found, not named)


def _job(job: Ended) -> str:
    return f"{job.side} {job.name} on {job.runner or 'no runner'}: {job.conclusion or 'no conclusion'}"
