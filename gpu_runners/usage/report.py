"""Rows of what was used, by week, repository, workflow and pool. Pure."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gpu_runners.usage.records import JobRecord
from gpu_runners.usage.weeks import Week, week_of

SUCCESS = "success"
Key = tuple[Week, str]  # week and pool


@dataclass(frozen=True, kw_only=True)
class Idle:
    """What only metrics know of a pool in a week: GPU-hours without a job, and failed runners by reason."""

    gpu_hours: float | None = None
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """repository and workflow are "" for what no job had: the pool's idle GPUs and the runners that failed.

    Hours are GPU-hours: of a pool without GPUs they are 0. None is not known. gpu_hours_used is, unless pools with
    different numbers of GPUs may have had the jobs.
    """

    week: str
    repository: str
    workflow: str
    pool: str
    jobs: int
    queue_seconds_median: float | None
    queue_seconds_max: float | None
    gpu_hours_used: float | None
    gpu_hours_idle: float | None
    failures: Mapping[str, int]


def rows(jobs: Iterable[JobRecord], idle: Mapping[Key, Idle]) -> list[Row]:
    """In the order of weeks, repositories, workflows and pools."""
    groups: dict[tuple[Week, str, str, str], list[JobRecord]] = defaultdict(list)
    for job in jobs:
        groups[week_of(job.ended), job.repository, job.workflow, job.pool].append(job)
    made = [(key, _row(key, group)) for key, group in groups.items()]
    made += [((week, "", "", pool), _idle(week, pool, known)) for (week, pool), known in idle.items()]
    return [row for _, row in sorted(made, key=lambda entry: entry[0])]


def _row(key: tuple[Week, str, str, str], jobs: list[JobRecord]) -> Row:
    week, repository, workflow, pool = key
    used = [None if job.gpus is None else job.gpus * job.ran_seconds for job in jobs]
    queued = [job.queued_seconds for job in jobs if job.queued_seconds is not None]
    return Row(
        week=str(week),
        repository=repository,
        workflow=workflow,
        pool=pool,
        jobs=len(jobs),
        queue_seconds_median=round(statistics.median(queued), 1) if queued else None,
        queue_seconds_max=round(max(queued), 1) if queued else None,
        gpu_hours_used=None if None in used else round(sum(filter(None, used)) / 3600, 3),
        gpu_hours_idle=None,
        failures=dict(sorted(Counter(job.conclusion for job in jobs if job.conclusion != SUCCESS).items())),
    )


def _idle(week: Week, pool: str, known: Idle) -> Row:
    return Row(
        week=str(week), repository="", workflow="", pool=pool, jobs=0, queue_seconds_median=None,
        queue_seconds_max=None, gpu_hours_used=0.0,
        gpu_hours_idle=None if known.gpu_hours is None else round(known.gpu_hours, 3),
        failures=dict(sorted(known.failures.items())),
    )  # fmt: skip
