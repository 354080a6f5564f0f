"""A live pod is what its template says, but for what scheduler, kubelet and registrar write into it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gpu_runners.review.core import pods
from gpu_runners.review.core.evidence import declared
from gpu_runners.review.core.findings import Kind

Json = dict[str, Any]
TEMPLATE: Json = {
    "metadata": {"labels": {"pool": "cuda"}, "annotations": {"gpu-runners.dev/runner-labels": "gpu"}},
    "spec": {
        "containers": [{"name": "runner", "image": "good", "resources": {"limits": {"cpu": "1"}}}],
        "initContainers": [{"name": "registration", "image": "good"}],
        "volumes": [{"name": "work", "emptyDir": {}}],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "automountServiceAccountToken": False,
        "serviceAccountName": "runner",
    },
}
HASH = {"pod-template-hash": "abc"}
FILLED = [
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for what in ("not-ready", "unreachable")
]


class Pool:
    """A Deployment with one ReplicaSet and one pod, all as the cluster would have them."""

    def __init__(self) -> None:
        self.deployment: Json = {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "dev", "name": "cuda", "uid": "d", "generation": 3,
                         "annotations": {pods.REVISION: "2"}},
            "spec": {"template": copy.deepcopy(TEMPLATE)}, "status": {"observedGeneration": 3},
        }  # fmt: skip
        self.set = self.replica_set("cuda-abc", "2")
        self.pod = self.pod_of("cuda-abc")
        self.live = [self.deployment, self.set, self.pod]

    @staticmethod
    def replica_set(name: str, revision: str) -> Json:
        template = copy.deepcopy(TEMPLATE)
        template["metadata"]["labels"] |= HASH
        return {
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"template": template},
            "metadata": {"namespace": "dev", "name": name, "uid": name, "annotations": {pods.REVISION: revision},
                         "ownerReferences": [{"controller": True, "uid": "d"}]},
        }  # fmt: skip

    @staticmethod
    def pod_of(replica_set: str) -> Json:
        pod = copy.deepcopy(TEMPLATE)
        pod["metadata"] |= {"namespace": "dev", "name": f"{replica_set}-x", "uid": "p", "generateName": replica_set}
        pod["metadata"]["labels"] |= HASH
        pod["metadata"]["ownerReferences"] = [{"controller": True, "uid": replica_set}]
        pod["spec"] |= {"nodeName": "lab", "priority": 0, "preemptionPolicy": "PreemptLowerPriority"}
        pod["spec"] |= {"serviceAccount": "runner", "schedulerName": "default-scheduler"}
        pod["spec"]["tolerations"] = [*pod["spec"]["tolerations"], *FILLED]
        return {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}, **pod}

    def fields(self) -> list[str]:
        state = {
            "type": "kubernetes:apps/v1:Deployment", "urn": "cuda", "id": "dev/cuda",
            "inputs": {"apiVersion": "apps/v1", "kind": "Deployment"}, "outputs": {"spec": {"template": TEMPLATE}},
        }  # fmt: skip
        found = pods.drift(self.live, declared([state]))
        assert {drift.kind for drift in found} <= {Kind.POD}
        return [f"{drift.what}: {drift.field}" for drift in found]


def test_a_pod_as_its_template_made_it_is_clean() -> None:
    pool = Pool()
    pool.pod["metadata"]["annotations"] |= {"gpu-runners.dev/runner": "7", "cni.projectcalico.org/podIP": "10.0.0.1"}
    pool.pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "100"
    assert pool.fields() == []


TOKEN = {
    "name": "kube-api-access-abcde",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": []}},
        ],
    },
}
MOUNT = {"name": TOKEN["name"], "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}


def test_a_token_is_no_difference_where_the_template_does_not_refuse_it() -> None:
    pool = Pool()
    pool.pod["spec"]["volumes"].append(TOKEN)
    pool.pod["spec"]["containers"][0]["volumeMounts"] = [MOUNT]
    assert pool.fields() == [
        "Pod dev/cuda-abc-x: spec.containers[runner].volumeMounts[/var/run/secrets/kubernetes.io/serviceaccount]",
        "Pod dev/cuda-abc-x: spec.volumes[kube-api-access-abcde]",
    ]
    for each in (pool.deployment["spec"]["template"], pool.set["spec"]["template"], pool.pod):
        del each["spec"]["automountServiceAccountToken"]
    assert pool.fields() == []
    pool.pod["spec"]["volumes"][-1] = copy.deepcopy(TOKEN)
    pool.pod["spec"]["volumes"][-1]["projected"]["sources"][0]["serviceAccountToken"]["audience"] = "vault"
    assert pool.fields() == ["Pod dev/cuda-abc-x: spec.volumes[kube-api-access-abcde]"]


CHANGES: dict[str, tuple[Callable[[Json], object], str]] = {
    "an image": (lambda pod: pod["spec"]["containers"][0].update(image="evil"), "spec.containers[runner].image"),
    "a debug container": (
        lambda pod: pod["spec"].update(ephemeralContainers=[{"name": "debug", "image": "evil"}]),
        "spec.ephemeralContainers[debug]",
    ),
    "resources in place": (
        lambda pod: pod["spec"]["containers"][0]["resources"]["limits"].update(cpu="9"),
        "spec.containers[runner].resources.limits.cpu",
    ),
    "a toleration": (lambda pod: pod["spec"]["tolerations"].append({"operator": "Exists"}), "spec.tolerations"),
    "the host's network": (lambda pod: pod["spec"].update(hostNetwork=True), "spec.hostNetwork"),
    "a container": (lambda pod: pod["spec"]["containers"].append({"name": "side"}), "spec.containers[side]"),
    "a volume": (lambda pod: pod["spec"]["volumes"].append({"name": "x", "hostPath": {}}), "spec.volumes[x]"),
    "an account": (lambda pod: pod["spec"].update(serviceAccountName="deployer"), "spec.serviceAccountName"),
    "a deadline": (lambda pod: pod["spec"].update(activeDeadlineSeconds=5), "spec.activeDeadlineSeconds"),
    "a label": (lambda pod: pod["metadata"]["labels"].update(team="x"), "metadata.labels.team"),
    "runner labels": (
        lambda pod: pod["metadata"]["annotations"].update({"gpu-runners.dev/runner-labels": "prod"}),
        'metadata.annotations["gpu-runners.dev/runner-labels"]',
    ),
    "a finalizer": (lambda pod: pod["metadata"].update(finalizers=["a/b"]), "metadata.finalizers"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("leaving", [False, True])
def test_a_pod_that_was_changed_is_found_even_while_it_leaves(what: str, leaving: bool) -> None:
    pool, (change, field) = Pool(), CHANGES[what]
    change(pool.pod)
    if leaving:
        pool.pod["metadata"]["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    assert pool.fields() == [f"Pod dev/cuda-abc-x: {field}"]


def test_a_pod_that_has_ended_is_no_matter() -> None:
    pool = Pool()
    pool.pod["spec"]["containers"][0]["image"] = "evil"
    pool.pod["status"]["phase"] = "Succeeded"
    assert pool.fields() == []


def test_a_changed_replica_set_is_found_and_its_pods_are_as_it_says() -> None:
    pool = Pool()
    for each in (pool.set["spec"]["template"], pool.pod):
        each["spec"]["hostPID"] = True
    assert pool.fields() == ["ReplicaSet dev/cuda-abc: spec.template.spec.hostPID"]


def test_until_its_controller_has_seen_a_new_template_the_newest_set_is_of_the_old_one() -> None:
    pool = Pool()
    pool.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "better"
    pool.deployment["metadata"]["generation"] = 4
    assert pool.fields() == []


def test_a_pod_of_an_older_revision_may_differ_in_what_a_stack_configures_and_in_nothing_else() -> None:
    pool = Pool()
    old, pod = pool.replica_set("cuda-old", "1"), pool.pod_of("cuda-old")
    pool.live += [old]
    old["spec"]["template"]["spec"]["hostPID"] = True
    assert pool.fields() == [], "nothing runs of it"
    pool.live += [pod]
    for each in (old["spec"]["template"], pod):
        each["spec"]["containers"][0]["image"] = "older"
        each["spec"].pop("hostPID", None)
    assert pool.fields() == []
    for each in (old["spec"]["template"], pod):
        each["spec"]["volumes"] = [{"name": "work", "hostPath": {"path": "/"}}]
    assert pool.fields() == [
        "ReplicaSet dev/cuda-old: spec.template.spec.volumes[work].emptyDir",
        "ReplicaSet dev/cuda-old: spec.template.spec.volumes[work].hostPath",
    ]


def test_an_older_revision_whose_last_pod_has_ended_is_no_matter() -> None:
    pool = Pool()
    old, pod = pool.replica_set("cuda-old", "1"), pool.pod_of("cuda-old")
    pool.live += [old, pod]
    for each in (old["spec"]["template"], pod):
        each["spec"]["hostPID"] = True
    assert pool.fields() == ["ReplicaSet dev/cuda-old: spec.template.spec.hostPID"]
    pod["status"]["phase"] = "Failed"
    assert pool.fields() == []


def test_a_changed_pod_is_told_with_its_uid_as_which_it_may_be_replaced() -> None:
    pool = Pool()
    pool.pod["spec"]["containers"][0]["image"] = "evil"
    state = {
        "type": "kubernetes:apps/v1:Deployment", "urn": "cuda", "id": "dev/cuda",
        "inputs": {"apiVersion": "apps/v1", "kind": "Deployment"}, "outputs": {"spec": {"template": TEMPLATE}},
    }  # fmt: skip
    (drift,) = pods.drift(pool.live, declared([state]))
    assert drift.uid == "p"
