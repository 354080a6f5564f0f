"""Which pool or job somebody asks about. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from access.causes.facts import JobFacts, StackFacts
from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import UsageWrongError

# A number, OWNER/REPOSITORY/NUMBER as this program prints it, or the page of a job as a browser shows its address: with
# ?pr=12, #step:3:1, and at a Gitea maybe below a folder.
_JOB: Final = re.compile(r"(?:(?P<where>[^/\s]+/[^/\s]+)/)?(?P<number>[0-9]{1,19})", re.ASCII)
_PAGE: Final = re.compile(
    r"https?://[^/\s]+/(?:[^?#\s]+/)?(?P<where>[^/?#\s]+/[^/?#\s]+)/actions/runs/[0-9]+/jobs?/(?P<number>[0-9]{1,19})/?"
    r"(?:[?#]\S*)?",
    re.ASCII,
)

_NO_PAGE: Final = (
    "found an address that is no page of a job; allowed: https://HOST/OWNER/REPOSITORY/actions/runs/NUMBER/job/NUMBER; "
    "cure: choose the job on the page of its run, and copy the address of that"
)


@dataclass(frozen=True)
class JobName:
    """A job by its number at the forge; where is its repository, "" where that was not said."""

    where: str
    number: str

    def is_of(self, job: JobFacts) -> bool:
        """Whether it means this job: of a repository's scope the forge's own id is a bare number."""
        where, _, number = job.id.rpartition("/")
        return number == self.number and (not where or not self.where or where.lower() == self.where.lower())


def job_name(text: str) -> JobName | None:
    """A job, None for a word that names none. Raises UsageWrongError for a page that is none of a job's."""
    match = _JOB.fullmatch(text) or _PAGE.fullmatch(text)
    if match is None and "://" in text:
        raise UsageWrongError(_NO_PAGE)
    return JobName(match["where"] or "", match["number"]) if match else None


def named_pools(text: str, pools: Iterable[DeclaredPool]) -> list[DeclaredPool]:
    """The pools of that name, or of that namespace and name."""
    return [pool for pool in pools if text in (pool.name, pool.key)]


def stack_facts(stack: str, name: str, pools: Sequence[DeclaredPool], configured: tuple[str, ...] | None) -> StackFacts:
    """What a stack says of a pool; configured is None for a config that cannot be read."""
    bare = name.rpartition("/")[2]
    declared = named_pools(name, pools)
    names = {pool.name for pool in pools} | set(configured or ())
    return StackFacts(
        stack=stack,
        in_config=configured is None or bare in configured,
        in_state=bool(declared),
        replicas=declared[0].replicas if declared else None,
        pools=tuple(sorted(names)),
    )
