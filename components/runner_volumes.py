"""The runner pod's volumes and where they are mounted. Pure.

The token for a registration is mounted into the init container alone, so that nothing in the user's image can ask for
one. The main container of base runners has a token for another audience: what it is good for depends on the job.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from values.cache import Cache, cache_path, cache_volume
from values.contract import (
    JOB_TOKEN_AUDIENCE,
    QUEUED_SECONDS_ANNOTATION,
    TOKEN_AUDIENCE,
    TRUST_CONFIG_MAP,
    kubeconfig_key,
)
from values.pool import RUNNER_FILES

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s

    Volume = k8s.core.v1.VolumeArgsDict
    Mount = k8s.core.v1.VolumeMountArgsDict
    Projection = k8s.core.v1.VolumeProjectionArgsDict

RUNNER_DIRECTORY: Final = "/runner"
REGISTRATION_DIRECTORY: Final = "/registration"
WORK_DIRECTORY: Final = "/work"
JOBS_FOLDER: Final = "jobs"  # of the work volume
# Where GitHub's runner works. A mount and no link: what looks for files below the workspace (hashFiles, caches of the
# set-up actions) compares it with the process's own directory, in which links are gone.
GITHUB_WORK_DIRECTORY: Final = f"{RUNNER_DIRECTORY}/_work"
# The same and what else a job that asks for a container finds, under the names that GitHub's runner gives them there.
_CONTAINER_FOLDERS: Final = (
    ("work", "/__w", JOBS_FOLDER),
    ("work", "/__t", "tools"),
    ("work", "/github", "github"),
    ("runner-files", "/__e", "externals"),
)
TOKEN_DIRECTORY: Final = "/var/run/registrar"  # noqa: S105 - a path
TRUST_DIRECTORY: Final = "/etc/registrar-trust"
JOB_CREDENTIAL_DIRECTORY: Final = "/var/run/job-credential"  # the token, the plugin, a kubeconfig for each account
QUEUE_TIME_DIRECTORY: Final = "/var/run/queue-time"  # at GitHub: what the registrar wrote on the pod
QUEUE_TIME_KEY: Final = "seconds"
QUEUE_TIME_FIELD: Final = f"metadata.annotations['{QUEUED_SECONDS_ANNOTATION}']"
KUBERNETES_CA_CONFIG_MAP: Final = "kube-root-ca.crt"  # Kubernetes writes it into every namespace
KUBERNETES_CA_FILE: Final = "kubernetes-ca.crt"

# Where a container may leave its last words: a file of the node that every user may write, without a bound, and that no
# limit of ephemeral storage counts (tried: 2.6 GB, not evicted). Jobs cannot get at one below root's own folder, which
# images keep closed; the last lines of the log serve in its place.
REGISTRATION_MESSAGE: Final = "/dev/termination-log"
RUNNER_MESSAGE: Final = "/root/termination-log"

# The kubelet renews it after four fifths of this; the shortest that the API server accepts.
TOKEN_SECONDS: Final = 600


def pod_volumes(shared_memory: str, work_volume: str, *, job_credentials: bool, of_github: bool) -> "list[Volume]":
    """All volumes of the pod. Sizes are Kubernetes quantities.

    job_credentials adds that by which jobs ask the registrar for the rights of an account, of_github how long a job has
    waited, for its summary.
    """
    volumes: list[Volume] = [
        {"name": "runner-files", "empty_dir": {"size_limit": RUNNER_FILES}},
        {"name": "registration", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
        {"name": "work", "empty_dir": {"size_limit": work_volume}},
        {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": shared_memory}},
        {"name": "registrar-token", "projected": {"default_mode": 0o440, "sources": [_token(TOKEN_AUDIENCE)]}},
        {"name": "registrar-trust", "config_map": {"name": TRUST_CONFIG_MAP, "default_mode": 0o444}},
    ]
    if of_github:
        volumes.append({"name": "queue-time", "downward_api": _queue_time()})
    return [*volumes, {"name": "job-credential", "projected": _job_credential()}] if job_credentials else volumes


def cache_volumes(caches: Iterable[Cache]) -> "list[Volume]":
    """Claims that outlive the pod. One to be read is mounted read-only as a whole: nothing in the pod can undo that."""
    return [
        {
            "name": cache_volume(cache["claim"]),
            "persistent_volume_claim": {"claim_name": cache["claim"], "read_only": not cache["writable"]},
        }
        for cache in caches
    ]


def cache_mounts(caches: Iterable[Cache]) -> "list[Mount]":
    """Where jobs find them."""
    return [
        {
            "name": cache_volume(cache["claim"]),
            "mount_path": cache_path(cache["claim"]),
            "read_only": not cache["writable"],
        }
        for cache in caches
    ]


def registration_mounts() -> "list[Mount]":
    """Mounts of the init container."""
    return [
        {"name": "runner-files", "mount_path": RUNNER_DIRECTORY},
        {"name": "registration", "mount_path": REGISTRATION_DIRECTORY},
        {"name": "work", "mount_path": WORK_DIRECTORY},
        {"name": "registrar-token", "mount_path": TOKEN_DIRECTORY, "read_only": True},
        {"name": "registrar-trust", "mount_path": TRUST_DIRECTORY, "read_only": True},
    ]


def runner_mounts(*, job_credentials: bool, of_github: bool) -> "list[Mount]":
    """Mounts of the main container; of_github adds what GitHub's runner works with."""
    mounts: list[Mount] = [
        {"name": "runner-files", "mount_path": RUNNER_DIRECTORY},
        {"name": "registration", "mount_path": REGISTRATION_DIRECTORY},
        {"name": "work", "mount_path": WORK_DIRECTORY},
        {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108 - a mount point
    ]
    if of_github:
        mounts.append({"name": "work", "mount_path": GITHUB_WORK_DIRECTORY, "sub_path": JOBS_FOLDER})
        for name, path, folder in _CONTAINER_FOLDERS:
            mounts.append({"name": name, "mount_path": path, "sub_path": folder})
        mounts.append({"name": "queue-time", "mount_path": QUEUE_TIME_DIRECTORY, "read_only": True})
    credential: Mount = {"name": "job-credential", "mount_path": JOB_CREDENTIAL_DIRECTORY, "read_only": True}
    return [*mounts, credential] if job_credentials else mounts


def kubeconfig_file(account: str) -> str:
    """Where jobs of a base runner find the kubeconfig that asks for an account's rights."""
    return f"{JOB_CREDENTIAL_DIRECTORY}/{kubeconfig_key(account)}"


def _queue_time() -> "k8s.core.v1.DownwardAPIVolumeSourceArgsDict":
    field: k8s.core.v1.ObjectFieldSelectorArgsDict = {"api_version": "v1", "field_path": QUEUE_TIME_FIELD}
    return {"default_mode": 0o444, "items": [{"path": QUEUE_TIME_KEY, "field_ref": field}]}


def _token(audience: str) -> "Projection":
    return {"service_account_token": {"audience": audience, "expiration_seconds": TOKEN_SECONDS, "path": "token"}}


def _job_credential() -> "k8s.core.v1.ProjectedVolumeSourceArgsDict":
    items = [{"key": "ca.crt", "path": KUBERNETES_CA_FILE}]
    return {
        "default_mode": 0o440,
        "sources": [
            _token(JOB_TOKEN_AUDIENCE),
            {"config_map": {"name": TRUST_CONFIG_MAP}},
            {"config_map": {"name": KUBERNETES_CA_CONFIG_MAP, "items": items}},
        ],
    }
