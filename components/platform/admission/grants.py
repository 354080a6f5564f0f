"""AdmissionGrants: what one namespace of runners is granted, as far as a single pod can be held to it."""

from typing import NotRequired, TypedDict

from values.pod_extras import PodExtras


class AdmissionGrants(TypedDict):
    """What may run in the namespace."""

    namespace: str
    """Its name."""
    accounts: list[str]
    """ServiceAccounts that pods may run as."""
    job_credentials: bool
    """Whether jobs may ask the registrar for a token of an account."""
    images: list[str]
    """Images that containers may run, or what their names begin with up to a `/`; empty for any."""
    image_tags_allowed: bool
    """Whether an image may lack a digest."""
    labels: list[str]
    """Runner labels that pods may have; empty for any but the reserved ones."""
    reserved_labels: list[str]
    """Runner labels of other namespaces, which count where `labels` is empty."""
    gpus: dict[str, int]
    """Most devices of each resource; of no other resource may a pod ask for any."""
    protect_job_seconds: int
    """The longest grace that a pod may ask for, i.e. how long a deleted runner may go on with its job."""
    ephemeral_storage: str
    """The most of the node's disk that a pod may ask for, as a Kubernetes quantity."""
    queue_url: NotRequired[str]
    """Where the autoscaler of its pools reads the queue, "" where it has none."""
    prepull: NotRequired[bool]
    """Whether its pools may have their images pulled ahead."""
    extras: PodExtras
    """What pods may have beyond what every pool has."""
