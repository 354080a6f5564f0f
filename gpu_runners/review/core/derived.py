"""Objects that the cluster's controllers make of declared ones, and those that it gives every namespace.

That an object names an owner proves nothing: anybody may write that. The owner has to be there, with that uid, has to
be declared or made of what is, and has to be of a kind whose controller makes such objects and takes others back.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from gpu_runners.review.core.evidence import Json, Key, key_of, kind_of

# Owner → what its controller makes.
_MAKES: Final[Mapping[str, frozenset[str]]] = {
    "DaemonSet.apps": frozenset({"ControllerRevision.apps", "Pod"}),
    "Deployment.apps": frozenset({"ReplicaSet.apps"}),
    "ReplicaSet.apps": frozenset({"Pod"}),
    "Service": frozenset({"EndpointSlice.discovery.k8s.io"}),
    "ScaledObject.keda.sh": frozenset({"HorizontalPodAutoscaler.autoscaling"}),
    "Pod": frozenset({"CiliumEndpoint.cilium.io"}),
}
# Whose controller leaves others alone that name the same owner: the one name that it gives, by the owner's.
_NAMED: Final[Mapping[str, str]] = {
    "HorizontalPodAutoscaler.autoscaling": "keda-hpa-{}",
    "CiliumEndpoint.cilium.io": "{}",
}
_SLICE: Final = "EndpointSlice.discovery.k8s.io"
_SLICE_MAKER: Final = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
_SLICE_SERVICE: Final = "kubernetes.io/service-name"
# In every namespace, by controllers that write them back.
_EVERYWHERE: Final = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ServiceAccount", "default"),  # compared with what its controller makes: see accounts
    }
)
# They exist only as long as somebody looks, or say what has happened: nothing follows from them.
INERT_KINDS: Final = frozenset({"Event", "Lease", "PodMetrics"})
INERT_GROUPS: Final = frozenset(
    {
        "events.k8s.io",
        "metrics.k8s.io",
        "wgpolicyk8s.io",
        "reports.kyverno.io",
        "openreports.io",
        "aquasecurity.github.io",
    }
)


class Derived:
    """The live objects of a stack's namespaces, and which of them are declared somewhere."""

    def __init__(
        self, live: Mapping[Key, Json], known: Collection[Key], looked_at: Collection[tuple[str, str]]
    ) -> None:
        self._live, self._known, self._looked_at = live, known, looked_at

    def is_derived(self, live: Json) -> bool:
        """Whether the cluster made it of what is declared, or makes it everywhere."""
        kind, namespace, name = key_of(live)
        if live.get("kind") in INERT_KINDS or kind.partition(".")[2] in INERT_GROUPS or (kind, name) in _EVERYWHERE:
            return True
        if kind == "Endpoints":
            return ("Service", namespace, name) in self._known
        if kind == _SLICE and not self._is_service_slice(live, namespace):
            return False
        metadata = live.get("metadata") or {}
        return any(
            _has_name(kind, name, str(owner.get("name", ""))) and self._is_made_by(owner, kind, namespace)
            for owner in metadata.get("ownerReferences") or ()
        )

    def _is_made_by(self, owner: Mapping[str, Any], kind: str, namespace: str) -> bool:
        owner_kind = kind_of(str(owner.get("apiVersion", "")), str(owner.get("kind", "")))
        if kind not in _MAKES.get(owner_kind, ()):
            return False
        key = (owner_kind, namespace, str(owner.get("name", "")))
        actual = self._live.get(key)
        if actual is None:  # of a kind that this identity may not read it cannot be said that it is not there
            return (owner_kind, namespace) not in self._looked_at and owner_kind not in (
                "Deployment.apps",
                "ReplicaSet.apps",
            )
        uid = (actual.get("metadata") or {}).get("uid")
        return bool(uid) and uid == owner.get("uid") and (key in self._known or self.is_derived(actual))

    def _is_service_slice(self, live: Json, namespace: str) -> bool:
        """Whether the slices' controller keeps it, which then writes back whatever else somebody puts into it."""
        labels = (live.get("metadata") or {}).get("labels") or {}
        service = ("Service", namespace, str(labels.get(_SLICE_SERVICE, "")))
        return labels.items() >= _SLICE_MAKER.items() and service in self._known


def _has_name(kind: str, name: str, owner: str) -> bool:
    """Whether it is the name that its maker gives."""
    return kind not in _NAMED or name == _NAMED[kind].format(owner)
