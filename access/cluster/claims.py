"""Whether the claims of pools' caches are there, asked before anything is declared.

Another stack, that of the platform, makes them. Without the right to look nobody is told anything: the wait for the
runners tells of a pod that gets no volume.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterRefusedError, objects_are_read
from values.pool import RunnerPool
from values.problem import Problem, ProblemsError, count_of

CLASSES: Final = "/apis/storage.k8s.io/v1/storageclasses"
LATE: Final = "WaitForFirstConsumer"
_THERE: Final = "a claim that is there"
ClaimName = tuple[str, str]  # namespace and name


class ClaimMissingError(ProblemsError):
    """Pools would never start, for want of their caches' claims; `problems` says why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        listed = list(problems)
        found = count_of(listed)
        super().__init__(f"{found} with the caches of the pools; nothing was changed:", listed)


def require_claims(
    choice: ClusterChoice, pools: Iterable[RunnerPool], made: Container[str], warn: Callable[[str], object]
) -> None:
    """made: the namespaces whose claims this very stack makes. Warns of a claim that nothing binds yet.

    A stack whose pools have no cache of another stack asks nobody. Raises ClaimMissingError, ClusterError.
    """
    wanted = claims_of_others(pools, made)
    if not wanted:
        return
    problems: list[Problem] = []
    with ClusterConnection(choice) as cluster:
        for namespace, name in wanted:
            with suppress(ClusterRefusedError):  # who may not look is told nothing
                never, not_yet = ask_about_claim(cluster, namespace, name)
                problems += never
                for concern in not_yet:
                    warn(str(concern))
    if problems:
        raise ClaimMissingError(problems)


def claims_of_others(pools: Iterable[RunnerPool], made: Container[str]) -> list[ClaimName]:
    """The claims that pools mount and other stacks make, each once."""
    named = ((pool["namespace"], cache["claim"]) for pool in pools for cache in pool.get("caches", []))
    return [claim for claim in dict.fromkeys(named) if claim[0] not in made]


def ask_about_claim(cluster: ClusterConnection, namespace: str, name: str) -> tuple[list[Problem], list[Problem]]:
    """What keeps pods from ever starting, and what does until somebody binds it. Raises ClusterError."""
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"
    claim = cluster.find(path)
    with objects_are_read(f"GET {path}"):
        if problem := _never(namespace, name, claim):
            return [problem], []
        concern = _not_yet(cluster, namespace, name, claim) if claim else None
        return [], [concern] if concern else []


def _never(namespace: str, name: str, claim: Mapping[str, Any] | None) -> Problem | None:
    key = f"cache {name} of {namespace}"
    see = f"`kubectl --namespace {namespace} describe persistentvolumeclaim {name}`"
    if claim is None:
        cure = (
            f"correct `caches` of the pool (`kubectl --namespace {namespace} get persistentvolumeclaims` lists what is "
            f"there), or have {name} added to `caches` of the environment {namespace} and bring up the platform's stack"
        )
        return Problem(key, "a claim that does not exist", _THERE, cure)
    if claim["metadata"].get("deletionTimestamp"):
        return Problem(
            key, "a claim that is being deleted", _THERE, f"{see} shows what keeps it; bring it up again then"
        )
    if (claim.get("status") or {}).get("phase") == "Lost":
        cure = f"{see}; delete the claim and bring up the platform's stack, which makes it anew"
        return Problem(key, "a claim whose volume is gone", "a claim with a volume", cure)
    return None


def _not_yet(cluster: ClusterConnection, namespace: str, name: str, claim: Mapping[str, Any]) -> Problem | None:
    """A claim without a volume, unless it gets one with its first pod or nobody may see whether it does."""
    if (claim.get("status") or {}).get("phase") != "Pending":
        return None
    name_of_class = claim["spec"].get("storageClassName") or ""
    found = "a claim without a volume"
    if name_of_class:
        try:
            storage_class = cluster.find(f"{CLASSES}/{name_of_class}")
        except ClusterRefusedError:
            return None
        if storage_class is None:
            found = f"{found}, whose StorageClass {name_of_class} does not exist"
        elif storage_class.get("volumeBindingMode") == LATE:
            return None
    cure = (
        f"`kubectl --namespace {namespace} describe persistentvolumeclaim {name}` says what it waits for; until it is "
        "bound no runner of its pools starts"
    )
    return Problem(f"cache {name} of {namespace}", found, "one that is bound, or is with its first pod", cure)
