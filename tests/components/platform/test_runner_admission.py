"""What the admission policies of a namespace say; whether the API server heeds them is tried on the lab."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.platform.admission.container_shape import MOST_SCRIPT
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.pod_shape import pod_shape, template_shape
from components.platform.admission.policies import CURE, REFUSED, policies
from components.platform.admission.shape import Each, Entries, Fields, Node, exactly
from components.platform.admission.table import table
from components.platform.runner_admission import RunnerAdmission
from components.pools.runner_deployment import RunnerDeployment
from tests.program.recorded import Program, run
from values.image import image_pattern
from values.pod_extras import PodExtras, no_extras
from values.pod_variables import REGISTRATION_VARIABLES, RUNNER_VARIABLES, VISIBLE_DEVICES
from values.pool import RunnerPool

DIGEST = f"@sha256:{'0' * 64}"
GRANTS: AdmissionGrants = {
    "namespace": "gpu-runners-dev",
    "accounts": ["runner"],
    "job_credentials": True,
    "images": ["registry.example.com/ml/", "registry.example.com:5000/runner"],
    "image_tags_allowed": False,
    "labels": ["gpu"],
    "reserved_labels": [],
    "gpus": {"nvidia.com/gpu": 4, "amd.com/gpu": 0},
    "protect_job_seconds": 86400,
    "ephemeral_storage": "1Ti",
    "extras": no_extras(),
}
POOL: RunnerPool = {
    "name": "cuda",
    "namespace": "gpu-runners-dev",
    "labels": ["gpu"],
    "replicas": 2,
    "image": f"registry.example.com/ml/cuda{DIGEST}",
    "runner_image": f"registry.example.com:5000/runner{DIGEST}",
    "forge": "gitea",
    "cpu": "2",
    "memory": "8Gi",
    "shared_memory": "1Gi",
    "work_volume": "20Gi",
    "ephemeral_storage": "10Gi",
    "protect_job_seconds": 3600,
    "identity": "deployer",
    "image_pull_policy": "IfNotPresent",
    "autoscaled": False,
}
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "admission.md"


EXTRAS: PodExtras = {
    "pull_secrets": ["registry"],
    "variables": ["HF_HOME"],
    "runtime_classes": ["nvidia"],
    "priority_classes": ["gpu-batch"],
    "proxy": True,
    "caches": [{"claim": "datasets", "writable": False}, {"claim": "models", "writable": True}],
}
GRANTED: AdmissionGrants = {**GRANTS, "extras": EXTRAS}


def admission() -> Program:
    return run(lambda: RunnerAdmission("dev-admission", GRANTS))


@pytest.mark.parametrize("suffix", ["runner-pods", "runner-pools", "runner-metadata"])
def test_a_policy_carries_the_namespace_in_its_name_and_judges_that_namespace_alone(suffix: str) -> None:
    policy = admission().one("ValidatingAdmissionPolicy", f"gpu-runners-dev-{suffix}")
    selector = policy.inputs["spec"]["matchConstraints"]["namespaceSelector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": "gpu-runners-dev"}}


@pytest.mark.parametrize("suffix", ["runner-pods", "runner-pools", "runner-metadata"])
def test_every_binding_denies(suffix: str) -> None:
    binding = admission().one("ValidatingAdmissionPolicyBinding", f"gpu-runners-dev-{suffix}")
    assert binding.inputs["spec"] == {"policyName": f"gpu-runners-dev-{suffix}", "validationActions": ["Deny"]}


def test_the_policy_that_older_platforms_have_keeps_its_name_in_the_state() -> None:
    names = {policy.name for policy in admission().of("ValidatingAdmissionPolicy")}
    assert "dev-admission-policy" in names


def test_an_api_server_that_cannot_judge_refuses() -> None:
    assert {policy.spec["failure_policy"] for policy in policies(GRANTS)} == {"Fail"}


def test_debug_containers_and_resized_pods_are_judged_too() -> None:
    judged = policies(GRANTS)[0].spec["match_constraints"]["resource_rules"]
    assert [rule["resources"] for rule in judged] == [["pods", "pods/ephemeralcontainers", "pods/resize"]]


def test_every_claim_has_a_name_a_message_and_a_cure() -> None:
    for policy in policies(GRANTS):
        variables = [variable["name"] for variable in policy.spec["variables"]]
        assert len(set(variables)) == len(variables)
        for validation in policy.spec["validations"]:
            (name,) = re.fullmatch(r"variables\.(\w+) == ''", validation["expression"]).groups()  # type: ignore[union-attr]
            assert name in variables
            assert validation["message"].startswith(REFUSED)
            assert validation["message"].endswith(CURE)
            assert f"variables.{name}" in validation["message_expression"]


def test_the_policies_stay_small() -> None:
    assert sum(len(variable["expression"]) for p in policies(GRANTS) for variable in p.spec["variables"]) < 120_000


def unknown(node: Node, value: Any, path: str) -> Iterator[str]:
    """What an object has and the shape does not name, and what the shape asks for and the object has not."""
    if isinstance(node, Each):
        for item in value:
            yield from unknown(node.item, item, f"{path}[]")
    elif isinstance(node, Fields | Entries):
        children = node.entries if isinstance(node, Entries) else node.fields
        yield from (f"{path}.{name}" for name in value if name not in children)
        yield from (f"no {path}.{name}" for name, child in children.items() if child.required and name not in value)
        for name, child in children.items():
            if name in value:
                yield from unknown(child, value[name], f"{path}.{name}")


def written(**changes: Any) -> dict[str, Any]:
    """A pod template that the program writes."""
    pool: Any = {**POOL, **changes}
    (found,) = run(lambda: RunnerDeployment("cuda", pool)).of("Deployment")
    template: dict[str, Any] = found.inputs["spec"]["template"]
    return template


NVIDIA = {
    "resource": "nvidia.com/gpu",
    "count": 1,
    "node_selector": {"a": "b"},
    "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
}


@pytest.mark.parametrize("changes", [{}, {"identity": "none"}, {"forge": "github"}, {"gpu": NVIDIA}])
def test_the_shape_names_every_field_that_the_program_writes(changes: dict[str, Any]) -> None:
    template, shape = written(**changes), template_shape(GRANTS)
    assert list(unknown(shape.metadata, template["metadata"], "metadata")) == []
    assert list(unknown(shape.spec, template["spec"], "spec")) == []


ASKED = {
    "pull_secrets": ["registry"],
    "env": {"HF_HOME": "/work/home/hf"},
    "runtime_class": "nvidia",
    "priority_class": "gpu-batch",
    "caches": [{"claim": "datasets", "writable": False}, {"claim": "models", "writable": True}],
}


def test_the_shape_names_every_field_that_the_program_writes_of_what_is_granted() -> None:
    template, shape = written(**ASKED), template_shape(GRANTED)
    assert list(unknown(shape.spec, template["spec"], "spec")) == []


def test_what_no_environment_grants_is_no_field_at_all() -> None:
    spec = written(**ASKED)["spec"]
    found = list(unknown(template_shape(GRANTS).spec, spec, "spec"))
    assert sorted(set(found)) == [
        "spec.imagePullSecrets",
        "spec.priorityClassName",
        "spec.runtimeClassName",
        "spec.volumes[].persistentVolumeClaim",
    ]


def names(grants: AdmissionGrants, container: str) -> str:
    """The variables that a container may have, in words."""
    shape: Any = pod_shape(grants).spec.fields[container]
    allowed: str = shape.item.fields["env"].item.fields["name"].allowed
    return allowed


def test_a_granted_variable_is_for_jobs_and_not_for_the_registration() -> None:
    assert "HF_HOME" in names(GRANTED, "containers")
    assert "HF_HOME" not in names(GRANTED, "initContainers") + names(GRANTS, "containers")


def test_a_proxy_is_named_only_where_the_platform_has_one() -> None:
    for container in ("containers", "initContainers"):
        assert "https_proxy" in names(GRANTED, container)
        assert "https_proxy" not in names(GRANTS, container)


def test_a_cache_is_a_volume_only_where_it_is_granted() -> None:
    volumes: Any = pod_shape(GRANTED).spec.fields["volumes"]
    assert "persistentVolumeClaim" in volumes.item.fields
    assert "persistentVolumeClaim" not in pod_shape(GRANTS).spec.fields["volumes"].item.fields  # type: ignore[union-attr]
    (read_only,) = [rule for rule in volumes.item.rules if rule.name == ".persistentVolumeClaim.readOnly"]
    assert read_only.allowed == "true, but for models"


def test_a_priority_is_what_a_granted_class_says_or_none() -> None:
    assert pod_shape(GRANTS).spec.fields["priority"] == exactly(0)
    assert [rule.name for rule in pod_shape(GRANTED).spec.rules] == [".priority"]


def test_a_sandbox_with_overhead_is_one_of_a_granted_runtime_class() -> None:
    assert "overhead" in pod_shape(GRANTED).spec.fields
    assert "overhead" not in {**pod_shape(GRANTS).spec.fields, **template_shape(GRANTED).spec.fields}


def test_the_variables_that_are_admitted_are_those_that_the_program_writes() -> None:
    spec = written(forge="github")["spec"]
    for container, names in (
        (spec["initContainers"][0], REGISTRATION_VARIABLES),
        (spec["containers"][0], (*RUNNER_VARIABLES, "KUBECONFIG")),
    ):
        assert sorted(variable["name"] for variable in container["env"]) == sorted(names)


def test_which_devices_a_runtime_shows_is_never_the_images_word() -> None:
    documented = table(GRANTS)
    for container in ("containers", "initContainers"):
        for devices in VISIBLE_DEVICES:
            assert f"| `spec.{container}[].env[{devices.name}]` | {devices.none}" in documented


@pytest.mark.parametrize("resource", ["amd.com/gpu", "gpu.intel.com/i915"])
def test_gpus_of_other_vendors_leave_those_of_nvidia_hidden(resource: str) -> None:
    runner = written(gpu={**NVIDIA, "resource": resource})["spec"]["containers"][0]
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in runner["env"]


def test_a_granted_device_is_asked_for_at_least_once() -> None:
    """Of none the device plugin says nothing to the runtime, which then believes the image about which are visible."""
    assert (
        f"| `spec.containers[].resources.limits.nvidia.com/gpu` | 1 to {GRANTS['gpus']['nvidia.com/gpu']} |"
        in table(GRANTS)
    )


def test_a_registration_takes_no_more_memory_than_the_program_gives_it() -> None:
    """It requests less than its limit, and runs whatever its pool says."""
    registration = written()["spec"]["initContainers"][0]
    most = registration["resources"]["limits"]["memory"]
    assert f"| `spec.initContainers[].resources.limits.memory` | at most {most} |" in table(GRANTS)


def test_a_runner_may_fill_no_more_of_the_nodes_disk_than_its_pool_says() -> None:
    runner = written(work_volume="20Gi", ephemeral_storage="512Mi")["spec"]["containers"][0]
    assert runner["resources"]["limits"]["ephemeral-storage"] == "23040Mi"  # with 2Gi for the runner's own files


def test_the_documented_table_is_the_one_that_the_policies_are_made_of() -> None:
    assert table() in DOCUMENT.read_text()


@pytest.mark.parametrize(
    "image",
    [
        f"registry.example.com/ml/cuda{DIGEST}",
        f"registry.example.com/ml/deep/cuda:12.4{DIGEST}",
        f"registry.example.com:5000/runner{DIGEST}",
    ],
)
def test_an_image_below_an_allowed_beginning_may_run(image: str) -> None:
    assert re.match(image_pattern(GRANTS["images"], tags_allowed=False), image)


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.com/ml/cuda:12.4",
        f"registry.example.com/mlops{DIGEST}",
        f"registry.example.com:5000/runner-evil{DIGEST}",
        f"registry.example.com.evil.example/ml/cuda{DIGEST}",
        f"registryXexample.com/ml/cuda{DIGEST}",
        f"docker.io/x@registry.example.com/ml/cuda{DIGEST}",
        f"registry.example.com/ml/cuda{DIGEST}x",
        f"registry.example.com/ml/cuda{DIGEST.replace('0', 'G')}",
    ],
)
def test_a_foreign_image_may_not(image: str) -> None:
    assert not re.match(image_pattern(GRANTS["images"], tags_allowed=False), image)


def test_without_a_list_any_image_by_digest_may_run() -> None:
    pattern = image_pattern([], tags_allowed=False)
    assert re.match(pattern, f"ghcr.io/someone/cuda{DIGEST}")
    assert re.match(pattern, f"localhost:5000/cuda:1{DIGEST}")
    assert not re.match(pattern, "ghcr.io/someone/cuda:1")


def test_tags_may_run_where_the_platform_says_so() -> None:
    assert re.match(image_pattern([], tags_allowed=True), "lab.local/cuda-mlops:lab")
    assert re.match(image_pattern(["lab.local/"], tags_allowed=True), "lab.local/cuda-mlops:lab")
    assert not re.match(image_pattern(["lab.local/"], tags_allowed=True), "elsewhere/cuda-mlops:lab")


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_the_scripts_that_the_program_writes_are_no_longer_than_what_is_admitted(forge: str) -> None:
    spec = written(forge=forge)["spec"]
    containers = [*spec["initContainers"], *spec["containers"]]
    assert max(len(container["command"][2]) for container in containers) <= MOST_SCRIPT
