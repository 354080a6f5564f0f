"""Accounting: what runners cost and how long jobs waited, as metrics. Keeps nothing that a restart would lose twice.

Counters begin anew with each process, as Prometheus expects; a pod that ended before this process began is not counted.
Those of a pool end with it.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final

from registrar.forges.forge import Job
from registrar.metrics import Metrics
from registrar.outcomes import Outcome
from registrar.pods import ENDED, RunnerPod, Stage
from registrar.pool_series import PoolKey, PoolSeries

BUSY: Final = "busy"
IDLE: Final = "idle"
LONGEST_TICK_SECONDS: Final = 60.0  # a process that slept counts no more than this: it saw nothing meanwhile
# The kubelet's and the runtime's own reasons; whatever else a status says is one of many words.
REASONS: Final = frozenset(
    {"ContainerCannotRun", "DeadlineExceeded", "Error", "Evicted", "NodeLost", "NodeShutdown", "OOMKilled"}
) | {"Preempting", "StartError", "Terminated", "UnexpectedAdmissionError"}
OTHER: Final = "Other"
LOST_JOB: Final = "JobLost"  # its job has no conclusion at the forge
_CONCLUSIONS: Final = frozenset(
    {"action_required", "cancelled", "failure", "neutral", "skipped", "stale", "startup_failure", "success"}
) | {"timed_out"}


class Accounting:
    """Writes to the metrics. `now` is Unix time; `elapsed`: seconds that only grow, by which pools are forgotten."""

    def __init__(
        self, metrics: Metrics, *, now: Callable[[], float] = time.time, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._metrics, self._now, self._series = metrics, now, PoolSeries(clock=elapsed)
        self._began = now()
        self._ticked = self._began

    def tick(self, pods: Collection[RunnerPod], declared: Iterable[PoolKey] = ()) -> None:
        """Adds the time since the last tick for each GPU that a pod holds; counts those that are held now.

        Forgets pools that are gone: without pods, and not `declared`.
        """
        self._series.seen({pod.pool_key for pod in pods} | set(declared))
        self._series.forget()
        now = self._now()
        seconds = min(max(0.0, now - self._ticked), LONGEST_TICK_SECONDS)
        self._ticked = now
        held = Counter[tuple[str, str, str, str]]()
        for pod in pods:
            if pod.gpus and pod.stage not in ENDED and pod.stage is not Stage.SCHEDULING:
                held[pod.namespace, pod.pool, pod.gpu_resource, IDLE if pod.busy is None else BUSY] += pod.gpus
        self._metrics.gpus.clear()
        for (namespace, pool, *labels), gpus in held.items():
            self._metrics.gpus.labels(namespace, pool, *labels).set(gpus)
            self._series.of(self._metrics.gpu_seconds, (namespace, pool), *labels).inc(gpus * seconds)

    def came_online(self, pod: RunnerPod) -> None:
        """Its runner was just seen online for the first time."""
        series = self._series.of(self._metrics.startup_seconds, pod.pool_key)
        series.observe(max(0.0, self._now() - pod.created))

    def ended(self, pod: RunnerPod, outcome: Outcome, job: Job | None) -> None:
        """What became of a runner and its job is known."""
        if pod.ended is None or pod.ended.at < self._began:
            return
        if job is not None and outcome.done:
            conclusion = job.conclusion if job.conclusion in _CONCLUSIONS else OTHER.lower()
            if job.queued_seconds is not None:
                self._series.of(self._metrics.job_queue_seconds, pod.pool_key).observe(job.queued_seconds)
            if job.ran_seconds is not None:
                self._series.of(self._metrics.job_seconds, pod.pool_key, conclusion).observe(job.ran_seconds)
        if not outcome.done and not (pod.deleting and not outcome.had_job):
            reason = LOST_JOB if outcome.had_job else pod.ended.reason if pod.ended.reason in REASONS else OTHER
            self._series.of(self._metrics.runner_failures, pod.pool_key, reason).inc()
