"""RunnerPool: what a pool of runners is, as plain data. Checked by whoever reads it from a person (`config`)."""

from fractions import Fraction
from typing import Final, NotRequired, TypedDict

from values.accounts import DEPLOYER, PREVIEWER
from values.autoscaling import Autoscaling
from values.cache import Cache
from values.kubernetes_syntax import amount, bytes_quantity
from values.placement import GpuPlacement
from values.problem import Problem
from values.runner_label import SELF_HOSTED, folded
from values.scope import GITHUB

NO_IDENTITY: Final = "none"
RUNNER_FILES: Final = "2Gi"  # most of the forge's runner, which is copied into each pod
IDENTITIES: Final = (NO_IDENTITY, DEPLOYER, PREVIEWER)
# Never would run whatever a node happens to have.
REGISTRATION_MEMORY: Final = "512Mi"  # the most that a runner's registration may take, whatever it runs
IMAGE_PULL_POLICIES: Final = ("IfNotPresent", "Always")


class RunnerPool(TypedDict):
    """Runners that differ in nothing: one Deployment."""

    name: str
    """Name of the pool and of its Deployment."""
    namespace: str
    """The trust zone it runs in."""
    labels: list[str]
    """Runner labels, the words of `runs-on`; the forge matches all of a job's."""
    replicas: int
    """Runners that wait for a job at the same time; where the pool is autoscaled, only the first number."""
    image: str
    """The image jobs run in."""
    runner_image: str
    """The image that holds the forge's runner."""
    forge: str
    """`gitea` or `github`: how the runner is started."""
    gpu: NotRequired[GpuPlacement]
    """GPUs and nodes; without it, no GPU and any node."""
    cpu: str
    """Requested CPU."""
    memory: str
    """Requested memory and limit; /dev/shm counts towards it."""
    shared_memory: str
    """Size of /dev/shm."""
    work_volume: str
    """Size limit of the volume that jobs work in."""
    ephemeral_storage: str
    """What a runner may write to its node's disk beside that volume: its image's files, logs."""
    protect_job_seconds: int
    """The longest that a deleted runner may go on with its job."""
    identity: str
    """`none`, or `deployer` or `previewer`: jobs may then use the rights of the ServiceAccount of that name."""
    image_pull_policy: str
    """When a node asks the registry for an image: `IfNotPresent`, or `Always`."""
    pull_secrets: NotRequired[list[str]]
    """Secrets of the namespace with which both images are pulled."""
    env: NotRequired[dict[str, str]]
    """Environment variables of the container that jobs run in."""
    proxy: NotRequired[dict[str, str]]
    """Environment variables of both containers that say which proxy is the way out."""
    caches: NotRequired[list[Cache]]
    """Claims of the namespace that jobs find below /caches."""
    runtime_class: NotRequired[str]
    """The RuntimeClass; the cluster's usual one without it."""
    priority_class: NotRequired[str]
    """The PriorityClass; the cluster's default one without it."""
    autoscaled: bool
    """Whether something else sets the number of replicas after the first `up`; true beside `autoscaling`."""
    prepull: NotRequired[bool]
    """Whether every node that may hold a runner pulls its images ahead; needs `gpu`."""
    autoscaling: NotRequired[Autoscaling]
    """How the pool follows the queue, by KEDA."""


def most_runners(pool: RunnerPool) -> int:
    """How many runners the pool may have at the same time, as far as the stack says."""
    return pool["autoscaling"]["max"] if "autoscaling" in pool else pool["replicas"]


def pool_key(pool: RunnerPool) -> str:
    """What tells pools apart in a cluster: `namespace/name`."""
    return f"{pool['namespace']}/{pool['name']}"


def missing_self_hosted(pool: RunnerPool) -> Problem | None:
    """What jobs must not write in `runs-on`, though most do, of a pool at GitHub that lacks the usual label.

    A just-in-time runner has the labels that it was registered with and no other; what finds no runner fails after a
    day (https://docs.github.com/actions/reference/limits).
    """
    if pool["forge"] != GITHUB or SELF_HOSTED in folded(pool["labels"]):
        return None
    labels = ", ".join(pool["labels"])
    return Problem(
        f"labels of pool {pool['name']}",
        f"no {SELF_HOSTED}, which GitHub does not add: a job with `runs-on: [{SELF_HOSTED}, {labels}]` waits 24 hours "
        "and fails",
        f"jobs with `runs-on: [{labels}]`",
        f"write this in `runs-on`, or add {SELF_HOSTED} to the pool's labels",
    )


def storage_limit(pool: RunnerPool) -> str:
    """What the pod may write to its node's disk: the kubelet evicts it beyond that, so that no job fills the node."""
    parts = (pool["work_volume"], RUNNER_FILES, pool["ephemeral_storage"])
    return bytes_quantity(sum(map(amount, parts), Fraction()))


def pools_config_map(stack: str) -> str:
    """The name of the ConfigMap that lists a stack's pools; its deployer may write this one and no other."""
    return f"pools-{stack}"
