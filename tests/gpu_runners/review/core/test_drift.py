"""What was changed by hand is found, whatever name it was done under; what the cluster writes for itself is not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gpu_runners.review.core.drift import ClusterDrift
from gpu_runners.review.core.evidence import SECRET_KEY, declared
from gpu_runners.review.core.findings import Drift, Kind
from tests.gpu_runners.review.core.recorded import evidence

Json = dict[str, Any]
POD = "spec.template.spec"
PULUMI = "pulumi-kubernetes-da7f124f"
SECRET: Json = {
    "type": "kubernetes:core/v1:Secret",
    "urn": "urn:pulumi:s::p::kubernetes:core/v1:Secret::credential",
    "id": "review-pools/credential",
    "inputs": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credential", "namespace": "review-pools"}},
    "outputs": {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {SECRET_KEY: "1b47", "ciphertext": "v1:x"},
        "metadata": {"name": "credential", "namespace": "review-pools", "uid": "u1", "resourceVersion": "7"},
    },
}


class Scene:
    """The recorded stack: one pool, and a hand that changes it."""

    def __init__(self) -> None:
        self.document = evidence("clean")
        then = self.state["outputs"]["metadata"]
        self.pool["metadata"] |= {count: then[count] for count in ("generation", "resourceVersion")}

    @property
    def pool(self) -> Json:
        (live,) = [live for live in self.document["live"] if live["kind"] == "Deployment"]
        return live  # type: ignore[no-any-return]

    @property
    def pod(self) -> Json:
        return self.pool["spec"]["template"]["spec"]  # type: ignore[no-any-return]

    @property
    def state(self) -> Json:
        (ours,) = [entry for entry in self.document["state"] if entry["type"] == "kubernetes:apps/v1:Deployment"]
        return ours  # type: ignore[no-any-return]

    def claim(self, manager: str, fields: Json, operation: str = "Update") -> None:
        entry = {"manager": manager, "operation": operation, "time": "2026-11-26T10:00:00Z", "fieldsV1": fields}
        self.pool["metadata"]["managedFields"].append(entry)

    def written(self) -> None:
        """As the API server counts a request that changed the object."""
        self.pool["metadata"]["generation"] += 1
        self.pool["metadata"]["resourceVersion"] += "1"

    def drift(self) -> list[Drift]:
        looked_at = [tuple(pair) for pair in self.document["looked_at"]]
        drift = ClusterDrift(declared(self.document["state"]), self.document["live"], {}, looked_at)
        return drift.compared()

    def fields(self) -> list[str]:
        return [drift.field for drift in self.drift()]


def test_a_stack_that_nobody_touched_is_clean() -> None:
    assert Scene().drift() == []


@pytest.mark.parametrize("manager", [PULUMI, "pulumi-kubernetes-00000000", "pulumi-kubernetes", "kubectl-edit", ""])
def test_a_field_is_found_whatever_name_it_was_written_under(manager: str) -> None:
    scene = Scene()
    scene.pod["hostNetwork"] = True
    scene.claim(manager, {"f:spec": {"f:template": {"f:spec": {"f:hostNetwork": {}}}}})
    (drift,) = scene.drift()
    assert (drift.kind, drift.field, drift.who) == (Kind.ADDED, f"{POD}.hostNetwork", manager)


def test_a_field_is_found_where_the_record_of_who_wrote_it_is_cleared_and_so_is_that() -> None:
    scene = Scene()
    scene.pod["hostNetwork"] = True
    scene.pool["metadata"]["managedFields"] = []
    assert scene.fields() == [f"{POD}.hostNetwork", "metadata.managedFields"]
    assert "nobody claims it" in scene.drift()[0].who


def test_pulumis_own_entry_counts_and_no_other_of_its_name() -> None:
    scene = Scene()
    for entry in scene.pool["metadata"]["managedFields"]:
        entry["operation"] = "Update"
    assert scene.fields() == ["metadata.managedFields"]


def test_what_was_added_before_the_last_up_is_no_part_of_the_stack_by_that() -> None:
    scene = Scene()
    for side in (scene.pod, scene.state["outputs"]["spec"]["template"]["spec"]):
        side["hostPID"] = True
    scene.pool["metadata"]["managedFields"] = scene.state["outputs"]["metadata"]["managedFields"] = []
    assert scene.fields() == [f"{POD}.hostPID"]


def test_a_label_that_a_webhook_gave_before_the_last_up_is_part_of_the_stack_and_a_strangers_is_not() -> None:
    scene = Scene()
    for side in (scene.pool, scene.state["outputs"]):
        side["metadata"]["labels"]["cloud.example.com/zone"] = "a"
    assert scene.fields() == []
    scene.claim("mallory", {"f:metadata": {"f:labels": {"f:cloud.example.com/zone": {}}}})
    assert scene.fields() == ['metadata.labels["cloud.example.com/zone"]']


HARMLESS: dict[str, Callable[[Scene], object]] = {
    "a default that this API server gives": lambda scene: scene.pod.update(
        hostIPC=False, schedulerName="default-scheduler"
    ),
    "a default that the state has and this one leaves out": lambda scene: scene.state["outputs"]["spec"]["template"][
        "spec"
    ].update(dnsPolicy="ClusterFirst"),
    "a field of a newer API server": lambda scene: scene.pod.update(resizeBehaviour="InPlace"),
    "status": lambda scene: scene.pool["status"].update(replicas=9),
    "numbers of the API server": lambda scene: scene.written(),
    "the revision": lambda scene: scene.pool["metadata"]["annotations"].update(
        {"deployment.kubernetes.io/revision": "9"}
    ),
    "a rollout restart": lambda scene: scene.pool["spec"]["template"]["metadata"]["annotations"].update(
        {"kubectl.kubernetes.io/restartedAt": "2026"}
    ),
    "kubectl's bookkeeping": lambda scene: scene.pool["metadata"]["annotations"].update(
        {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    ),
    "variables in another order": lambda scene: scene.pod["containers"][0]["env"].reverse(),
    "volumes in another order": lambda scene: scene.pod["volumes"].reverse(),
    "a quantity in other words": lambda scene: scene.pod["containers"][0]["resources"]["requests"].update(cpu="0.05"),
    "somebody who says the same": lambda scene: scene.claim("helm", {"f:spec": {"f:replicas": {}}}),
    "the deprecated name of a field": lambda scene: scene.pod.update(serviceAccount="x"),
    "another object with the same content": lambda scene: scene.pool["metadata"].update(uid="another"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_nothing_is_no_drift(name: str) -> None:
    scene = Scene()
    HARMLESS[name](scene)
    assert scene.drift() == []


@pytest.mark.parametrize("count", ["generation", "resourceVersion"])
def test_a_field_of_tomorrow_that_came_with_a_request_is_found(count: str) -> None:
    scene = Scene()
    scene.pod["shareHost"] = True
    if count == "generation":
        scene.written()
    else:
        scene.claim("mallory", {"f:spec": {"f:template": {"f:spec": {"f:shareHost": {}}}}})
    assert scene.fields() == [f"{POD}.shareHost"]


def test_replicas_are_compared_unless_an_autoscaler_has_them() -> None:
    scene = Scene()
    scene.pool["spec"]["replicas"] = 9
    assert scene.fields() == ["spec.replicas"]
    scene.state["ignoreChanges"] = ["spec.replicas"]
    assert scene.fields() == []


def test_an_object_that_is_gone_is_told_only_where_all_of_its_kind_were_seen() -> None:
    scene = Scene()
    scene.document["live"].remove(scene.pool)
    (drift,) = scene.drift()
    assert (drift.kind, drift.what) == (Kind.DELETED, "Deployment review-pools/reviewed")
    scene.document["looked_at"].remove(["Deployment.apps", "review-pools"])
    assert scene.drift() == []


def test_an_object_of_another_group_does_not_stand_for_ours() -> None:
    scene = Scene()
    other = copy.deepcopy(scene.pool) | {"apiVersion": "evil.example.com/v1"}
    scene.pool["spec"]["replicas"] = 9
    scene.document["live"].append(other)
    assert scene.fields() == ["spec.replicas"]


def test_what_is_seen_says_which_object_it_was() -> None:
    scene = Scene()
    scene.pool["spec"]["replicas"] = 9
    (drift,) = scene.drift()
    metadata = scene.pool["metadata"]
    assert (drift.uid, drift.resource_version) == (metadata["uid"], metadata["resourceVersion"])
    assert (drift.state_value, drift.live_value) == (1, 9)


def secret(fields: Json | None = None, *, immutable: bool = False, **metadata: Any) -> list[Drift]:
    state = copy.deepcopy(SECRET)
    state["outputs"]["immutable"] = immutable
    entry = {"manager": PULUMI, "operation": "Apply", "time": "1", "fieldsV1": {"f:data": {"f:token": {}}}}
    state["outputs"] |= {"__fieldManager": PULUMI}
    state["outputs"]["metadata"]["managedFields"] = [entry]
    entries = [entry] if fields is None else [entry, fields]
    live = {
        "apiVersion": "v1",
        "kind": "Secret",
        "partial": "PartialObjectMetadata",
        "metadata": SECRET["outputs"]["metadata"] | {"managedFields": entries} | metadata,
    }
    return ClusterDrift(declared([state]), [live], {}).compared()


MALLORY: Json = {"manager": "mallory", "operation": "Update", "time": "2", "fieldsV1": {"f:data": {"f:token": {}}}}


def test_of_a_secret_a_write_is_seen_and_never_its_value() -> None:
    assert secret() == []
    (drift,) = secret(MALLORY, resourceVersion="8")
    assert (drift.field, drift.who, drift.declared, drift.live) == ("data.token", "mallory", "[secret]", "(not shown)")


def test_a_secret_under_the_old_name_that_is_another_one_is_seen_even_if_no_secret_can_be_changed() -> None:
    (drift,) = secret(immutable=True, uid="u2", resourceVersion="9", creationTimestamp="2026-11-26T10:00:00Z")
    assert (drift.field, drift.when) == ("data", "2026-11-26T10:00:00Z")


def test_a_secret_that_was_encrypted_anew_or_cannot_be_changed_is_clean() -> None:
    assert secret(resourceVersion="8") == []
    assert secret(MALLORY, immutable=True, resourceVersion="8") == []


def test_a_label_on_a_secret_is_seen() -> None:
    (drift,) = secret(labels={"team": "x"}, resourceVersion="8")
    assert (drift.field, drift.live) == ("metadata.labels.team", "x")


def scaled(**metadata: Any) -> list[Drift]:
    """Of a pool's ScaledObject as it was made, and as KEDA and others leave it."""
    made = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": {"triggers": [{"type": "metrics-api"}]}}
    named = {"name": "cuda", "namespace": "dev", "uid": "u", "resourceVersion": "1", "generation": 1}
    state = {
        "type": "kubernetes:keda.sh/v1alpha1:ScaledObject", "urn": "scaled", "id": "dev/cuda",
        "inputs": made | {"metadata": {"name": "cuda", "namespace": "dev"}}, "outputs": made | {"metadata": named},
    }  # fmt: skip
    live = made | {"metadata": {**named, "resourceVersion": "2", **metadata}}
    return ClusterDrift(declared([state]), [live], {}).compared()


def test_what_keda_writes_on_what_it_scales_is_no_drift() -> None:
    assert scaled(finalizers=["finalizer.keda.sh"], labels={"scaledobject.keda.sh/name": "cuda"}) == []
    assert [drift.field for drift in scaled(finalizers=["finalizer.keda.sh", "evil.example.com/stay"])] == [
        "metadata.finalizers"
    ]
    assert [drift.field for drift in scaled(annotations={"autoscaling.keda.sh/paused": "true"})] == [
        'metadata.annotations["autoscaling.keda.sh/paused"]'
    ]


def account(**fields: Any) -> list[str]:
    made = {"apiVersion": "v1", "kind": "ServiceAccount"}
    named = {"name": "runner", "namespace": "dev", "uid": "u", "resourceVersion": "1"}
    state = {
        "type": "kubernetes:core/v1:ServiceAccount", "urn": "runner", "id": "dev/runner",
        "inputs": made | {"metadata": {"name": "runner", "namespace": "dev"}}, "outputs": made | {"metadata": named},
    }  # fmt: skip
    live = made | {"metadata": named | {"resourceVersion": "2"}} | fields
    return [drift.field for drift in ClusterDrift(declared([state]), [live], {}).compared()]


def test_a_controllers_mention_of_a_token_is_no_drift_and_a_strangers_secret_is() -> None:
    assert account(secrets=[{"name": "runner-token-x2x4z"}]) == []
    assert (
        account(imagePullSecrets=[{"name": "runner-dockercfg-x2x4z"}], secrets=[{"name": "runner-dockercfg-x2x4z"}])
        == []
    )
    assert account(secrets=[{"name": "deployer-token-x2x4z"}]) == ["secrets[deployer-token-x2x4z]"]
    assert account(imagePullSecrets=[{"name": "runner-dockercfg-x2x4z"}, {"name": "stolen"}]) == ["imagePullSecrets"]


def claim(**changes: Any) -> list[str]:
    """Of a cache's claim as it was made, and as it is bound."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec}
    named = {"name": "cache", "namespace": "dev", "uid": "u", "resourceVersion": "1"}
    state = {
        "type": "kubernetes:core/v1:PersistentVolumeClaim", "urn": "cache", "id": "dev/cache",
        "inputs": made | {"metadata": {"name": "cache", "namespace": "dev"}},
        "outputs": made | {"metadata": named, "spec": {**spec, "volumeMode": "Filesystem", "storageClassName": "fast"}},
    }  # fmt: skip
    bound = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/storage-provisioner": "x"}
    metadata = {**named, "resourceVersion": "2", "annotations": bound, "finalizers": ["kubernetes.io/pvc-protection"]}
    given = {**spec, "volumeMode": "Filesystem", "storageClassName": "fast", "volumeName": "pvc-1", **changes}
    live = made | {"metadata": metadata, "spec": given}
    return [drift.field for drift in ClusterDrift(declared([state]), [live], {}).compared()]


def test_a_claim_that_is_bound_is_no_drift_and_one_that_grew_is() -> None:
    assert claim() == []
    assert claim(resources={"requests": {"storage": "1024Mi"}}) == []
    assert claim(resources={"requests": {"storage": "2Gi"}}) == ["spec.resources.requests.storage"]
