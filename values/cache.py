"""Cache: a PersistentVolumeClaim that outlives jobs, and who may leave something in it for the next one.

Whoever may write to a cache decides what later jobs read of it, on whatever branch those run.
"""

from typing import Final, NotRequired, TypedDict

from values.kubernetes_syntax import is_dns_label

READ_ONLY: Final = "readOnly"  # no job writes
TRUSTED_BRANCHES: Final = (
    "trustedBranches"  # jobs write, and the forge gives these runners to workflows of named branches
)
ANY_BRANCH: Final = "anyBranch"  # jobs write, and whoever may push a branch may do so
ACCESSES: Final = (READ_ONLY, TRUSTED_BRANCHES, ANY_BRANCH)
ACCESS_MODES: Final = ("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod")
LONGEST_CLAIM: Final = 50  # the volume's name has some letters more
CACHES_DIRECTORY: Final = "/caches"


class Cache(TypedDict):
    """A claim of the namespace as pods may mount it."""

    claim: str
    """Its name."""
    writable: bool
    """Whether jobs may write."""


class Claim(TypedDict):
    """A claim that the platform makes."""

    name: str
    size: str
    """How much it asks for, as a Kubernetes quantity."""
    access_mode: str
    """How many nodes may mount it at the same time."""
    storage_class: NotRequired[str]
    """The StorageClass; the cluster's default one without it, "" for none, as of a volume made by hand."""
    volume: NotRequired[str]
    """The PersistentVolume, where it is a certain one."""


def is_claim(text: str) -> bool:
    """Whether a claim may have this name and be a cache."""
    return is_dns_label(text) and len(text) <= LONGEST_CLAIM


def cache_volume(claim: str) -> str:
    """The name of a cache's volume in a pod."""
    return f"cache-{claim}"


def cache_path(claim: str) -> str:
    """Where jobs find it."""
    return f"{CACHES_DIRECTORY}/{claim}"
