"""What has images pulled ahead: where the environment grants it, as a pod that can do nothing else."""

from typing import Any

import pytest

from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.policies import policies
from components.platform.admission.prepull_shape import prepull_shape, prepull_template_shape
from components.platform.deployer import deployer_rules
from components.platform.runner_namespace import DAEMON_SETS, hard_limits
from components.pools.runner_deployment import RunnerDeployment
from tests.components.platform.test_namespaces_and_rights import DEV
from tests.components.platform.test_runner_admission import GRANTED, GRANTS, NVIDIA, POOL, unknown
from tests.program.recorded import Program, run

PREPULL: AdmissionGrants = {**GRANTS, "prepull": True}
SUFFIXES = {"prepull-pods", "prepull"}


def program(**changes: Any) -> Program:
    pool: Any = {**POOL, "gpu": NVIDIA, "prepull": True, **changes}
    return run(lambda: RunnerDeployment("cuda", pool))


def written(**changes: Any) -> dict[str, Any]:
    (declared,) = program(**changes).of("DaemonSet")
    template: dict[str, Any] = declared.inputs["spec"]["template"]
    return template


def test_a_pool_that_says_so_has_both_its_images_pulled_where_its_runners_may_run() -> None:
    spec = written()["spec"]
    node_selector: Any = NVIDIA["node_selector"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", **node_selector}
    assert spec["tolerations"] == NVIDIA["tolerations"]
    images = [container["image"] for container in (*spec["initContainers"], *spec["containers"])]
    assert images == [POOL["image"], POOL["runner_image"]]


def test_where_it_pulls_is_the_pools_own_word_even_for_a_nodes_system() -> None:
    placement = {**NVIDIA, "node_selector": {"kubernetes.io/os": "bottlerocket"}}
    assert written(gpu=placement)["spec"]["nodeSelector"] == {"kubernetes.io/os": "bottlerocket"}


def test_a_pool_that_does_not_say_so_has_none() -> None:
    assert program(prepull=False).of("DaemonSet") == []


def test_it_takes_no_device_and_no_token_and_is_no_runner() -> None:
    template = written()
    assert "gpu-runners.dev/pool" not in template["metadata"]["labels"]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert "volumes" not in template["spec"]
    for container in (*template["spec"]["initContainers"], *template["spec"]["containers"]):
        assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in container["env"]
        assert {variable["value"] for variable in container["env"]} == {"void", "none"}
        assert not any("/" in resource for resource in container["resources"]["limits"])


@pytest.mark.parametrize(
    ("grants", "changes"), [(PREPULL, {}), ({**GRANTED, "prepull": True}, {"pull_secrets": ["registry"]})]
)
def test_the_shape_names_every_field_that_the_program_writes(grants: AdmissionGrants, changes: dict[str, Any]) -> None:
    template = written(**changes)
    for shape in (prepull_template_shape(grants), prepull_shape(grants)):
        assert list(unknown(shape.metadata, template["metadata"], "metadata")) == []
        assert list(unknown(shape.spec, template["spec"], "spec")) == []


def test_nothing_of_it_is_admitted_where_no_environment_grants_it() -> None:
    assert not SUFFIXES & {policy.suffix for policy in policies(GRANTS)}
    runners = policies(GRANTS)[0].spec["match_conditions"][0]["expression"]
    assert "prepull" not in runners


def test_a_pod_is_judged_as_the_one_or_as_the_other() -> None:
    conditions = {
        policy.suffix: policy.spec["match_conditions"][0]["expression"]
        for policy in policies(PREPULL)
        if policy.suffix in ("runner-pods", "prepull-pods")
    }
    label = "'gpu-runners.dev/prepull' in object.metadata.?labels.orValue({})"
    assert conditions["runner-pods"].endswith(f"&& !({label})")
    assert conditions["prepull-pods"].endswith(f"&& {label}")
    assert {policy.suffix for policy in policies(PREPULL)} >= SUFFIXES


def test_a_deployer_may_write_such_an_object_only_where_it_is_granted() -> None:
    def writable(*, prepull: bool) -> set[str]:
        rules = deployer_rules("dev", prepull=prepull)
        return {resource for rule in rules if "create" in rule["verbs"] for resource in rule["resources"]}

    assert writable(prepull=True) - writable(prepull=False) == {"daemonsets"}


def test_how_many_there_may_be_is_bounded() -> None:
    limits: Any = {**DEV, "prepull": True}
    assert DAEMON_SETS in hard_limits(limits)
    assert DAEMON_SETS not in hard_limits(DEV)
