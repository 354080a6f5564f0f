"""The suite's own platform with its pools, its forge's door and its jobs: what a fault acts on."""

import contextlib
import itertools
import time
from dataclasses import dataclass, field

from lab import node
from lab.errors import LabError
from lab.faults.forge_door import ForgeDoor
from lab.faults.place import Place
from lab.faults.work import Work, script
from lab.trial.ledger import Ledger
from lab.trial.pods import RunnerPod
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import push, several_jobs

# A runner that nobody saw end: Gitea calls it offline after a minute, and then it may be silent for `lostSeconds`, 90.
TOLD_SECONDS = 240.0
UNHEARD_SECONDS = 8.0  # for the forge's word on a job whose runner is gone: it has none


@dataclass(kw_only=True)
class Scene(Place):
    """A place that jobs are pushed to. `works`: what was begun since the fault began."""

    repository: Repository
    stack: Stack
    ledger: Ledger
    door: ForgeDoor
    works: list[Work] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def begin(self, pool: str, seconds: float, count: int = 1, between: str = "") -> Work:
        """Pushes a run of so many silent jobs; returns when each has begun."""
        work = self.push(pool, seconds, count, between)
        work.begun()
        return work

    def push(self, pool: str, seconds: float, count: int = 1, between: str = "") -> Work:
        """Pushes a run of so many silent jobs, which wait for runners of the pool."""
        topic = f"faults-{next(self._numbers)}-{time.monotonic_ns() % 100_000}"
        names = tuple(f"job-{number}" for number in range(count))
        jobs = {name: (pool, script(topic, name, seconds, between)) for name in names}
        work = Work(push(self.repository, several_jobs(jobs)), topic, names, self.ledger)
        self.works.append(work)
        return work

    def conclude(self, work: Work, seconds: float) -> None:
        """Waits for the forge's word on each job of a run, and no longer than so many seconds."""
        work.concluded(seconds)

    def latched(self, work: Work, name: str = "job-0") -> RunnerPod:
        """The pod of a job, as soon as the registrar has noted that it works."""
        host = work.pod(name)

        def found() -> RunnerPod | None:
            pod = self.pods.find(host)
            return pod if pod and pod.job else None

        return self.until(f"the busy latch of {host} is set", found, 30)

    def told(self, work: Work) -> bool:
        """Whether people read beside the commit of a run that the runner of one of its jobs is gone; waits for that."""
        with contextlib.suppress(LabError):
            return self.until("the forge says why a job is lost", work.told, TOLD_SECONDS)
        return False

    def kubectl(self, *arguments: str) -> str:
        """kubectl as the lab's administrator."""
        return node.kubectl(*arguments)
