"""Why a repair leaves an object alone that no stack declares: everything that may be another tool's, or may hold data.

A closed world: what is deleted is of a kind that holds nothing, was made by a person's tool, bears no mark of another
tool, and takes nothing with it that has to stay. Whoever may write an object may claim all of this, so that a claim
can only keep an object: of what is kept the review goes on telling.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from gpu_runners.review.core.evidence import Json, Key, key_of
from values.contract import BUSY_ANNOTATION

# By API group: kinds that hold no data, and that the cluster's own controllers, no operator, act on.
_DELETABLE: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"ConfigMap", "LimitRange", "Pod", "ResourceQuota", "Service", "ServiceAccount"}),
    "apps": frozenset({"DaemonSet", "Deployment", "ReplicaSet"}),
    "autoscaling": frozenset({"HorizontalPodAutoscaler"}),
    "batch": frozenset({"CronJob", "Job"}),
    "networking.k8s.io": frozenset({"Ingress", "NetworkPolicy"}),
    "policy": frozenset({"PodDisruptionBudget"}),
    "rbac.authorization.k8s.io": frozenset({"Role", "RoleBinding"}),
}
# What the cluster deletes together with its owner, and makes anew for another one.
_GOES_ALONG: Final = frozenset(
    {"CiliumEndpoint", "ControllerRevision", "Endpoints", "EndpointSlice", "Job", "Pod", "PodMetrics", "ReplicaSet"}
)
_NO_KIND: Final = "runners"  # may be left out of a look as well, and is none of the cluster's
_PERSONS_TOOLS: Final = ("kubectl", "k9s", "Lens", "headlamp", "dashboard")
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_CLUSTERS_OWN: Final = ("kubernetes.io", "k8s.io", "gpu-runners.dev")
_TOKEN_OF: Final = "kubernetes.io/service-account.name"  # noqa: S105 - the annotation of a Secret


def reason_to_keep(live: Json, everything: Iterable[Json], declared: Collection[Key], left_out: Collection[str]) -> str:
    """The reason; "" where a repair may delete it.

    everything: all objects of its namespace; declared: keys of what any state declares; left_out: plurals of the kinds
    that could not be looked at.
    """
    return next(_reasons(live, list(everything), declared, left_out), "")


def _reasons(live: Json, everything: list[Json], declared: Collection[Key], left_out: Collection[str]) -> Iterator[str]:
    metadata = _metadata(live)
    kind, group = live.get("kind", ""), str(live.get("apiVersion", "")).rpartition("/")[0]
    if key_of(live) in declared:
        yield "a stack declares it"
    if not metadata.get("namespace"):
        yield "it belongs to the whole cluster"
    if kind not in _DELETABLE.get(group, ()):
        yield f"a {kind} may hold data or be another tool's"
    if metadata.get("deletionTimestamp"):
        yield "it is being deleted"
    yield from _of_another_tool(metadata)
    if (metadata.get("annotations") or {}).get(BUSY_ANNOTATION):
        yield "it has a job: repair again when that has ended"
    unseen = sorted(set(left_out) - {_NO_KIND})
    if unseen:
        yield f"what hangs on it cannot be seen without a look at {', '.join(unseen)}"
    for dependent in _dependents(live, everything):
        name = f"{dependent.get('kind')} {_metadata(dependent).get('name')}"
        if dependent.get("kind") not in _GOES_ALONG or key_of(dependent) in declared:
            yield f"{name} would go with it"
        if (_metadata(dependent).get("annotations") or {}).get(BUSY_ANNOTATION):
            yield f"{name} has a job: repair again when that has ended"


def _of_another_tool(metadata: Mapping[str, Any]) -> Iterator[str]:
    owners = metadata.get("ownerReferences") or ()
    if owners:
        yield f"{owners[0].get('kind')} {owners[0].get('name')} owns it"
    if metadata.get("finalizers"):
        yield f"something waits for its deletion (finalizer {metadata['finalizers'][0]})"
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if labels.get(_MANAGED_BY):
        yield f"its label says that {labels[_MANAGED_BY]} manages it"
    for mark in sorted({*labels, *annotations}):
        domain = mark.partition("/")[0] if "/" in mark else ""
        if domain and not any(domain == own or domain.endswith(f".{own}") for own in _CLUSTERS_OWN):
            yield f"it bears a mark of another tool ({mark})"
    managers = [str(entry.get("manager", "")) for entry in metadata.get("managedFields") or () if not _of_status(entry)]
    if not managers:
        yield "nobody knows who made it"
    for manager in managers:
        if not manager.startswith(_PERSONS_TOOLS):
            yield f"{manager} wrote it, and may be a tool that manages it"


def _of_status(entry: Mapping[str, Any]) -> bool:
    """What the cluster's controllers write of how an object is, and how many an autoscaler wants of it."""
    return entry.get("subresource") in ("status", "scale")


def _dependents(live: Json, everything: list[Json]) -> Iterator[Json]:
    """What the cluster deletes with an object, and with that. Whoever writes owners may write a ring of them."""
    owned: dict[str, list[Json]] = {}
    for other in everything:
        for owner in _metadata(other).get("ownerReferences") or ():
            owned.setdefault(str(owner.get("uid")), []).append(other)
    name = _metadata(live).get("name")
    tokens = [
        other
        for other in everything
        if live.get("kind") == "ServiceAccount"
        and other.get("kind") == "Secret"
        and (_metadata(other).get("annotations") or {}).get(_TOKEN_OF) == name
    ]
    seen, waiting = {str(_metadata(live).get("uid"))}, [live]
    while waiting:
        for other in owned.get(str(_metadata(waiting.pop()).get("uid")), ()):
            if str(_metadata(other).get("uid")) not in seen:
                seen.add(str(_metadata(other).get("uid")))
                waiting.append(other)
                yield other
    yield from tokens


def _metadata(live: Json) -> Mapping[str, Any]:
    return live.get("metadata") or {}
