"""A runner's pod as the registrar sees it: frozen values, no Kubernetes library. `reading` makes them."""

from dataclasses import dataclass
from enum import Enum

from values import contract


class Stage(Enum):
    """Where a pod is on its one way from created to gone."""

    SCHEDULING = "scheduling"  # no node yet
    PULLING = "pulling"  # an image, of the init container or of the runner's container
    INITIALIZING = "initializing"  # the init container runs, waits or backs off
    STARTING = "starting"  # the runner's container runs and was never seen online
    RUNNING = "running"  # the runner's container runs and was seen online
    TERMINATING = "terminating"  # deleted, its container not ended yet
    COMPLETED = "completed"  # the runner's container ended with exit code 0
    FAILED = "failed"  # it ended otherwise, or the pod failed without ever running it (evicted, rejected by the node)

    __hash__ = (
        object.__hash__
    )  # each is there once; Enum's own is Python code, and sets of stages are asked for each pod


WAITING = frozenset({Stage.SCHEDULING, Stage.PULLING, Stage.INITIALIZING})
ENDED = frozenset({Stage.COMPLETED, Stage.FAILED})


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the runner's container ended. `at` is Unix time, `exit_code` None where no container ever ran."""

    exit_code: int | None
    reason: str
    message: str
    ran_seconds: float
    at: float

    def __str__(self) -> str:
        how = "no exit code" if self.exit_code is None else f"exit code {self.exit_code}"
        why = ": ".join(part for part in (self.reason, self.message.strip()) if part and part != "Completed")
        return f"{how} ({why})" if why else how


@dataclass(frozen=True, kw_only=True)
class RunnerPod:
    """One pod that carries the pool label. `since` is the Unix time at which its stage began, see `beginnings`."""

    namespace: str
    name: str
    uid: str
    version: int  # the resource version: which of two views of the pod is the newer one
    pool: str
    owner: str  # name of the Deployment that it came from; "" for a pod that came from none
    template_hash: str
    service_account: str
    runner_labels: tuple[str, ...]
    stage: Stage
    since: float
    created: float
    cause: str  # Kubernetes' own words on why the pod is not further, "" if it gives none
    started: bool  # the runner's container has been started, whatever became of it
    deleting: bool
    runner_id: int | None
    busy: str | None  # the latch: None, a forge's job id, or BUSY_WITH_UNKNOWN_JOB
    gated: bool  # the readiness gate is true
    ended: Ended | None
    killed_at: float | None = None  # Unix time at which whatever of it still runs is killed; None where it stays
    addresses: tuple[str, ...] = ()
    gpus: int = 0  # devices of `gpu_resource` that it asks for, "" and 0 for none
    gpu_resource: str = ""
    short_of: tuple[str, ...] = ()  # of what no node has enough left for it, though one would if other pods ended
    kept_out: bool = False  # the scheduler says of some node that it has a taint which the pod does not tolerate
    node: str = ""  # "" before it has one
    stamped: float = 0.0  # `since` as whoever wrote the status has it: a node, by its own clock
    hopeless: bool = False  # the scheduler says that no node could hold it, even an empty one

    @property
    def was_stopped(self) -> bool:
        """Whether it ended because it was deleted: before its runner began, or by the signal that follows.

        A pod that a node has ended or turned away says why.
        """
        if self.ended is None or not self.deleting:
            return False
        never_began = self.ended.exit_code is None and not self.ended.reason
        return never_began or (self.ended.exit_code, self.ended.reason) == (contract.TERMINATED_EXIT_CODE, "Error")

    @property
    def stays(self) -> bool:
        """Whether it has not ended and nobody has deleted it."""
        return not self.deleting and self.stage not in ENDED

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return (self.namespace, self.name)

    @property
    def pool_key(self) -> tuple[str, str]:
        """Namespace and pool: what people call a pool."""
        return (self.namespace, self.pool)
