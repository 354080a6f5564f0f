"""What the cluster writes into objects by itself, in words that change nothing of what was configured."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from gpu_runners.review.core.comparison import UNKNOWN, Difference
from gpu_runners.review.core.field_path import MISSING, Path

# Controllers' and kubectl's bookkeeping, by the field that holds it.
_ANNOTATIONS: Final[Mapping[Path, frozenset[str]]] = {
    ("metadata", "annotations"): frozenset(
        {
            "autoscaling.alpha.kubernetes.io/conditions",
            "autoscaling.alpha.kubernetes.io/current-metrics",
            "control-plane.alpha.kubernetes.io/leader",
            "deprecated.daemonset.template.generation",
            "deployment.kubernetes.io/desired-replicas",
            "deployment.kubernetes.io/max-replicas",
            "deployment.kubernetes.io/revision",
            "kubectl.kubernetes.io/last-applied-configuration",
            "kubectl.kubernetes.io/restartedAt",
            "kubernetes.io/change-cause",
            "pv.kubernetes.io/bind-completed",
            "pv.kubernetes.io/bound-by-controller",
            "volume.beta.kubernetes.io/storage-provisioner",
            "volume.kubernetes.io/selected-node",
            "volume.kubernetes.io/storage-provisioner",
            # OpenShift gives every namespace its ranges.
            "openshift.io/sa.scc.mcs",
            "openshift.io/sa.scc.supplemental-groups",
            "openshift.io/sa.scc.uid-range",
        }
    ),
    ("spec", "template", "metadata", "annotations"): frozenset({"kubectl.kubernetes.io/restartedAt"}),
}
# What the API server numbers, and what a repair or another `up` numbers anew.
BOOKKEEPING: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "selfLink", "uid"}
)
# What the API server gives out when an object is made: another object of the same name has other ones.
GIVEN_OUT: Final = frozenset(
    {
        "ServiceSpec.clusterIP", "ServiceSpec.clusterIPs", "ServiceSpec.ipFamilies", "ServiceSpec.ipFamilyPolicy",
        "ServicePort.nodePort",
    }
)  # fmt: skip
REPLICAS: Final = ("spec", "replicas")
# KEDA's, so that it can let go of what it scales, and find its own.
_FINALIZERS: Final = {
    **{kind: frozenset({"finalizer.keda.sh"}) for kind in ("ScaledObject", "TriggerAuthentication")},
    "PersistentVolumeClaim": frozenset({"kubernetes.io/pvc-protection"}),
    "PersistentVolume": frozenset({"kubernetes.io/pv-protection"}),
}
# What a claim gets once it is bound; the API server lets nobody change that.
_BOUND: Final = ("spec", "volumeName")
_SCALED_BY: Final = "scaledobject.keda.sh/name"
_ACCOUNT_SECRET: Final = re.compile(r"(.+)-(?:token|dockercfg)-[a-z0-9]{5}")


def content(document: Mapping[str, Any]) -> dict[str, Any]:
    """What was configured of an object, whether it is a live one or the state's."""
    kept = {key: part for key, part in document.items() if key not in ("status", "partial") and key[:2] != "__"}
    kept["metadata"] = {key: part for key, part in (document.get("metadata") or {}).items() if key not in BOOKKEEPING}
    return kept


def is_quiet(difference: Difference, kind: str, name: str, ignored: Collection[str]) -> bool:
    """Whether nobody needs to hear of it. `ignored` are the inputs that Pulumi leaves to others."""
    path = difference.path
    if path == REPLICAS:
        return kind == "Deployment" and "spec.replicas" in ignored
    if path == ("metadata", "finalizers"):
        return _set(difference.before) ^ _set(difference.after) <= _FINALIZERS.get(kind, frozenset())
    if kind == "PersistentVolumeClaim" and path == _BOUND:
        return difference.before is MISSING
    if path == ("metadata", "labels", _SCALED_BY):
        return kind == "ScaledObject" and difference.after == name
    if isinstance(path[-1], str) and path[-1] in _ANNOTATIONS.get(path[:-1], ()):
        return True
    return kind == "ServiceAccount" and _is_account_secret(difference, name)


def _set(value: Any) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()


def _is_account_secret(difference: Difference, account: str) -> bool:
    """Controllers' mentions of tokens that they made for an account."""
    if difference.path[:1] not in (("secrets",), ("imagePullSecrets",)):
        return False
    sides = [side if isinstance(side, list) else [side] for side in (difference.before, difference.after)]
    changed = [part for one, other in (sides, sides[::-1]) for part in one if part not in other and part is not MISSING]
    names = [part["name"] if isinstance(part, Mapping) and set(part) == {"name"} else "" for part in changed]
    matches = [_ACCOUNT_SECRET.fullmatch(str(name)) for name in names]
    return bool(matches) and all(match is not None and match[1] == account for match in matches)


def is_of_newer_server(
    difference: Difference, state: Mapping[str, Any], live: Mapping[str, Any], claimed: bool
) -> bool:
    """Whether a field that the table does not know came with another API server and not with a request.

    Nobody claims it, and the API server counted no request that changed the object since the state was written: a
    claim can be taken back, a count cannot.
    """
    if difference.place != UNKNOWN or difference.before is not MISSING or claimed:
        return False
    then, now = state.get("metadata") or {}, live.get("metadata") or {}
    in_spec = difference.path[0] == "spec"  # the generation counts changes of the spec alone
    return any(
        then.get(count) is not None and then.get(count) == now.get(count)
        for count in (("generation", "resourceVersion") if in_spec else ("resourceVersion",))
    )
