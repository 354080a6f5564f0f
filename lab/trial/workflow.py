"""A workflow run from push to conclusion. What a job does is sh text; how it went is the forge's word."""

import textwrap
import time
from dataclasses import dataclass

from lab.trial.deadline import until
from lab.trial.repository import Repository

START_SECONDS = 30.0


@dataclass(frozen=True)
class Job:
    """A job as the forge has it. `conclusion` is "" until it has ended, `runner` until it has one."""

    id: int
    name: str
    status: str
    conclusion: str
    runner: str


@dataclass(frozen=True)
class Run:
    """A run of a pushed workflow; `pushed` is when the push had been taken, in Unix time."""

    repository: Repository
    id: int
    pushed: float

    def jobs(self) -> dict[str, Job]:
        """Its jobs by name."""
        jobs = (
            Job(int(j["id"]), j["name"], j["status"], j.get("conclusion") or "", j.get("runner_name") or "")
            for j in self.repository.jobs(self.id)
        )
        return {job.name: job for job in jobs}

    def until_done(self, seconds: float) -> dict[str, Job]:
        """Waits until every job has a conclusion; returns them."""

        def done() -> dict[str, Job]:
            # A run is completed a moment after its last job, and the other way round while it is cancelled.
            completed = self.repository.run(self.id)["status"] == "completed"
            jobs = self.jobs() if completed else {}
            return jobs if all(job.conclusion for job in jobs.values()) else {}

        def progress() -> list[str]:
            return [f"{job.name}: {job.conclusion or job.status} {job.runner}" for job in self.jobs().values()]

        return until(f"run {self.id} is done", done, seconds, seen=progress)

    def log(self, job: str) -> str:
        """The log of one of its jobs."""
        return self.repository.log(self.jobs()[job].id)


def push(repository: Repository, workflow: str) -> Run:
    """Pushes the workflow and waits for the run that the forge makes of it."""
    commit = repository.push_workflow(workflow)
    pushed = time.time()
    run = until(f"the forge makes a run of {commit[:10]}", lambda: repository.run_of(commit), START_SECONDS)
    return Run(repository, int(run["id"]), pushed)


def one_job(label: str, script: str, *, name: str = "job") -> str:
    """A workflow of a single job."""
    return several_jobs({name: (label, script)})


def several_jobs(jobs: dict[str, tuple[str, str]]) -> str:
    """A workflow of independent jobs: name → runner label and bash script."""
    parts = [f"  {name}:\n    runs-on: {label}\n{_steps(script)}" for name, (label, script) in jobs.items()]
    return "name: test\non: push\njobs:\n" + "".join(parts)


def _steps(script: str) -> str:
    body = textwrap.indent(textwrap.dedent(script).strip(), " " * 10)
    return f"    steps:\n      - run: |\n{body}\n"
