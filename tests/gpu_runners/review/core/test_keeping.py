"""An undeclared object is deleted only where it can hold nothing, be nobody else's, and take nothing with it."""

from typing import Any

import pytest

from gpu_runners.review.core.evidence import key_of
from gpu_runners.review.core.keeping import reason_to_keep

KUBECTL = {"manager": "kubectl-create", "operation": "Update"}


def thing(kind: str = "ConfigMap", version: str = "v1", name: str = "x", **metadata: Any) -> dict[str, Any]:
    made = {"name": name, "namespace": "dev", "uid": f"uid-{kind}-{name}", "managedFields": [KUBECTL]}
    return {"kind": kind, "apiVersion": version, "metadata": made | metadata}


def owned(by: dict[str, Any], **more: Any) -> dict[str, Any]:
    owner = {"kind": by["kind"], "name": by["metadata"]["name"], "uid": by["metadata"]["uid"]}
    return thing(**more, ownerReferences=[owner])


@pytest.mark.parametrize(
    "made",
    [
        thing(),
        thing("Deployment", "apps/v1"),
        thing("RoleBinding", "rbac.authorization.k8s.io/v1"),
        thing("NetworkPolicy", "networking.k8s.io/v1", managedFields=[{"manager": "kubectl"}]),
        thing("HorizontalPodAutoscaler", "autoscaling/v2"),
        thing(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
        thing(labels={"app.kubernetes.io/name": "x", "gpu-runners.dev/pool": "x", "team": "x"}),
        thing("Pod", managedFields=[KUBECTL, {"manager": "kubelet", "subresource": "status"}]),
    ],
)
def test_what_a_person_made_and_holds_nothing_may_go(made: dict[str, Any]) -> None:
    assert reason_to_keep(made, [made], (), ()) == ""


HELM = {"meta.helm.sh/release-name": "x", "meta.helm.sh/release-namespace": "dev"}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (thing("PersistentVolumeClaim"), "a PersistentVolumeClaim may hold data"),
        (thing("Secret"), "a Secret may hold data"),
        (thing("StatefulSet", "apps/v1"), "a StatefulSet may hold data"),
        (thing("CiliumEndpoint", "cilium.io/v2"), "a CiliumEndpoint may hold data or be another tool's"),
        (thing("ScaledObject", "keda.sh/v1alpha1"), "a ScaledObject may hold data or be another tool's"),
        (thing("ConfigMap", "elsewhere.example/v1"), "a ConfigMap may hold data"),
        (thing("Namespace", namespace=""), "it belongs to the whole cluster"),
        (thing(name="istio-ca-root-cert", managedFields=[{"manager": "pilot-discovery"}]), "pilot-discovery wrote it"),
        (thing(managedFields=[{"manager": "kube-controller-manager"}]), "kube-controller-manager wrote it"),
        (thing(managedFields=[{"manager": "pulumi-kubernetes-1a2b"}]), "pulumi-kubernetes-1a2b wrote it"),
        (thing(managedFields=[KUBECTL, {"manager": "flux"}]), "flux wrote it"),
        (thing(managedFields=[]), "nobody knows who made it"),
        (thing(managedFields=None), "nobody knows who made it"),
        (thing(labels={"app.kubernetes.io/managed-by": "Helm"}), "Helm manages it"),
        (thing(labels={"app.kubernetes.io/managed-by": "pulumi"}), "pulumi manages it"),
        (thing(annotations=HELM), "a mark of another tool (meta.helm.sh/release-name)"),
        (thing(annotations={"argocd.argoproj.io/tracking-id": "x"}), "a mark of another tool"),
        (thing(labels={"kustomize.toolkit.fluxcd.io/name": "x"}), "a mark of another tool"),
        (thing(labels={"evilkubernetes.io/x": "x"}), "a mark of another tool"),
        (thing(finalizers=["keda.sh/x"]), "something waits for its deletion (finalizer keda.sh/x)"),
        (thing(deletionTimestamp="now"), "it is being deleted"),
        (owned(thing("ScaledObject", "keda.sh/v1alpha1"), kind="HorizontalPodAutoscaler", version="autoscaling/v2"),
         "ScaledObject x owns it"),
    ],
)  # fmt: skip
def test_what_may_be_anothers_or_hold_something_stays(made: dict[str, Any], reason: str) -> None:
    assert reason in reason_to_keep(made, [made], (), ())


def test_what_any_stack_declares_stays() -> None:
    assert reason_to_keep(thing(), [], {key_of(thing())}, ()) == "a stack declares it"


def test_what_would_take_data_or_something_declared_with_it_stays() -> None:
    holder = thing()
    claim = owned(holder, kind="PersistentVolumeClaim")
    secret = owned(holder, kind="Secret")
    pod = owned(holder, kind="Pod")
    below = owned(pod, kind="PersistentVolumeClaim", name="below")
    role = owned(holder, kind="Role", version="rbac.authorization.k8s.io/v1")
    assert reason_to_keep(holder, [holder, claim], (), ()) == "PersistentVolumeClaim x would go with it"
    assert reason_to_keep(holder, [holder, secret], (), ()) == "Secret x would go with it"
    assert reason_to_keep(holder, [holder, pod], (), ()) == ""
    assert reason_to_keep(holder, [holder, pod, below], (), ()) == "PersistentVolumeClaim below would go with it"
    assert reason_to_keep(holder, [holder, role], (), ()) == "Role x would go with it"
    assert reason_to_keep(holder, [holder, pod], {key_of(pod)}, ()) == "Pod x would go with it"


def test_what_runs_a_job_stays_until_it_has_ended() -> None:
    busy: dict[str, Any] = {"annotations": {"gpu-runners.dev/busy": "7"}}
    pool = thing("Deployment", "apps/v1")
    replicas = owned(pool, kind="ReplicaSet", version="apps/v1")
    assert "Pod x has a job" in reason_to_keep(pool, [pool, replicas, owned(replicas, kind="Pod", **busy)], (), ())
    assert "it has a job" in reason_to_keep(thing("Pod", **busy), [], (), ())
    assert reason_to_keep(pool, [pool, replicas, owned(replicas, kind="Pod")], (), ()) == ""


def test_an_account_whose_token_is_a_secret_stays() -> None:
    account = thing("ServiceAccount")
    token = thing("Secret", name="token", annotations={"kubernetes.io/service-account.name": "x"})
    assert reason_to_keep(account, [account, token], (), ()) == "Secret token would go with it"


def test_where_something_could_not_be_looked_at_nothing_is_deleted() -> None:
    assert "cannot be seen without a look at secrets" in reason_to_keep(thing(), [], (), ["secrets"])
    assert reason_to_keep(thing(), [], (), ["runners"]) == ""


def test_a_ring_of_owners_ends() -> None:
    """Each of 300 objects owns all others: whoever may write objects may write that."""
    ring = [thing("Pod", name=f"p{number}") for number in range(300)]
    owners = [{"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]} for pod in ring]
    for pod in ring:
        pod["metadata"]["ownerReferences"] = owners
    holder = thing(uid=ring[0]["metadata"]["uid"])
    assert reason_to_keep(holder, ring, (), ()) == ""
