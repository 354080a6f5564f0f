"""What only looks like drift: other words for the same, what controllers write, and what is none of our business."""

from collections.abc import Callable
from typing import Any

from lab.trial.kubernetes import KubernetesApi
from tests.lab.drift_table import CONTROLLER, PREFIXED, SPACE, SYSTEM, at, put
from tests.lab.hand import Change, Hand, Json

CORE = "/api/v1"
FIRST, SECOND = at("Deployment", "first", SPACE), at("Deployment", "second", SPACE)
SCALED = at("Deployment", "scaled", SPACE)
REGISTRAR, SERVICE = at("Deployment", "registrar", SYSTEM), at("Service", "registrar", SYSTEM)
QUOTA, EGRESS = at("ResourceQuota", "gpus", SPACE), at("NetworkPolicy", "runner-egress", SPACE)
ACCOUNT, ROLE = at("ServiceAccount", "runner", SPACE), at("Role", "registrar", SPACE)
BINDING, TRUST = at("RoleBinding", "registrar", SPACE), at("ConfigMap", "registrar", SPACE)


def same(_: Json) -> None:
    """No change."""


def reverse(*steps: str | int) -> Change:
    """Turns the list at these steps round."""

    def change(live: Json) -> None:
        here: Any = live
        for step in steps:
            here = here[step]
        here.reverse()

    return change


def make(hand: Hand, api: KubernetesApi) -> list[str]:
    """Does all of it; returns the names of what was done."""
    runner = ("spec", "template", "spec", "containers", 0)
    restarted = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
    steps: dict[str, Callable[[], object]] = {
        "kubectl's last applied": lambda: hand.patch(FIRST, _note("kubectl.kubernetes.io/last-applied-configuration")),
        "a change's cause": lambda: hand.patch(FIRST, _note("kubernetes.io/change-cause")),
        "a revision": lambda: hand.patch(SCALED, _note("deployment.kubernetes.io/revision")),
        "a rollout restart": lambda: hand.patch(SECOND, put(*restarted, to="2026-11-26T00:00:00Z")),
        "variables in another order": lambda: hand.replace(SECOND, reverse(*runner, "env")),
        "mounts in another order": lambda: hand.replace(SECOND, reverse(*runner, "volumeMounts")),
        "volumes in another order": lambda: hand.edit(SECOND, reverse("spec", "template", "spec", "volumes")),
        "a quantity in other words": lambda: hand.apply(
            SECOND, put(*runner, "resources", "requests", "cpu", to="0.05"), "helm"
        ),
        "another quantity in other words": lambda: hand.patch(
            QUOTA, put("spec", "hard", "requests.nvidia.com/gpu", to="8000m")
        ),
        "the same by helm": lambda: hand.apply(FIRST, same, "helm"),
        "the same by another's Pulumi": lambda: hand.apply(REGISTRAR, same, PREFIXED),
        "the same as Pulumi": lambda: hand.apply(EGRESS, same),
        "the same by a controller": lambda: hand.update(ROLE, same, CONTROLLER),
        "the same by kubectl replace": lambda: hand.replace(BINDING, same),
        "the same again by kubectl replace": lambda: hand.replace(TRUST, same),
        "the same quota by helm": lambda: hand.apply(QUOTA, same, "helm"),
        "the same service by helm": lambda: hand.apply(SERVICE, same, "helm"),
        "a default in so many words": lambda: hand.patch(SERVICE, put("spec", "internalTrafficPolicy", to="Cluster")),
        "a default of a pod": lambda: hand.patch(
            SECOND, put("spec", "template", "spec", "schedulerName", to="default-scheduler")
        ),
        "no is no word": lambda: hand.patch(SECOND, put("spec", "template", "spec", "hostNetwork", to=False)),
        "the mention of a token": lambda: hand.patch(ACCOUNT, put("secrets", to=[{"name": "runner-token-x2x4z"}])),
        "replicas of an autoscaled pool": lambda: hand.patch(SCALED, put("spec", "replicas", to=0)),
        "replicas by the scale subresource": lambda: api.patch(f"{SCALED}/scale", {"spec": {"replicas": 0}}),
        "a secret written anew": lambda: _rewrite_secrets(hand, api),
        "a pod that is replaced": lambda: api.delete(_pod(api)),
        "an event": lambda: api.create(f"{CORE}/namespaces/{SPACE}/events", _event()),
        "a lease": lambda: api.create(
            f"/apis/coordination.k8s.io/v1/namespaces/{SPACE}/leases", {"metadata": {"name": "some"}, "spec": {}}
        ),
        "another's object elsewhere": lambda: _elsewhere(api),
        "a label on the quota's status": lambda: api.patch(f"{QUOTA}/status", {"status": {"used": {"pods": "1"}}}),
        "a condition in a status": lambda: api.patch(f"{FIRST}/status", {"status": {"collisionCount": 1}}),
        "the root certificates": lambda: api.patch(
            f"{CORE}/namespaces/{SPACE}/configmaps/kube-root-ca.crt", {"metadata": {"labels": {"a": "b"}}}
        ),
        "a ReplicaSet that is scaled": lambda: _scale_replica_set(api),
    }
    for step in steps.values():
        step()
    return list(steps)


def _note(name: str) -> Change:
    return put("metadata", "annotations", name, to="1")


def _pod(api: KubernetesApi) -> str:
    (pod,) = api.items(f"{CORE}/namespaces/{SPACE}/pods")
    return at("Pod", pod["metadata"]["name"], SPACE)


def _rewrite_secrets(hand: Hand, api: KubernetesApi) -> None:
    """As after the keys of the API server's storage are new."""
    for secret in api.items(f"{CORE}/namespaces/{SYSTEM}/secrets"):
        hand.replace(at("Secret", secret["metadata"]["name"], SYSTEM), same)


def _event() -> Json:
    about = {"kind": "Pod", "namespace": SPACE, "name": "some"}
    return {
        "metadata": {"name": "some"},
        "involvedObject": about,
        "reason": "Some",
        "message": "some",
        "type": "Normal",
    }


def _elsewhere(api: KubernetesApi) -> None:
    path = f"{CORE}/namespaces/default/configmaps"
    api.delete(f"{path}/drifted-harmless")
    api.create(path, {"metadata": {"name": "drifted-harmless"}})
    api.delete(f"{path}/drifted-harmless")


def _scale_replica_set(api: KubernetesApi) -> None:
    path = f"/apis/apps/v1/namespaces/{SPACE}/replicasets"
    for replica_set in api.items(path):
        if replica_set["spec"]["replicas"] == 0:
            api.patch(f"{path}/{replica_set['metadata']['name']}", {"spec": {"replicas": 0}})
