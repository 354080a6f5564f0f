"""The API server's version; anybody who is authenticated may ask."""

from typing import Final

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterTooOldError, ClusterUnreachableError

MINIMUM_VERSION: Final = (1, 35)


def read_version(choice: ClusterChoice) -> str:
    """The API server's version, e.g. `1.36`. Raises ClusterError."""
    with ClusterConnection(choice) as cluster:
        answer = cluster.get("/version")
        major, minor = answer.get("major"), answer.get("minor")
        if not (isinstance(major, str) and isinstance(minor, str)):
            found = f"{cluster.server} tells no version of Kubernetes"
            raise ClusterUnreachableError(found, "Check that the kubeconfig names an API server: `kubectl version`")
        return f"{major}.{minor}"


def require_version(version: str) -> None:
    """Raises ClusterTooOldError unless containers may have a restart policy of their own, which runners live on."""
    major, _, minor = version.partition(".")
    digits = minor.rstrip("+")
    if not (major.isdecimal() and digits.isdecimal()) or (int(major), int(digits)) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        found = f"the cluster runs Kubernetes {version or 'of an unknown version'}; runners need {wanted} or newer"
        raise ClusterTooOldError(
            f"{found}, where a container has a restartPolicy of its own", "Upgrade the cluster; nothing was changed"
        )
