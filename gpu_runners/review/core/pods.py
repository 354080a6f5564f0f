"""Live pods held against the template that made them, and that against its Deployment's.

A pod can be changed without its Deployment: another image, a debug container, other resources or labels; and whoever
may make pods can give them to a ReplicaSet of ours.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gpu_runners.review.core import ownership, secrecy
from gpu_runners.review.core.comparison import Difference, differences
from gpu_runners.review.core.differing import without_common
from gpu_runners.review.core.evidence import Declared, Json, Key, key_of, name_of
from gpu_runners.review.core.field_path import MISSING, Path, show
from gpu_runners.review.core.findings import Drift, Kind

HASH_LABEL: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
UP_KEEPS: Final = (
    "nothing: neither the program nor the state knows pods; delete it once it is idle, and another one comes"
)
UP_KEEPS_SET: Final = "nothing: its Deployment makes another one once this one is deleted"

# Written by scheduler, admission and kubelet into a pod that has no word on it.
_FILLED: Final = frozenset(
    {
        "PodSpec.nodeName", "PodSpec.priority", "PodSpec.priorityClassName", "PodSpec.preemptionPolicy",
        "PodSpec.overhead", "PodSpec.imagePullSecrets", "Container.resizePolicy", "Container.imagePullPolicy",
    }
)  # fmt: skip
_FILLED_TOLERATIONS: Final = {
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
}
# Annotations that the registrar, the network and node autoscalers write on pods.
_ANNOTATIONS: Final = frozenset(
    {
        "gpu-runners.dev", "controller.kubernetes.io", "cni.projectcalico.org", "k8s.v1.cni.cncf.io", "k8s.ovn.org",
        "cilium.io", "kwok.x-k8s.io", "cluster-autoscaler.kubernetes.io", "kubectl.kubernetes.io",
        "vpc.amazonaws.com", "networking.gke.io", "cni.cilium.io",
    }
)  # fmt: skip
# What a stack's config, and so an ordinary change of it, may make another revision of.
_REVISED: Final[tuple[tuple[str, ...], ...]] = (
    ("metadata",),
    ("spec", "nodeSelector"),
    ("spec", "tolerations"),
    ("spec", "terminationGracePeriodSeconds"),
    ("spec", "affinity"),
)
_REVISED_OF_CONTAINERS: Final = frozenset({"image", "env", "resources", "command"})
_TOKEN_VOLUME: Final = re.compile(r"kube-api-access-[a-z0-9]{5}")
_TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where, and not what
_ENDED: Final = frozenset({"Succeeded", "Failed"})


def drift(live: Iterable[Json], declared: Mapping[Key, Declared]) -> list[Drift]:
    """What differs of the pods and ReplicaSets of a stack's Deployments."""
    objects = {key_of(actual): actual for actual in live}
    own = {_uid(objects[key]): key for key in declared if key[0] == "Deployment.apps" and key in objects}
    sets = {_uid(actual): actual for key, actual in objects.items() if key[0] == "ReplicaSet.apps" and "spec" in actual}
    pods = [actual for key, actual in objects.items() if key[0] == "Pod" and "spec" in actual]
    drifts: list[Drift] = []
    used = {_owner(pod) for pod in pods if (pod.get("status") or {}).get("phase") not in _ENDED}
    for uid, replica_set in sets.items():
        key = own.get(_owner(replica_set))
        if key is None or not any(_of_templates(declared[key].outputs, replica_set)):
            continue  # a stranger's, or as the state has it, whatever its Deployment says by now
        if _revision(replica_set) == _revision(objects[key]):
            drifts += _of_newest(replica_set, objects[key])
        elif uid in used:
            drifts += _of_older(replica_set, declared[key].outputs)
    for pod in pods:
        maker = sets.get(_owner(pod))
        if maker is not None and _owner(maker) in own:
            drifts += _of_pod(pod, maker["spec"]["template"])
    return drifts


def _of_pod(pod: Json, template: Json) -> Iterator[Drift]:
    if (pod.get("status") or {}).get("phase") in _ENDED:
        return  # whatever it was, it runs no more
    made = template.get("spec") or {}
    spec = {**pod["spec"], "tolerations": _own_tolerations(pod["spec"], template) or None}
    listed = [
        *differences("ObjectMeta", _labelled(template), _labelled(pod), _is_written_on_pods, ("metadata",)),
        *differences("PodSpec", made, spec, lambda difference: _is_filled(difference, made), ("spec",)),
    ]
    for difference in listed:
        yield _drift(pod, difference, UP_KEEPS)


def _of_newest(replica_set: Json, deployment: Json) -> Iterator[Drift]:
    """It has its Deployment's template, once its controller has seen that."""
    if _is_settled(deployment):
        for difference in _of_templates(deployment, replica_set):
            yield _drift(replica_set, difference, UP_KEEPS_SET)


def _of_older(replica_set: Json, state: Json) -> Iterator[Drift]:
    """One whose pods have not ended yet differs from the state's template in what a stack configures, and no further:
    whatever its Deployment says by now, and whoever gave it to that.
    """
    for difference in _of_templates(state, replica_set):
        if not _is_revised(difference.path[2:]):
            yield _drift(replica_set, difference, UP_KEEPS_SET)


def _of_templates(deployment: Json, replica_set: Json) -> Iterator[Difference]:
    before = ((deployment.get("spec") or {}).get("template")) or {}
    after = replica_set["spec"]["template"]
    metadata = after.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    made = {**after, "metadata": {**metadata, "labels": labels}}
    return differences("PodTemplateSpec", before, made, lambda _: False, ("spec", "template"))


def _is_settled(deployment: Json) -> bool:
    """Whether its controller has seen what it says now."""
    status, metadata = deployment.get("status") or {}, deployment.get("metadata") or {}
    return bool(status.get("observedGeneration") == metadata.get("generation"))


def _is_revised(path: Path) -> bool:
    if any(path[: len(place)] == place for place in _REVISED):
        return True
    inside = path[3:4]
    return path[1:2] in (("containers",), ("initContainers",)) and inside != () and inside[0] in _REVISED_OF_CONTAINERS


def _labelled(holder: Json) -> dict[str, Any]:
    """Of the metadata what a template decides."""
    metadata = holder.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    return {
        "labels": labels,
        "annotations": metadata.get("annotations") or {},
        "finalizers": metadata.get("finalizers"),
    }


def _is_written_on_pods(difference: Difference) -> bool:
    path = difference.path
    return (
        difference.before is MISSING
        and path[:2] == ("metadata", "annotations")
        and str(path[-1]).partition("/")[0] in _ANNOTATIONS
    )


def _is_filled(difference: Difference, made: Mapping[str, Any]) -> bool:
    if difference.before is not MISSING:
        return False
    mounts_token = made.get("automountServiceAccountToken") is not False
    return difference.place in _FILLED or (mounts_token and _is_token(difference))


def _is_token(difference: Difference) -> bool:
    """The account's token as the API server mounts it (plugin/pkg/admission/serviceaccount), and no other volume."""
    after = difference.after
    if not isinstance(after, Mapping) or not _TOKEN_VOLUME.fullmatch(str(after.get("name"))):
        return False
    if difference.place == "Container.volumeMounts":
        return {**after, "name": ""} == {"name": "", "mountPath": _TOKEN_PATH, "readOnly": True}
    sources = (after.get("projected") or {}).get("sources") or [{}]
    token = sources[0].get("serviceAccountToken") or {}
    return (
        difference.place == "PodSpec.volumes"
        and after.keys() == {"name", "projected"}
        and token.keys() <= {"path", "expirationSeconds"}
        and [source.keys() for source in sources] == [{"serviceAccountToken"}, {"configMap"}, {"downwardAPI"}]
        and sources[1]["configMap"].get("name") == "kube-root-ca.crt"
    )


def _own_tolerations(spec: Mapping[str, Any], template: Json) -> list[Any]:
    """Without those that every pod gets, unless its template has them."""
    declared = (template.get("spec") or {}).get("tolerations") or []
    return [
        toleration
        for toleration in spec.get("tolerations") or []
        if toleration in declared or (toleration.get("key"), toleration.get("effect")) not in _FILLED_TOLERATIONS
    ]


def _drift(live: Json, difference: Difference, up: str) -> Drift:
    name, metadata = name_of(live), live.get("metadata") or {}
    owner = ownership.owner(live, difference.path, exists=difference.after is not MISSING)
    before, after = without_common(difference.before, difference.after)
    return Drift(
        kind=Kind.POD,
        what=str(name),
        field=show(difference.path),
        declared=secrecy.redacted(before, difference.path),
        live=secrecy.redacted(after, difference.path),
        who=owner.who if owner else "unknown: nobody claims it",
        when=(owner and owner.time) or metadata.get("creationTimestamp", "") or "unknown",
        up=up,
        target=name,
        path=difference.path,
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        state_value=difference.before,
        live_value=difference.after,
        pod=f"{name.namespace}/{name.name}" if name.kind == "Pod" else "",
    )


def _uid(live: Json) -> str:
    return str((live.get("metadata") or {}).get("uid", ""))


def _owner(live: Json) -> str:
    """The uid of its controller, "" without one."""
    owners = (live.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), "")


def _revision(live: Json) -> str:
    return str(((live.get("metadata") or {}).get("annotations") or {}).get(REVISION, ""))
