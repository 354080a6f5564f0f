"""What the cluster makes of declared objects is no drift, and nothing hides behind an owner's name."""

from typing import Any

import pytest

from gpu_runners.review.core.drift import ClusterDrift
from gpu_runners.review.core.evidence import declared

Json = dict[str, Any]
SPACE = "pools"
VERSIONS = {
    "Deployment": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1", "ControllerRevision": "apps/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "ScaledObject": "keda.sh/v1alpha1", "HorizontalPodAutoscaler": "autoscaling/v2", "CiliumEndpoint": "cilium.io/v2",
    "RoleBinding": "rbac.authorization.k8s.io/v1", "PolicyReport": "wgpolicyk8s.io/v1alpha2", "Event": "v1",
}  # fmt: skip
MAKERS = ("Deployment.apps", "DaemonSet.apps", "ReplicaSet.apps", "Service", "Pod")
OURS = (("Deployment", "cuda"), ("Service", "registrar"), ("DaemonSet", "cuda-prepull"))


def live(kind: str, name: str, owner: str = "", *, uid: str = "", **metadata: Any) -> Json:
    """owner: `Kind/name`; its uid is made of its name, unless one is given."""
    owner_kind, _, owner_name = owner.partition("/")
    owners = [{
        "apiVersion": VERSIONS.get(owner_kind, "v1"), "kind": owner_kind, "name": owner_name, "controller": True,
        "uid": uid or f"uid-{owner_name}",
    }] if owner else []  # fmt: skip
    given = {"namespace": SPACE, "name": name, "uid": f"uid-{name}", "ownerReferences": owners, **metadata}
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": given}


def endpoint_slice(name: str, service: str, maker: str = "endpointslice-controller.k8s.io", **more: Any) -> Json:
    labels = {"kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": maker}
    return live("EndpointSlice", name, f"Service/{service}", labels=labels, **more)


def undeclared(
    *others: Json, looked_at: tuple[tuple[str, str], ...] = (), makers: tuple[str, ...] = MAKERS
) -> list[str]:
    """What is found beside OURS; `makers`: kinds that were looked for, `looked_at` further ones with their place."""
    state = [
        {
            "type": f"kubernetes:{kind}", "urn": name, "id": f"{SPACE}/{name}",
            "inputs": {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind},
        }
        for kind, name in OURS
    ]  # fmt: skip
    objects = declared(state)
    seen = [*(live(kind, name) for kind, name in OURS), live("ReplicaSet", "cuda-1", "Deployment/cuda"), *others]
    places = {*looked_at, *((maker, SPACE) for maker in makers)}
    return [drift.what for drift in ClusterDrift(objects, seen, {}, places).undeclared(())]


def test_what_controllers_make_of_declared_objects_is_no_drift() -> None:
    assert (
        undeclared(
            live("Pod", "cuda-1-a", "ReplicaSet/cuda-1"),
            live("CiliumEndpoint", "cuda-1-a", "Pod/cuda-1-a"),
            live("Pod", "cuda-prepull-a", "DaemonSet/cuda-prepull"),
            live("ControllerRevision", "cuda-prepull-1", "DaemonSet/cuda-prepull"),
            endpoint_slice("registrar-x", "registrar"),
            live("Endpoints", "registrar"),
            live("HorizontalPodAutoscaler", "keda-hpa-cuda", "ScaledObject/cuda"),  # which may not be looked at
            live("ConfigMap", "kube-root-ca.crt"),
            live("ServiceAccount", "default"),
            live("Event", "x"),
            live("PolicyReport", "x"),
        )
        == []
    )


@pytest.mark.parametrize(
    "stranger",
    [
        live("Pod", "cuda-2-a", "ReplicaSet/cuda-2"),  # a controller that is not there
        live("Pod", "cuda-1-a", "ReplicaSet/cuda-1", uid="another"),
        live("Pod", "cuda-1-a", "Deployment/cuda"),
        live("Pod", "cuda-1-a", "DaemonSet/cuda"),
        live("Pod", "cuda-1-a"),
        live("ReplicaSet", "cuda-9", "DaemonSet/cuda-prepull"),
        live("RoleBinding", "evil", "Deployment/cuda"),  # no controller makes such a thing of a Deployment
        live("Secret", "token", "Service/registrar"),
        live("ReplicaSet", "cuda-9", "Deployment/other"),
        live("ConfigMap", "kube-root-ca.crt.bak"),
        live("ServiceAccount", "evil"),
        live("Endpoints", "elsewhere"),
        live("EndpointSlice", "by-hand", labels={"kubernetes.io/service-name": "registrar"}),
        endpoint_slice("by-hand", "registrar", "mallory"),
        endpoint_slice("by-hand", "elsewhere"),
        endpoint_slice("by-hand", "registrar", uid="another"),
        # KEDA knows its own by name, and takes no other back.
        live("HorizontalPodAutoscaler", "by-hand", "ScaledObject/cuda"),
        live("HorizontalPodAutoscaler", "keda-hpa-cuda", "ScaledObject/other"),
    ],
)  # fmt: skip
def test_whoever_only_says_whose_it_is_is_found(stranger: Json) -> None:
    assert undeclared(stranger) == [f"{stranger['kind']} {SPACE}/{stranger['metadata']['name']}"]


def test_a_pod_of_a_strangers_controller_is_found_with_it() -> None:
    maker = live("ReplicaSet", "evil")
    assert undeclared(maker, live("Pod", "evil-a", "ReplicaSet/evil")) == ["Pod pools/evil-a", "ReplicaSet pools/evil"]


def test_an_autoscaler_of_a_scaled_object_that_was_looked_for_and_is_not_there_is_found() -> None:
    autoscaler = live("HorizontalPodAutoscaler", "keda-hpa-cuda", "ScaledObject/cuda")
    assert undeclared(autoscaler, looked_at=(("ScaledObject.keda.sh", SPACE),)) != []


def test_an_endpoint_that_names_a_pod_of_ours_and_is_not_named_like_it_is_found() -> None:
    pod = live("Pod", "cuda-1-a", "ReplicaSet/cuda-1")
    assert undeclared(pod, live("CiliumEndpoint", "by-hand", "Pod/cuda-1-a")) == ["CiliumEndpoint pools/by-hand"]


@pytest.mark.parametrize(
    "stranger", [live("Pod", "cuda-2-a", "ReplicaSet/cuda-2"), live("ReplicaSet", "cuda-9", "Deployment/other")]
)
def test_a_controller_of_ours_that_is_not_there_made_nothing_even_where_nobody_looked_for_it(stranger: Json) -> None:
    found = undeclared(stranger, makers=("DaemonSet.apps", "Service"))
    assert found == [f"{stranger['kind']} {SPACE}/{stranger['metadata']['name']}"]


def test_two_that_name_each_other_are_found_and_the_look_ends() -> None:
    one, other = live("ReplicaSet", "a", "Pod/b"), live("Pod", "b", "ReplicaSet/a")
    assert len(undeclared(one, other)) == 2
