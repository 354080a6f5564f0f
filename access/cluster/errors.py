"""What can be wrong with a cluster: each error is one Problem."""

from typing import ClassVar

import pulumi

from values.problem import Problem


class ClusterError(pulumi.RunError):
    """The cluster cannot be used. Its problem tells what was found and the cure, which may both be long."""

    allowed: ClassVar[str] = "a cluster that this identity can use"

    def __init__(self, found: str, cure: str) -> None:
        super().__init__(f"{found}. {cure}")
        self.problem = Problem("cluster", found, self.allowed, cure)


class ClusterChoiceError(ClusterError):
    """Nothing names a cluster, or what names one cannot be read."""

    allowed = "a kubeconfig, or the ServiceAccount of a pod, that names one cluster and who asks it"


class ClusterUnreachableError(ClusterError):
    """The API server gives no answer."""

    allowed = "an API server that answers"


class ClusterTooOldError(ClusterError):
    """The API server is older than what runners live on."""

    allowed = "a version that runs pods of runners"


class ClusterRefusedError(ClusterError):
    """The API server answers, and says no. status is HTTP's, message the server's own words."""

    allowed = "what this identity may do there"

    def __init__(self, found: str, cure: str, *, status: int, message: str) -> None:
        super().__init__(found, cure)
        self.status, self.message = status, message
