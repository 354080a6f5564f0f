"""What can be wrong with a cluster: each error is one Problem."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from values.problem import Problem

# What reading JSON of another shape than one knows raises.
_OF_ANOTHER_SHAPE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class ClusterError(Exception):
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


class ClusterLoginError(ClusterUnreachableError):
    """What is to say who asks gives nothing: a credential plugin that fails. The API server was not asked."""

    allowed = "a credential for it"


class ClusterTooOldError(ClusterError):
    """The API server is older than what runners live on."""

    allowed = "a version that runs pods of runners"


class ClusterRefusedError(ClusterError):
    """The API server answers, and says no. status is HTTP's, message the server's own words."""

    allowed = "what this identity may do there"

    def __init__(self, found: str, cure: str, *, status: int, message: str) -> None:
        super().__init__(found, cure)
        self.status, self.message = status, message


@contextmanager
def objects_are_read(asked: str) -> Iterator[None]:
    """Around whatever reads what an API server wrote: an object that cannot be read is none.

    Raises ClusterUnreachableError.
    """
    try:
        yield
    except _OF_ANOTHER_SHAPE as error:
        found = f"{asked} gets objects of another shape than Kubernetes' ({type(error).__name__})"
        cure = "See that the kubeconfig names an API server, and nothing that is before it: `kubectl get nodes`"
        raise ClusterUnreachableError(found, cure) from error
