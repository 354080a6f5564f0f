"""What the registrar counts. One object with its own registry, so that tests and a second instance do not share."""

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from values.scope import Scope

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """Counters and gauges, named gpu_runners_*."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registrations = Counter(
            "gpu_runners_registrations",
            "Requests for a registration by result (issued, refused, braked, unavailable), reason and namespace",
            ("result", "reason", "namespace"),
            registry=self.registry,
        )
        self.credentials = Counter(
            "gpu_runners_credentials",
            "Requests for an account's token by result (issued, refused, unavailable), reason and namespace",
            ("result", "reason", "namespace"),
            registry=self.registry,
        )
        self.registration_seconds = Histogram(
            "gpu_runners_registration_seconds",
            "From a pod's request to its registration, the wait for a slow or a limiting forge included",
            registry=self.registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.forge_requests = Counter(
            "gpu_runners_forge_requests",
            "Requests to the forge; those with status 304 cost nothing of GitHub's hourly budget",
            ("verb", "status"),
            registry=self.registry,
        )
        self.actions = Counter(
            "gpu_runners_actions", "Things done to pods and runners", ("verb", "reason"), registry=self.registry
        )
        self.failed_actions = Counter(
            "gpu_runners_failed_actions", "Things that could not be done", ("verb",), registry=self.registry
        )
        self.lost_jobs = Counter(
            "gpu_runners_lost_jobs",
            "Jobs that were lost with their runners: lost, not explained (at the forge), run again, not run again",
            ("result",),
            registry=self.registry,
        )
        self.runners = Gauge(
            "gpu_runners_runners",
            "Runner pods by stage; `busy` has had a job",
            ("namespace", "pool", "stage", "busy"),
            registry=self.registry,
        )
        self.braked = Gauge(
            "gpu_runners_braked_seconds", "Seconds until a pool may register again", ("namespace", "pool"),
            registry=self.registry,
        )  # fmt: skip
        self.cycles = Histogram(
            "gpu_runners_cycle_seconds",
            "Duration of one look at pods and forge, without what is done because of it",
            registry=self.registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.forge_known = Gauge(
            "gpu_runners_forge_known", "1 while the forge answers for this scope", ("scope",), registry=self.registry
        )
        self.forge_budget = Gauge(
            "gpu_runners_forge_budget",
            "Requests an hour that the forge allows (limit), those left (remaining), seconds until new ones (reset)",
            ("what",),
            registry=self.registry,
        )
        self.unreadable_repositories = Gauge(
            "gpu_runners_unreadable_repositories",
            "Repositories of an organization whose jobs are unknown: moved, gone, closed to the credential, or silent",
            ("scope",),
            registry=self.registry,
        )
        self.runner_version_days = Gauge(
            "gpu_runners_runner_version_days",
            "Days for which the forge still serves a version of the runner",
            ("version",),
            registry=self.registry,
        )
        self.unserved = Gauge(
            "gpu_runners_unserved_jobs",
            "Jobs that wait and that no pool can take, by reason, while somebody reads the queue",
            ("scope", "reason"),
            registry=self.registry,
        )
        self.jobs = Gauge(
            "gpu_runners_jobs",
            "Jobs of a pool by state, queued or in_progress; missing where the forge does not answer",
            ("namespace", "pool", "state"),
            registry=self.registry,
        )
        self.job_queue_seconds = Histogram(
            "gpu_runners_job_queue_seconds",
            "From a job's creation to its start, as the forge has them; of jobs that have ended",
            ("namespace", "pool"),
            registry=self.registry,
            buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
        )
        self.job_seconds = Histogram(
            "gpu_runners_job_duration_seconds",
            "From a job's start to its end, by the forge's conclusion",
            ("namespace", "pool", "conclusion"),
            registry=self.registry,
            buckets=(10, 60, 300, 900, 3600, 14400, 43200, 86400, 259200),
        )
        self.startup_seconds = Histogram(
            "gpu_runners_startup_duration_seconds",
            "From a pod's creation to its runner's being online",
            ("namespace", "pool"),
            registry=self.registry,
            buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
        )
        self.gpus = Gauge(
            "gpu_runners_gpus",
            "GPUs that runners hold on nodes, by state: busy since their job began, else idle",
            ("namespace", "pool", "resource", "state"),
            registry=self.registry,
        )
        self.gpu_seconds = Counter(
            "gpu_runners_gpu_seconds",
            "GPU-seconds that runners held, by the same states",
            ("namespace", "pool", "resource", "state"),
            registry=self.registry,
        )
        self.runner_failures = Counter(
            "gpu_runners_runner_failures",
            "Runners that ended without their job's conclusion, by the kubelet's reason, or JobLost",
            ("namespace", "pool", "reason"),
            registry=self.registry,
        )
        self._last_answer = Gauge(
            "gpu_runners_forge_answer_age_seconds",
            "Age of the last usable answer of the forge",
            ("scope",),
            registry=self.registry,
        )

    def count_jobs(self, counts: Mapping[str, Mapping[str, Any]]) -> None:
        """The jobs of each pool, as `/queue` tells them."""
        self.jobs.clear()
        for key, numbers in counts.items():
            for state, name in (("queued", "waiting"), ("in_progress", "running")):
                self.jobs.labels(*key.split("/", 1), state).set(numbers.get(name, 0))

    def forge_answered(self, scope: Scope) -> None:
        """Remember now as the time of the last usable answer for a scope."""
        at = time.monotonic()
        self._last_answer.labels(scope.path).set_function(lambda: time.monotonic() - at)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
