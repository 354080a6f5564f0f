"""Every claim about a runner's pod and its Deployment."""

import copy
from typing import Any

import pytest

from components.pools.runner_deployment import RunnerDeployment, deployment_fingerprint
from tests.program.recorded import Recorded, run
from values.contract import (
    JOB_TOKEN_AUDIENCE,
    ONLINE_GATE,
    POOL_LABEL,
    RUNNER_LABELS_ANNOTATION,
    TOKEN_AUDIENCE,
    TRUST_CONFIG_MAP,
)
from values.pool import IDENTITIES, RunnerPool

CUDA: RunnerPool = {
    "name": "cuda",
    "namespace": "gpu-runners-dev",
    "labels": ["cml-gpu", "cuda"],
    "replicas": 2,
    "image": "registry.example.com/cuda@sha256:" + "0" * 64,
    "runner_image": "registry.example.com/runner@sha256:" + "1" * 64,
    "forge": "gitea",
    "gpu": {
        "resource": "nvidia.com/gpu",
        "count": 1,
        "node_selector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    },
    "cpu": "2",
    "memory": "8Gi",
    "shared_memory": "1Gi",
    "work_volume": "20Gi",
    "ephemeral_storage": "10Gi",
    "protect_job_seconds": 3600,
    "identity": "none",
    "image_pull_policy": "IfNotPresent",
    "autoscaled": False,
}


def pool(**changes: Any) -> RunnerPool:
    changed: dict[str, Any] = {**copy.deepcopy(CUDA), **changes}
    return {key: value for key, value in changed.items() if value is not None}  # type: ignore[return-value]


def deployment(changed: RunnerPool) -> Recorded:
    (recorded,) = run(lambda: RunnerDeployment("cuda", changed)).of("Deployment")
    return recorded


def pod(changed: RunnerPool = CUDA) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(changed).inputs["spec"]["template"]["spec"]
    return spec


def runner(changed: RunnerPool = CUDA) -> dict[str, Any]:
    (container,) = pod(changed)["containers"]
    found: dict[str, Any] = container
    return found


def registration() -> dict[str, Any]:
    (container,) = pod()["initContainers"]
    found: dict[str, Any] = container
    return found


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container["env"]}


def volumes(changed: RunnerPool = CUDA) -> dict[str, Any]:
    return {item["name"]: item for item in pod(changed)["volumes"]}


def test_a_pool_asks_for_no_more_than_it_names() -> None:
    assert not {"imagePullSecrets", "runtimeClassName", "priorityClassName"} & set(pod())


def test_a_pool_may_name_pull_secrets_and_classes() -> None:
    spec = pod(pool(pull_secrets=["ml", "ci"], runtime_class="nvidia", priority_class="gpu-batch"))
    assert spec["imagePullSecrets"] == [{"name": "ml"}, {"name": "ci"}]
    assert (spec["runtimeClassName"], spec["priorityClassName"]) == ("nvidia", "gpu-batch")


def test_variables_of_a_pool_are_for_its_jobs_and_take_none_of_ours() -> None:
    changed = pool(env={"HF_HOME": "/x", "HOME": "/root"})
    assert variables(runner(changed)) == {**variables(runner()), "HF_HOME": "/x"}
    (init,) = pod(changed)["initContainers"]
    assert "HF_HOME" not in variables(init)


def test_a_cache_is_mounted_for_jobs_and_to_be_read_unless_the_pool_writes() -> None:
    caches = [{"claim": "datasets", "writable": False}, {"claim": "models", "writable": True}]
    changed = pool(caches=caches)
    for claim, is_read_only in (("datasets", True), ("models", False)):
        source = volumes(changed)[f"cache-{claim}"]["persistentVolumeClaim"]
        assert source == {"claimName": claim, "readOnly": is_read_only}
        mount = {"name": f"cache-{claim}", "mountPath": f"/caches/{claim}", "readOnly": is_read_only}
        assert mount in runner(changed)["volumeMounts"]
    (init,) = pod(changed)["initContainers"]
    assert not [mount for mount in init["volumeMounts"] if mount["name"].startswith("cache-")]
    assert len(volumes()) == len(volumes(changed)) - 2


def test_both_containers_are_told_of_a_proxy() -> None:
    spec = pod(pool(proxy={"HTTPS_PROXY": "http://proxy:3128"}))
    for container in (*spec["containers"], *spec["initContainers"]):
        assert variables(container)["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_pool_says_when_its_images_are_asked_for() -> None:
    spec = pod(pool(image_pull_policy="Always"))
    assert {c["imagePullPolicy"] for c in (*spec["containers"], *spec["initContainers"])} == {"Always"}


def test_a_pod_that_ended_is_not_started_again() -> None:
    assert runner()["restartPolicy"] == "Never"


def test_a_gpu_is_limited_and_requested_alike() -> None:
    resources = runner()["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "1"
    assert resources["limits"]["memory"] == resources["requests"]["memory"] == "8Gi"


def test_gpu_pods_choose_their_nodes_and_tolerate_their_taint() -> None:
    assert pod()["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert pod()["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_pods_without_gpus_fit_linux_nodes_alone_and_the_selector_of_their_deployment_stays() -> None:
    spec = deployment(pool(gpu=None)).inputs["spec"]
    assert spec["template"]["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["selector"] == deployment(CUDA).inputs["spec"]["selector"]


NO_DEVICES = {
    "AMD_VISIBLE_DEVICES": "none",
    "ASCEND_VISIBLE_DEVICES": "void",
    "AWS_NEURON_VISIBLE_DEVICES": "none",
    "HABANA_VISIBLE_DEVICES": "none",  # its runtime takes `void` for all of them
    "NVIDIA_VISIBLE_DEVICES": "void",
}


def visible(container: Any) -> dict[str, str]:
    return {name: value for name, value in variables(container).items() if name.endswith("_VISIBLE_DEVICES")}


def test_without_gpus_no_device_is_visible() -> None:
    container = runner(pool(gpu=None))
    assert visible(container) == NO_DEVICES
    assert "nvidia.com/gpu" not in container["resources"]["limits"]


@pytest.mark.parametrize(
    ("resource", "variable"),
    [
        ("nvidia.com/gpu", "NVIDIA_VISIBLE_DEVICES"),
        ("amd.com/gpu", "AMD_VISIBLE_DEVICES"),
        ("habana.ai/gaudi", "HABANA_VISIBLE_DEVICES"),
        ("gpu.intel.com/i915", ""),
    ],
)
def test_only_the_vendor_whose_devices_are_asked_for_may_show_any(resource: str, variable: str) -> None:
    gpu = {"resource": resource, "count": 1, "node_selector": {}, "tolerations": []}
    expected = {name: none for name, none in NO_DEVICES.items() if name != variable}
    assert visible(runner(pool(gpu=gpu))) == expected


def test_only_the_init_container_can_ask_for_a_registration() -> None:
    asking = {"registrar-token", "registrar-trust"}
    assert asking <= {mount["name"] for mount in registration()["volumeMounts"]}
    assert not asking & {mount["name"] for mount in runner()["volumeMounts"]}
    (source,) = volumes()["registrar-token"]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == TOKEN_AUDIENCE


def test_a_runner_has_no_identity_in_the_cluster() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["serviceAccountName"] == "runner"
    assert "job-credential" not in volumes()
    assert "KUBECONFIG" not in variables(runner())


@pytest.mark.parametrize("identity", ["deployer", "previewer"])
def test_a_base_runners_pod_has_no_rights_and_its_jobs_find_how_to_ask_for_them(identity: str) -> None:
    base = pool(identity=identity, gpu=None)
    assert pod(base)["serviceAccountName"] == "runner"
    assert pod(base)["automountServiceAccountToken"] is False
    mounts = {mount["name"]: mount for mount in runner(base)["volumeMounts"]}
    assert mounts["job-credential"]["mountPath"] == "/var/run/job-credential"
    assert mounts["job-credential"]["readOnly"] is True
    assert variables(runner(base))["KUBECONFIG"] == f"/var/run/job-credential/{identity}.kubeconfig"
    token, trust, ca = volumes(base)["job-credential"]["projected"]["sources"]
    assert token["serviceAccountToken"]["audience"] == JOB_TOKEN_AUDIENCE
    assert trust["configMap"] == {"name": TRUST_CONFIG_MAP}
    assert ca["configMap"]["name"] == "kube-root-ca.crt"


def test_no_pod_holds_a_token_for_the_api_server() -> None:
    for identity in IDENTITIES:
        base = pool(identity=identity)
        projected = [volume["projected"]["sources"] for volume in volumes(base).values() if "projected" in volume]
        tokens = [it["serviceAccountToken"] for sources in projected for it in sources if "serviceAccountToken" in it]
        audiences = {token.get("audience") for token in tokens}
        assert audiences <= {TOKEN_AUDIENCE, JOB_TOKEN_AUDIENCE}


def test_a_runner_knows_its_own_image() -> None:
    assert variables(runner())["GPU_RUNNERS_IMAGE"] == CUDA["image"]


def test_githubs_runner_finds_the_work_volume_itself_where_it_works() -> None:
    mounts = {mount["mountPath"]: mount for mount in runner(pool(forge="github"))["volumeMounts"]}
    assert mounts["/runner/_work"] == {"name": "work", "mountPath": "/runner/_work", "subPath": "jobs"}
    assert variables(runner(pool(forge="github")))["JOBS_DIRECTORY"] == "/work/jobs"
    assert mounts["/__w"] == {"name": "work", "mountPath": "/__w", "subPath": "jobs"}  # as a job's container has it
    assert mounts["/__e"] == {"name": "runner-files", "mountPath": "/__e", "subPath": "externals"}
    assert "/runner/_work" not in {mount["mountPath"] for mount in runner()["volumeMounts"]}


def test_no_volume_of_the_node_or_of_a_secret_is_mounted() -> None:
    kinds = {next(key for key in volume if key != "name") for volume in volumes().values()}
    assert kinds == {"emptyDir", "projected", "configMap"}


def test_shared_memory_and_the_registration_are_in_memory_and_sized() -> None:
    assert volumes()["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert volumes()["registration"]["emptyDir"]["medium"] == "Memory"
    assert volumes()["work"]["emptyDir"] == {"sizeLimit": "20Gi"}
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in runner()["volumeMounts"]  # noqa: S108


def test_nobody_is_root() -> None:
    context = pod()["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 1001
    for container in (runner(), registration()):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["privileged"] is False


def test_a_pod_shares_nothing_with_its_node() -> None:
    assert [pod()[key] for key in ("hostNetwork", "hostPID", "hostIPC", "enableServiceLinks")] == [False] * 4


def test_the_pod_is_ready_only_when_the_registrar_says_so() -> None:
    assert pod()["readinessGates"] == [{"conditionType": ONLINE_GATE}]


def test_a_deleted_runner_gets_the_time_that_its_pool_protects() -> None:
    assert pod()["terminationGracePeriodSeconds"] == 3600
    assert variables(runner())["PROTECT_JOB_SECONDS"] == "3600"
    assert runner()["lifecycle"]["preStop"]["exec"]["command"][:2] == ["/bin/sh", "-c"]


def test_the_users_image_runs_nothing_of_ours_but_sh() -> None:
    assert runner()["image"] == CUDA["image"]
    assert runner()["command"][:2] == ["/bin/sh", "-c"]
    assert registration()["image"] == CUDA["runner_image"]


def test_old_runners_leave_before_new_ones_come() -> None:
    strategy = deployment(CUDA).inputs["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def test_the_provider_neither_waits_nor_stops_at_a_conflict() -> None:
    annotations = deployment(CUDA).inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/skipAwait"] == annotations["pulumi.com/patchForce"] == "true"


def test_a_deleted_pool_goes_at_once_and_its_runners_in_their_own_time() -> None:
    annotations = deployment(CUDA).inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/deletionPropagationPolicy"] == "background"


def test_the_pod_says_its_pool_and_its_runner_labels() -> None:
    template = deployment(CUDA).inputs["spec"]["template"]["metadata"]
    assert template["labels"][POOL_LABEL] == "cuda"
    assert template["annotations"][RUNNER_LABELS_ANNOTATION] == "cml-gpu,cuda"


def test_autoscalers_of_nodes_leave_runners_alone() -> None:
    annotations = deployment(CUDA).inputs["spec"]["template"]["metadata"]["annotations"]
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert annotations["karpenter.sh/do-not-disrupt"] == "true"


def test_what_selects_pods_is_the_pool_alone() -> None:
    assert deployment(CUDA).inputs["spec"]["selector"] == {"matchLabels": {POOL_LABEL: "cuda"}}


def test_a_job_can_tell_which_pool_it_runs_on() -> None:
    assert variables(runner())["GPU_RUNNERS_POOL"] == "gpu-runners-dev/cuda"


def test_the_replicas_of_an_autoscaled_pool_are_left_to_the_autoscaler() -> None:
    assert deployment(CUDA).ignored == ()
    assert deployment(pool(autoscaled=True)).ignored == ("spec.replicas",)


@pytest.mark.parametrize(
    "change", [{"replicas": 3}, {"image": "b"}, {"memory": "1Gi"}, {"labels": ["x"]}, {"gpu": None}]
)
def test_the_fingerprint_changes_with_the_pool(change: dict[str, Any]) -> None:
    assert deployment_fingerprint(pool(**change)) != deployment_fingerprint(CUDA)


def test_the_fingerprint_stays_while_the_pool_does() -> None:
    assert deployment_fingerprint(copy.deepcopy(CUDA)) == deployment_fingerprint(CUDA)


def test_the_number_that_an_autoscaler_sets_is_no_change() -> None:
    scaled = deployment_fingerprint(pool(autoscaled=True, replicas=9))
    assert scaled == deployment_fingerprint(pool(autoscaled=True, replicas=1))


def test_runners_that_an_autoscaler_is_to_keep_are_a_change_so_that_up_waits_for_them() -> None:
    def kept(least: int, most: int = 4) -> str:
        autoscaling = {"min": least, "max": most, "idle_seconds": 300}
        return deployment_fingerprint(pool(autoscaling=autoscaling, autoscaled=True, replicas=least))

    assert kept(3) != kept(0)
    assert kept(3) == kept(3, most=8), "none of these is awaited"
    assert kept(0) == deployment_fingerprint(pool(autoscaled=True, replicas=9))


def test_numbers_may_be_floats_as_a_component_host_hands_them_over() -> None:
    gpu = {**CUDA["gpu"], "count": 1.0}
    hosted = pool(replicas=2.0, protect_job_seconds=3600.0, gpu=gpu)
    assert deployment_fingerprint(hosted) == deployment_fingerprint(CUDA)


def scaled(kind: str = "ScaledObject", **changes: Any) -> Recorded:
    autoscaling = {"min": 0, "max": 4, "idle_seconds": 300, **changes}
    changed = pool(autoscaling=autoscaling, autoscaled=True, replicas=autoscaling["min"])
    queue = "https://registrar.system.svc:8445/queue"
    program = run(lambda: RunnerDeployment("cuda", changed, queue=queue))
    return program.one(kind, "cuda")


def test_a_pool_that_follows_the_queue_is_scaled_by_its_own_queue_alone() -> None:
    recorded = scaled()
    assert recorded.type == "kubernetes:keda.sh/v1alpha1:ScaledObject"
    spec = recorded.inputs["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cuda"}
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["url"] == "https://registrar.system.svc:8445/queue/gpu-runners-dev/cuda"
    assert trigger["authenticationRef"] == {"name": "registrar"}
    assert recorded.namespace == "gpu-runners-dev"
    assert recorded.dependencies == ("cuda",)


def test_a_runner_that_no_job_needs_stays_for_as_long_as_the_pool_says() -> None:
    """The registrar counts it among those that are wanted; the autoscaler, which cannot know why, does not wait too."""
    spec = scaled(min=1, idle_seconds=120).inputs["spec"]
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert (spec["cooldownPeriod"], down["stabilizationWindowSeconds"]) == (0, 0)
    declared = scaled("Deployment", min=1, idle_seconds=120).inputs["metadata"]["annotations"]
    assert declared["gpu-runners.dev/idle-seconds"] == "120"
    assert declared["gpu-runners.dev/least-runners"] == "1"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)


def test_every_job_gets_a_runner_also_where_many_run() -> None:
    """Kubernetes' own tolerance of a tenth would leave the last of 21 jobs waiting."""
    behavior = scaled().inputs["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert {behavior["scaleUp"]["tolerance"], behavior["scaleDown"]["tolerance"]} == {"0"}


def test_a_pool_with_a_number_has_no_scaled_object() -> None:
    assert run(lambda: RunnerDeployment("cuda", CUDA)).of("ScaledObject") == []


def test_the_registrar_learns_how_many_runners_a_pool_may_have() -> None:
    changed = pool(autoscaling={"min": 0, "max": 4, "idle_seconds": 300}, autoscaled=True, replicas=0)
    assert deployment(changed).inputs["metadata"]["annotations"]["gpu-runners.dev/most-runners"] == "4"


def test_the_registrar_learns_that_another_autoscaler_sets_a_pools_runners() -> None:
    mark = "gpu-runners.dev/autoscaled"
    assert deployment(pool(autoscaled=True)).inputs["metadata"]["annotations"][mark] == "true"
    assert mark not in deployment(pool()).inputs["metadata"]["annotations"]
