"""What the admission policy of a namespace says; whether the API server heeds it is tried on the lab."""

import re

import pytest

from components.platform.runner_admission import RunnerAdmission, RunnerAdmissionArgs, policy_spec
from tests.program.recorded import Program, run
from values.image import image_pattern

DIGEST = f"@sha256:{'0' * 64}"
ARGS: RunnerAdmissionArgs = {
    "namespace": "gpu-runners-dev",
    "accounts": ["runner", "deployer"],
    "images": ["registry.example.com/ml/", "registry.example.com:5000/runner"],
    "image_tags_allowed": False,
}


def admission() -> Program:
    return run(lambda: RunnerAdmission("dev-admission", ARGS))


def test_the_policy_carries_the_namespace_in_its_name_and_judges_that_namespace_alone() -> None:
    policy = admission().one("ValidatingAdmissionPolicy", "gpu-runners-dev-runner-pods")
    selector = policy.inputs["spec"]["matchConstraints"]["namespaceSelector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": "gpu-runners-dev"}}


def test_the_binding_denies() -> None:
    binding = admission().one("ValidatingAdmissionPolicyBinding", "gpu-runners-dev-runner-pods")
    assert binding.inputs["spec"] == {"policyName": "gpu-runners-dev-runner-pods", "validationActions": ["Deny"]}


def test_an_api_server_that_cannot_judge_refuses() -> None:
    assert policy_spec(ARGS)["failure_policy"] == "Fail"


def test_debug_containers_are_judged_too() -> None:
    rules = policy_spec(ARGS)["match_constraints"]["resource_rules"]
    assert ["pods", "pods/ephemeralcontainers"] in [rule["resources"] for rule in rules]


def test_every_refusal_names_what_is_allowed_and_the_cure() -> None:
    for validation in policy_spec(ARGS)["validations"]:
        assert re.fullmatch(r"allowed in a namespace of runners: .+; cure: .+", validation["message"])


@pytest.mark.parametrize(
    "image",
    [
        f"registry.example.com/ml/cuda{DIGEST}",
        f"registry.example.com/ml/deep/cuda:12.4{DIGEST}",
        f"registry.example.com:5000/runner{DIGEST}",
    ],
)
def test_an_image_below_an_allowed_beginning_may_run(image: str) -> None:
    assert re.match(image_pattern(ARGS["images"], tags_allowed=False), image)


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
    assert not re.match(image_pattern(ARGS["images"], tags_allowed=False), image)


def test_without_a_list_any_image_by_digest_may_run() -> None:
    pattern = image_pattern([], tags_allowed=False)
    assert re.match(pattern, f"ghcr.io/someone/cuda{DIGEST}")
    assert re.match(pattern, f"localhost:5000/cuda:1{DIGEST}")
    assert not re.match(pattern, "ghcr.io/someone/cuda:1")


def test_tags_may_run_where_the_platform_says_so() -> None:
    assert re.match(image_pattern([], tags_allowed=True), "lab.local/cuda-mlops:lab")
    assert re.match(image_pattern(["lab.local/"], tags_allowed=True), "lab.local/cuda-mlops:lab")
    assert not re.match(image_pattern(["lab.local/"], tags_allowed=True), "elsewhere/cuda-mlops:lab")
