"""The runner pod's volumes and where they are mounted. Pure.

The token and the registrar's address are mounted into the init container alone, so that nothing in the user's image
can ask for a registration.
"""

from typing import Final

import pulumi_kubernetes as k8s

from values.contract import TOKEN_AUDIENCE, TRUST_CONFIG_MAP
from values.pool import RUNNER_FILES

RUNNER_DIRECTORY: Final = "/runner"
REGISTRATION_DIRECTORY: Final = "/registration"
WORK_DIRECTORY: Final = "/work"
JOBS_FOLDER: Final = "jobs"  # of the work volume
# Where GitHub's runner works. A mount and no link: what looks for files below the workspace (hashFiles, caches of the
# set-up actions) compares it with the process's own directory, in which links are gone.
GITHUB_WORK_DIRECTORY: Final = f"{RUNNER_DIRECTORY}/_work"
TOKEN_DIRECTORY: Final = "/var/run/registrar"  # noqa: S105 - a path
TRUST_DIRECTORY: Final = "/etc/registrar-trust"
API_TOKEN_DIRECTORY: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path

# The kubelet renews it after four fifths of this; the shortest that the API server accepts.
TOKEN_SECONDS: Final = 600
API_TOKEN_SECONDS: Final = 3607

Volume = k8s.core.v1.VolumeArgsDict
Mount = k8s.core.v1.VolumeMountArgsDict


def pod_volumes(shared_memory: str, work_volume: str, *, api_access: bool) -> list[Volume]:
    """All volumes of the pod. Sizes are Kubernetes quantities; api_access adds a token for the API server."""
    volumes: list[Volume] = [
        {"name": "runner-files", "empty_dir": {"size_limit": RUNNER_FILES}},
        {"name": "registration", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
        {"name": "work", "empty_dir": {"size_limit": work_volume}},
        {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": shared_memory}},
        {"name": "registrar-token", "projected": _token(TOKEN_AUDIENCE)},
        {"name": "registrar-trust", "config_map": {"name": TRUST_CONFIG_MAP, "default_mode": 0o444}},
    ]
    return [*volumes, {"name": "api-token", "projected": _api_token()}] if api_access else volumes


def registration_mounts() -> list[Mount]:
    """Mounts of the init container."""
    return [
        {"name": "runner-files", "mount_path": RUNNER_DIRECTORY},
        {"name": "registration", "mount_path": REGISTRATION_DIRECTORY},
        {"name": "work", "mount_path": WORK_DIRECTORY},
        {"name": "registrar-token", "mount_path": TOKEN_DIRECTORY, "read_only": True},
        {"name": "registrar-trust", "mount_path": TRUST_DIRECTORY, "read_only": True},
    ]


def runner_mounts(*, api_access: bool, of_github: bool) -> list[Mount]:
    """Mounts of the main container; of_github adds the folders in which GitHub's runner works."""
    mounts: list[Mount] = [
        {"name": "runner-files", "mount_path": RUNNER_DIRECTORY},
        {"name": "registration", "mount_path": REGISTRATION_DIRECTORY},
        {"name": "work", "mount_path": WORK_DIRECTORY},
        {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108 - a mount point
    ]
    if of_github:
        mounts.append({"name": "work", "mount_path": GITHUB_WORK_DIRECTORY, "sub_path": JOBS_FOLDER})
    access: Mount = {"name": "api-token", "mount_path": API_TOKEN_DIRECTORY, "read_only": True}
    return [*mounts, access] if api_access else mounts


def _token(audience: str) -> k8s.core.v1.ProjectedVolumeSourceArgsDict:
    return {
        "default_mode": 0o440,
        "sources": [
            {"service_account_token": {"audience": audience, "expiration_seconds": TOKEN_SECONDS, "path": "token"}}
        ],
    }


def _api_token() -> k8s.core.v1.ProjectedVolumeSourceArgsDict:
    """The three files every in-cluster client looks for."""
    return {
        "default_mode": 0o440,
        "sources": [
            {"service_account_token": {"expiration_seconds": API_TOKEN_SECONDS, "path": "token"}},
            {"config_map": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downward_api": {"items": [{"path": "namespace", "field_ref": {"field_path": "metadata.namespace"}}]}},
        ],
    }
