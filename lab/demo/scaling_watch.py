"""Follows the jobs of one run and the pods that the queue makes for them, until the run has ended."""

import time
from collections.abc import Iterator
from typing import Final

from lab.demo import changes, job_log
from lab.demo.cluster_view import ClusterView
from lab.demo.forges.forge import Forge, Started
from lab.demo.snapshot import Job, Pod, Snapshot
from lab.demo.story import Story
from lab.demo.timeline import Event
from lab.errors import LabError

POLL_SECONDS: Final = 0.3
RUN_DEADLINE_SECONDS: Final = 30
JOBS_DEADLINE_SECONDS: Final = 420


class ScalingWatch:
    """One run. `before`: the pool's pods before it; `pods`: every one that was seen since; `most`: at the same time."""

    def __init__(self, forge: Forge, cluster: ClusterView, story: Story, started: Started, jobs: int) -> None:
        self._forge, self._cluster, self._story, self._started, self._jobs = forge, cluster, story, started, jobs
        self.last = Snapshot(pods=cluster.runner_pods())
        self.before = tuple(pod.name for pod in self.last.pods.values() if pod.phase in ("Pending", "Running"))
        self.pods: dict[str, Pod] = {}
        self.most = 0
        self._told: dict[str, int] = {}

    def follow(self) -> None:
        """Tells what happens until the run has ended. Raises LabError at a deadline."""
        run, end = self._run(), time.monotonic() + JOBS_DEADLINE_SECONDS
        while not (self.last.is_done and len(self.last.jobs) >= self._jobs):
            if time.monotonic() > end:
                raise LabError(f"waited {JOBS_DEADLINE_SECONDS} s for {self._jobs} jobs to end: {self._standing()}")
            self._look(run)
            time.sleep(POLL_SECONDS)
        self._story.mark("trained")

    def log(self, name: str) -> list[job_log.Line]:
        """The log of a job so far; empty before it has started."""
        return job_log.lines(self._forge.runs.log(self.last.jobs[name]))

    def _standing(self) -> str:
        jobs = ", ".join(f"{job.name} is {job.status}" for job in self.last.jobs.values())
        pods = ", ".join(f"{pod.name} is {pod.phase}" for pod in self.last.pods.values())
        return f"{jobs or 'no job was made'}; {pods or 'the pool has no pod'}"

    def _run(self) -> int:
        end = time.monotonic() + RUN_DEADLINE_SECONDS
        while time.monotonic() < end:
            self._look_at_pods()
            run = self._forge.find_run(self._started.key)
            if run is not None:
                self._story.log("forge", f"made a run: {self._forge.runs.page(run)}")
                return run
            time.sleep(POLL_SECONDS)
        raise LabError(f"waited {RUN_DEADLINE_SECONDS} s for the forge to make a run: {self._forge.run_is_missing}")

    def _look(self, run: int) -> None:
        status, conclusion = self._forge.runs.state(run)
        jobs = self._forge.runs.jobs(run)
        before = self.last
        self.last = Snapshot(status, conclusion, {job.name: job for job in jobs}, self._look_at_pods())
        now = time.time()
        news = [Event(now, source, text) for source, text in changes.between(before, self.last)]
        for job in jobs:
            news += self._new_lines(job)
        for event in sorted(news, key=lambda event: event.at):
            self._story.log(event.source, event.text, event.at)
        started = sum(job.has_started for job in jobs)
        if started:
            self._story.mark("train started")
        if started >= self._jobs:
            self._story.mark("all started")

    def _look_at_pods(self) -> dict[str, Pod]:
        pods = self._cluster.runner_pods()
        new = {name: pod for name, pod in pods.items() if name not in self.before}
        if new:
            self._story.mark("pod created")
        if any(pod.is_online for pod in new.values()):
            self._story.mark("runner online")
        self.pods.update(new)
        self.most = max(self.most, sum(pod.phase in ("Pending", "Running") for pod in new.values()))
        return pods

    def _new_lines(self, job: Job) -> Iterator[Event]:
        lines = job_log.lines(self._forge.runs.log(job))
        yield from job_log.events(job.name, lines[self._told.get(job.name, 0) :])
        self._told[job.name] = len(lines)
        first = job_log.first_step(lines)
        if first is not None:
            self._story.mark("training", first)
