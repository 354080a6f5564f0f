"""Follows one run at the forge and the runner pods beside it, until the run has ended or a phase takes too long."""

import time
from collections.abc import Iterator

from lab.demo import changes, job_log, phases, pulumi_output
from lab.demo.cluster_view import ClusterView
from lab.demo.forges.forge import Forge, Started
from lab.demo.snapshot import Job, Pod, Snapshot
from lab.demo.story import Story
from lab.demo.timeline import Event
from lab.errors import LabError

POLL_SECONDS = 0.3
RUN_DEADLINE_SECONDS = 30


class PhaseTimeoutError(LabError):
    """Something did not happen in time; the message says what and how long it was awaited."""


class RunWatch:
    """One run. `pods`: every runner pod that was ever seen, as it was seen last; `since`: the start."""

    def __init__(self, forge: Forge, cluster: ClusterView, story: Story, started: Started) -> None:
        self._forge, self._cluster, self._story, self._started = forge, cluster, story, started
        self.pods: dict[str, Pod] = {}
        self.last = Snapshot(pods=cluster.runner_pods())
        self.since = time.time()
        self._old_pods = set(self.last.pods)
        self._told: dict[str, int] = {}

    def follow(self, gpu_pool: str) -> None:
        """Tells what happens until the run has ended. Raises PhaseTimeoutError."""
        run = self._run()
        awaited, since = phases.current(self.last), time.monotonic()
        while not self.last.is_done:
            self._look(run, gpu_pool)
            now = phases.current(self.last)
            if now != awaited:
                awaited, since = now, time.monotonic()
            limit = awaited.seconds if awaited else RUN_DEADLINE_SECONDS
            if time.monotonic() - since > limit:
                raise PhaseTimeoutError(f"waited {limit:.0f} s for {awaited.name if awaited else 'the run to end'}")
            if not self.last.is_done:
                time.sleep(POLL_SECONDS)
        self._story.mark("done")

    def log(self, name: str) -> list[job_log.Line]:
        """The log of a job so far; empty before it has started."""
        job = self.last.jobs.get(name)
        return job_log.lines(self._forge.runs.log(job)) if job else []

    def _run(self) -> int:
        """The number of the run that the forge made; it may do so a little later."""
        end = time.monotonic() + RUN_DEADLINE_SECONDS
        while time.monotonic() < end:
            run = self._forge.find_run(self._started.key)
            if run is not None:
                self._story.log("forge", f"made a run: {self._forge.runs.page(run)}")
                return run
            time.sleep(POLL_SECONDS)
        raise PhaseTimeoutError(
            f"waited {RUN_DEADLINE_SECONDS} s for the forge to make a run of {self._started.key[:10]}: "
            f"{self._forge.run_is_missing}"
        )

    def _look(self, run: int, gpu_pool: str) -> None:
        status, conclusion = self._forge.runs.state(run)
        jobs = self._forge.runs.jobs(run)
        pods = self._cluster.runner_pods()
        self.pods.update(pods)
        before, self.last = self.last, Snapshot(
            status, conclusion, {entry.name: entry for entry in jobs}, pods
        )  # fmt: skip
        now = time.time()
        news = [Event(now, source, text) for source, text in changes.between(before, self.last)]
        for entry in jobs:
            news += self._new_lines(entry)
        for event in sorted(news, key=lambda event: event.at):
            self._story.log(event.source, event.text, event.at)
        self._mark(gpu_pool)

    def _mark(self, gpu_pool: str) -> None:
        new = [pod for name, pod in self.last.pods.items() if name not in self._old_pods and pod.pool == gpu_pool]
        if new:
            self._story.mark("pod created")
        if any(pod.is_online for pod in new):
            self._story.mark("runner online")
        if "deploy" in self.last.jobs and self.last.jobs["deploy"].is_done:
            self._story.mark("deploy done")
        for name in ("deploy", "train"):
            if name in self.last.jobs and self.last.jobs[name].has_started:
                self._story.mark(f"{name} started")
        if "train" in self.last.jobs and self.last.jobs["train"].conclusion == "success":
            self._story.mark("trained")

    def _new_lines(self, entry: Job) -> Iterator[Event]:
        """What the job's log says that it did not say at the last look."""
        lines = self.log(entry.name)
        summary = next((n for n, line in enumerate(lines) if line.text.startswith(pulumi_output.SUMMARY)), None)
        yield from job_log.events(entry.name, lines[self._told.get(entry.name, 0) : summary])
        self._told[entry.name] = len(lines)
        for name, at in (("data pulled", job_log.training_begins(lines)), ("training", job_log.first_step(lines))):
            if at is not None:
                self._story.mark(name, at)
