"""One job that has ended, as the forges write it: GitHub's REST API and Gitea's (1.26) have the same fields. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gpu_runners.declared_pools import DeclaredPool
from values.runner_label import compared
from values.scope import GITEA

Json = Mapping[str, Any]
# A pod is named by its Deployment, its template's hash and five letters (k8s.io/apimachinery, SafeEncodeString).
_POD: Final = re.compile(r"(?P<pool>.+)-[a-z0-9]{1,16}-[a-z0-9]{5}", re.ASCII)
SKIPPED: Final = "skipped"
_LONGEST: Final = 100


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job. Seconds are the forge's own; queued_seconds is None for one that no runner ever had.

    pool is its pool's key, gpus are those of one runner there. Where several may have had it, pool names them all, and
    gpus is None unless it is the same for each.
    """

    repository: str
    workflow: str
    pool: str
    gpus: int | None
    conclusion: str
    ended: datetime
    queued_seconds: float | None
    ran_seconds: float


def job_record(
    repository: str, workflow: str, job: Json, pools: Sequence[DeclaredPool], forge: str
) -> JobRecord | None:
    """None for a job that has not ended, was skipped, or that none of these pools had or could have had.

    The pools are those whose runners register where the job is. forge is its kind.
    """
    conclusion, ended = text(job.get("conclusion")), moment(job.get("completed_at"))
    had = _pools(job, pools, forge)
    if not conclusion or conclusion == SKIPPED or ended is None or not had:
        return None
    gpus = {pool.gpus for pool in had}
    created, started = moment(job.get("created_at")), moment(job.get("started_at"))
    if not job.get("runner_name"):
        started = None
    if forge == GITEA and job.get("run_attempt") not in (None, 0, 1):
        created = None  # it keeps its number and the time of its creation, which may be days ago
    return JobRecord(
        repository=repository,
        workflow=workflow,
        pool=" or ".join(sorted(pool.key for pool in had)),
        gpus=gpus.pop() if len(gpus) == 1 else None,
        conclusion=conclusion,
        ended=ended,
        queued_seconds=_seconds(created, started),
        ran_seconds=_seconds(started, ended) or 0.0,
    )


def _pools(job: Json, pools: Iterable[DeclaredPool], forge: str) -> list[DeclaredPool]:
    """Those that offer its labels and of which one had it, by its runner's name: no forge tells a runner's namespace.

    For a job that no runner had, the plainest that offers its labels.
    """
    labels = compared((text(label) for label in job.get("labels") or ()), forge)
    fitting = [pool for pool in pools if labels <= compared(pool.labels, forge)]
    runner = text(job.get("runner_name"))
    if runner:
        match = _POD.fullmatch(runner)
        return [pool for pool in fitting if match and pool.name == match["pool"]]
    return sorted(fitting, key=lambda pool: (len(pool.labels), pool.key))[:1] if labels else []


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())


def moment(value: Any) -> datetime | None:
    """An RFC 3339 time; None for none, and for the years 1 and 1970, with which the forges say that."""
    try:
        read = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return None
    return read if read.tzinfo is not None and 1970 < read.year < 9000 else None


def text(value: Any) -> str:
    """One line of printable characters, cut: whoever may push may name things."""
    line = value if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in line[:_LONGEST]).strip()
