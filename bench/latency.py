"""What a user waits for around one job: the pod that the queue makes, the runner, its first step, the next runner."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench import phases
from bench.budget import Budget
from bench.measurement import (
    CREATED_TO_ONLINE,
    EMPTY_POD,
    FIRST_STEP,
    FROM_ZERO,
    KUBECTL,
    NEXT_ONLINE,
    OURS,
    Measurement,
    Sample,
)
from bench.phases import between
from bench.witness import CREATED, ENDED, INITIALIZED, ONLINE, RUNNING, SANDBOX, SCALED, SCHEDULED, Witness
from bench.workshop import Workshop
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.pools import IMAGE, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job

WARM: Final = "warm"
ZERO: Final = "zero"
IDLE_SECONDS: Final = 5
DEADLINE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.03

# Of a pod, in their order; the floor of each is the kubelet's, but for what our scripts do in it.
POD_PHASES: Final = (
    (phases.SCHEDULED_PHASE, SCHEDULED),
    (phases.SANDBOX_PHASE, SANDBOX),
    (phases.REGISTRATION_PHASE, INITIALIZED),
    (phases.STARTED_PHASE, RUNNING),
    (phases.ONLINE_PHASE, ONLINE),
)


class Latency:
    """The waits around jobs, one job at a time. `empty`: a namespace in which nothing is asked of pods."""

    def __init__(self, workshop: Workshop, repository: Repository, namespace: str, empty: str) -> None:
        self._workshop, self._repository, self._namespace, self._empty = workshop, repository, namespace, empty
        self._witness, self._empty_witness = Witness(workshop.api, namespace), Witness(workshop.api, empty)
        self._samples: dict[tuple[str, str], list[Sample]] = {}

    def measurements(self) -> list[Measurement]:
        """What there is by now."""
        return [Measurement(measure, subject, 1, samples) for (measure, subject), samples in self._samples.items()]

    def run(self, budget: Budget) -> Iterator[str]:
        """Round after round while there is time."""
        for number in range(self._workshop.runs):
            self._empty_pod(number)
        own = self._workshop.folder / "latency"
        own.mkdir()
        stack = Stack.make("bench-latency", self._config(), own, self._workshop.variables)
        ledger = Ledger()
        try:
            stack.up().succeeded()
            for number in range(self._workshop.runs):
                if not budget.fits(1):
                    yield f"latency: no time left for run {number + 1}"
                    break
                started = time.monotonic()
                self._warm(ledger, number)
                self._from_zero(ledger, number)
                budget.took(1, time.monotonic() - started)
                yield "latency: " + ", ".join(f"{m} {s[-1].seconds:.2f} s" for (m, _), s in self._samples.items())
        finally:
            ledger.close()
            stack.destroy().succeeded()

    def _config(self) -> dict[str, Any]:
        following = pool(ZERO, autoscaling={"min": 0, "max": 2, "idleSeconds": IDLE_SECONDS})
        del following["replicas"]
        return {**pools_config(pool(WARM), following), "gpu-runners:namespace": self._namespace}

    def _keep(self, measure: str, began: float, marks: list[tuple[str, float | None]], subject: str = OURS) -> None:
        split = between(began, marks)
        if not split:
            missing = [name for name, at in marks if at is None]
            raise LabError(f"{measure}: nobody saw {' or '.join(missing)}")
        self._samples.setdefault((measure, subject), []).append(
            Sample(sum(seconds for _, seconds in split), split)
        )  # fmt: skip

    def _empty_pod(self, number: int) -> None:
        api, path = self._workshop.api, f"/api/v1/namespaces/{self._empty}/pods"
        container = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c"]}
        spec = {
            "initContainers": [{**container, "name": "first", "args": ["true"]}],
            "containers": [{**container, "name": "second", "args": ["exec sleep 60"]}],
            "terminationGracePeriodSeconds": 0,
        }
        name, began = f"empty-{number}", time.time()
        api.create(path, {"metadata": {"name": name}, "spec": spec})
        until("the empty pod runs", lambda: self._empty_witness.first(RUNNING, began), DEADLINE_SECONDS)
        (life,) = (life for life in list(self._empty_witness.pods.values()) if life.at[CREATED] > began)
        self._keep(
            EMPTY_POD, life.at[CREATED], [(what, life.at.get(event)) for what, event in POD_PHASES[:-1]], KUBECTL
        )
        api.delete(f"{path}/{name}", gracePeriodSeconds=0)

    def _warm(self, ledger: Ledger, number: int) -> None:
        """A job on an idle runner, and the runner that comes after it."""
        Pods(self._workshop.api, self._namespace, self._repository).until_ready(WARM, 1, DEADLINE_SECONDS)
        self._online_samples(WARM)
        began, ended = f"warm-began-{number}", f"warm-ended-{number}"
        pushed, queued, taken = self._push(one_job(WARM, f"{say(began, 'now')}\nsleep 1\n{say(ended, 'now')}"))
        start = ledger.until(began, bool, DEADLINE_SECONDS)[0].at
        end = ledger.until(ended, bool, DEADLINE_SECONDS)[0].at
        # The forge shows that a job is taken a moment after the runner has it.
        marks = [(phases.RUN_MADE, queued), (phases.JOB_GIVEN, min(taken, start))]
        self._keep(FIRST_STEP, pushed, [*marks, (phases.STEP_BEGINS, start)])
        online = until("the next runner is online", lambda: self._witness.first(ONLINE, end, WARM), DEADLINE_SECONDS)
        next_marks = [
            (phases.RUNNER_ENDS, self._witness.first(ENDED, end, WARM)),
            (phases.NEXT_POD_MADE, self._witness.first(CREATED, end, WARM)),
            (phases.NEXT_POD_ONLINE, online),
        ]
        self._keep(NEXT_ONLINE, end, next_marks)

    def _from_zero(self, ledger: Ledger, number: int) -> None:
        """A job for a pool at zero."""
        path = f"/apis/apps/v1/namespaces/{self._namespace}/deployments/{ZERO}"
        pods = Pods(self._workshop.api, self._namespace, self._repository)
        until("the pool is at zero", lambda: not self._workshop.api.get(path)["spec"].get("replicas") and not
              pods.of(ZERO), DEADLINE_SECONDS)  # fmt: skip
        topic = f"zero-began-{number}"
        _, queued, _ = self._push(one_job(ZERO, say(topic, "now")), wait=False)
        ledger.until(topic, bool, DEADLINE_SECONDS)
        (deployment,) = (life for life in list(self._witness.deployments.values()) if life.pool == ZERO)
        created = self._witness.first(CREATED, queued, ZERO)
        marks = [
            (phases.QUEUE_READ, deployment.at.get(SCALED)),
            (phases.POD_MADE, created),
        ]
        self._keep(FROM_ZERO, queued, marks)

    def _online_samples(self, pool_name: str) -> None:
        """Of each pod that is online and was not counted yet."""
        for life in list(self._witness.pods.values()):
            if life.pool == pool_name and ONLINE in life.at and "counted" not in life.at:
                life.at["counted"] = life.at[ONLINE]
                self._keep(CREATED_TO_ONLINE, life.at[CREATED], [(what, life.at.get(at)) for what, at in POD_PHASES])

    def _push(self, workflow: str, *, wait: bool = True) -> tuple[float, float, float]:
        """When the push was answered, when the forge had the run, and when a runner had its job (0: not awaited)."""
        commit = self._repository.push_workflow(workflow)
        pushed = time.time()
        run, queued = _soon("the forge makes a run", lambda: self._repository.run_of(commit))
        if not wait:
            return pushed, queued, 0.0

        def is_taken() -> bool:
            return any(job["status"] not in ("queued", "waiting") for job in self._repository.jobs(int(run["id"])))

        _, taken = _soon("a runner takes the job", is_taken)
        return pushed, queued, taken


def _soon(what: str, look: Callable[[], Any]) -> tuple[Any, float]:
    """The first truthy answer, and when it came."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (answer := look()):
        if time.monotonic() > end:
            raise LabError(f"waited {DEADLINE_SECONDS:.0f} s until {what}")
        time.sleep(LOOK_SECONDS)
    return answer, time.time()
