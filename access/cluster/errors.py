"""What can be wrong with a cluster: each error holds what was found and the cure, and says both."""

import pulumi


class ClusterError(pulumi.RunError):
    """The cluster cannot be used. found is what was seen, cure the command or key that helps; either may be long."""

    def __init__(self, found: str, cure: str) -> None:
        super().__init__(f"{found}. {cure}")
        self.found, self.cure = found, cure


class ClusterChoiceError(ClusterError):
    """Nothing names a cluster, or what names one cannot be read."""


class ClusterUnreachableError(ClusterError):
    """The API server gives no answer."""


class ClusterTooOldError(ClusterError):
    """The API server is older than what runners live on."""


class ClusterRefusedError(ClusterError):
    """The API server answers, and says no. status is HTTP's, message the server's own words."""

    def __init__(self, found: str, cure: str, *, status: int, message: str) -> None:
        super().__init__(found, cure)
        self.status, self.message = status, message
