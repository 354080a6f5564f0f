"""Each rule of the policy pack lets the program's own stacks pass and catches its breach."""

from typing import Any

import pytest

from components import labels as program_labels
from components.github.forge_repository import ForgeRepository
from components.github.repository_args import ForgeRepositoryArgs
from components.github.runner_group import RunnerGroup, RunnerGroupArgs
from policy_rules.catalogue import RULES
from policy_rules.resources import (
    JOB_AUDIENCE,
    NAME_LABEL,
    POOL_LABEL,
    PREPULL_LABEL,
    REGISTRAR,
    REGISTRAR_AUDIENCE,
    RUNNER_LABELS_ANNOTATION,
    RUNNERS,
    Resource,
)
from policy_rules.rule import Rule
from tests.policy.judged_stack import (
    BY_NAME,
    DIGEST,
    LAB_IMAGES,
    Change,
    changed,
    declared,
    made,
    pod,
    runner,
    violations,
    with_every_key,
)
from tests.program.recorded import run
from values import contract


@pytest.fixture
def stack() -> list[Resource]:
    return list(declared())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_programs_own_stack_passes(rule: Rule, stack: list[Resource]) -> None:
    budgets = {"budgets": {"dev": {"nvidia.com/gpu": 1}}}
    assert list(rule.check(stack, LAB_IMAGES | budgets | {"owners": {"cml-gpu": "dev"}, "taints": ["sku"]})) == []


def test_a_stack_with_every_key_passes() -> None:
    resources = with_every_key()
    assert len(resources) > 60
    assert [breach for rule in RULES for breach in rule.check(resources, {"acceptTags": ["*"]})] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_nothing_about_an_empty_stack(rule: Rule) -> None:
    assert list(rule.check([], {})) == []


def toleration(key: str) -> dict[str, str]:
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}


def volume(**source: Any) -> Change:
    return lambda v: pod(v)["volumes"].append({"name": "odd", **source})


def variable(name: str, **source: Any) -> Change:
    return lambda v: runner(v)["env"].append({"name": name, **source})


def devices(limit: str, request: str) -> Change:
    return lambda v: runner(v)["resources"].update(
        limits={"nvidia.com/gpu": limit}, requests={"nvidia.com/gpu": request}
    )


def projected_token(**token: Any) -> Change:
    return volume(projected={"sources": [{"serviceAccountToken": {"path": "token", **token}}]})


def registrar_token_for_jobs(inputs: dict[str, Any]) -> None:
    runner(inputs)["volumeMounts"].append({"name": "registrar-token", "mountPath": "/stolen"})


SECRET_VARIABLE: dict[str, Any] = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}

POOL_BREACHES: list[tuple[str, str, Change, str]] = [
    ("image-digest", "tag", lambda v: runner(v).update(image="nvidia/cuda:12"), "found nvidia/cuda:12"),
    ("image-digest", "short digest", lambda v: runner(v).update(image="a@sha256:00"), "found a@sha256:00"),
    ("gpu-placement", "no toleration", lambda v: pod(v).update(tolerations=[]), "tolerations: found none"),
    ("gpu-placement", "another's", lambda v: pod(v).update(tolerations=[toleration("amd.com/gpu")]), "amd.com/gpu"),
    ("gpu-placement", "every taint", lambda v: pod(v)["tolerations"].append({"operator": "Exists"}), "without a key"),
    ("gpu-placement", "no limit", lambda v: runner(v)["resources"].update(limits={}), "limit None"),
    ("gpu-placement", "half a GPU", devices("500m", "500m"), "limit 500m"),
    ("gpu-placement", "request apart", devices("2", "1"), "request 1 and limit 2"),
    ("gpu-placement", "squatter", lambda v: runner(v).update(resources={}), "in a pool without GPUs"),
    ("runner-credentials", "automount", lambda v: pod(v).update(automountServiceAccountToken=True), "found True"),
    ("runner-credentials", "automount unsaid", lambda v: pod(v).pop("automountServiceAccountToken"), "found nothing"),
    ("runner-credentials", "variable", variable("GITHUB_TOKEN", value="x"), "variable GITHUB_TOKEN with a value"),
    ("runner-credentials", "from a Secret", variable("A", **SECRET_VARIABLE), "variable A from a Secret"),
    (
        "runner-credentials",
        "all of a Secret",
        lambda v: runner(v).update(envFrom=[{"secretRef": {"name": "s"}}]),
        "envFrom with a Secret",
    ),
    ("runner-credentials", "Secret volume", volume(secret={"secretName": "s"}), "volume odd: found a Secret"),
    (
        "runner-credentials",
        "projected Secret",
        volume(projected={"sources": [{"secret": {"name": "s"}}]}),
        "a projected Secret",
    ),
    ("runner-credentials", "API token", projected_token(), "a token for the API server"),
    ("runner-credentials", "vault's token", projected_token(audience="vault"), "a token for vault"),
    ("runner-credentials", "registrar's token", registrar_token_for_jobs, "beside job code"),
    ("restricted-pod", "host network", lambda v: pod(v).update(hostNetwork=True), "hostNetwork: found true"),
    ("restricted-pod", "host path", volume(hostPath={"path": "/"}), "volume odd: found hostPath"),
    ("restricted-pod", "root", lambda v: pod(v)["securityContext"].update(runAsUser=0), "may be root"),
    ("restricted-pod", "maybe root", lambda v: pod(v)["securityContext"].pop("runAsNonRoot"), "may be root"),
    ("restricted-pod", "no seccomp", lambda v: pod(v)["securityContext"].pop("seccompProfile"), "no seccomp"),
    ("restricted-pod", "privileged", lambda v: runner(v)["securityContext"].update(privileged=True), "privileged"),
    (
        "restricted-pod",
        "escalation",
        lambda v: runner(v)["securityContext"].pop("allowPrivilegeEscalation"),
        "privilege escalation",
    ),
    ("restricted-pod", "capabilities", lambda v: runner(v)["securityContext"].pop("capabilities"), "drop: [ALL]"),
    (
        "restricted-pod",
        "added capability",
        lambda v: runner(v)["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
        "added capabilities SYS_ADMIN",
    ),
    ("restricted-pod", "host port", lambda v: runner(v).update(ports=[{"hostPort": 80}]), "a host port"),
]


@pytest.mark.parametrize(
    ("rule", "change", "found"),
    [(rule, change, found) for rule, _, change, found in POOL_BREACHES],
    ids=[f"{rule}: {name}" for rule, name, *_ in POOL_BREACHES],
)
def test_a_breach_in_a_pool_is_found_and_named(rule: str, change: Change, found: str, stack: list[Resource]) -> None:
    messages = violations(rule, changed(stack, "Deployment", "gpu-runners-dev-cuda", change), LAB_IMAGES)
    assert [violation for violation in messages if found in violation.message], messages
    assert all(violation.urn.endswith("::gpu-runners-dev-cuda") for violation in messages)
    assert all("; allowed: " in violation.message and "; cure: " in violation.message for violation in messages)


def test_an_image_by_digest_needs_no_exception(stack: list[Resource]) -> None:
    def by_digest(inputs: dict[str, Any]) -> None:
        for container in [*pod(inputs)["initContainers"], *pod(inputs)["containers"]]:
            container["image"] = DIGEST

    digests = changed(stack, "Deployment", "gpu-runners-dev-cuda", by_digest)
    assert [v for v in violations("image-digest", digests) if v.urn.endswith("cuda")] == []


def test_a_taint_with_a_name_of_its_own_is_accepted_where_the_settings_name_it(stack: list[Resource]) -> None:
    own = changed(stack, "Deployment", "gpu-runners-dev-cuda", lambda v: pod(v).update(tolerations=[toleration("ml")]))
    assert violations("gpu-placement", own)
    assert violations("gpu-placement", own, {"taints": ["ml"]}) == []


def test_a_base_runner_may_ask_the_registrar_for_its_jobs(stack: list[Resource]) -> None:
    (base,) = [resource for resource in stack if resource.name == "gpu-runners-base-base" and resource.kind]
    (asking,) = [volume for volume in pod(dict(base.inputs))["volumes"] if volume["name"] == "job-credential"]
    assert asking["projected"]["sources"][0]["serviceAccountToken"]["audience"] == JOB_AUDIENCE
    assert violations("runner-credentials", [base]) == []


def test_the_registrar_may_hold_the_credential(stack: list[Resource]) -> None:
    (registrar,) = [resource for resource in stack if resource.kind == "Deployment" and "registrar" in resource.name]
    assert violations("runner-credentials", [registrar]) == []


def test_a_namespace_without_a_cap_on_gpus_is_found(stack: list[Resource]) -> None:
    uncapped = [resource for resource in stack if resource.kind != "ResourceQuota"]
    assert {v.message.partition(":")[0] for v in violations("namespace-quota", uncapped)} == {
        "namespace gpu-runners-base",
        "namespace gpu-runners-dev",
    }


def test_a_cap_on_something_else_than_gpus_is_none(stack: list[Resource]) -> None:
    pods_only = changed(stack, "ResourceQuota", "gpu-runners-dev-gpus", lambda v: v["spec"].update(hard={"pods": "9"}))
    assert [v.message.partition(":")[0] for v in violations("namespace-quota", pods_only)] == [
        "namespace gpu-runners-dev"
    ]


def test_a_loosened_pod_security_level_is_found(stack: list[Resource]) -> None:
    def loosen(inputs: dict[str, Any]) -> None:
        inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"

    (violation,) = violations("namespace-quota", changed(stack, "Namespace", "gpu-runners-dev", loosen))
    assert "found baseline; allowed: restricted" in violation.message


def group(**changes: Any) -> Resource:
    """The group that a stack declares, but for these inputs."""
    args: RunnerGroupArgs = {"group": "gpu", "repositories": ["mlops/guide"]}
    (found,) = run(lambda: RunnerGroup("mlops/gpu", args)).of("ActionsRunnerGroup")
    urn = f"urn:pulumi:dev::gpu-runners::{found.type}::{found.name}"
    return Resource(found.type, found.name, urn, found.inputs | changes)


def test_a_runner_group_that_is_open_to_public_repositories_is_found() -> None:
    (violation,) = violations("private-runner-group", [group(allowsPublicRepositories=True)])
    assert violation.message.startswith("runner group gpu: found allowsPublicRepositories")


def test_a_runner_group_as_a_stack_declares_it_passes() -> None:
    assert violations("private-runner-group", [group()]) == []


def test_a_label_of_another_stack_is_found(stack: list[Resource]) -> None:
    (violation,) = violations("label-owner", stack, {"owners": {"cml-gpu": "prod", "self-hosted": "dev"}})
    assert "runner label cml-gpu: found a pool of dev; allowed: pools of prod" in violation.message


def test_pools_beyond_the_budget_are_found(stack: list[Resource]) -> None:
    many = changed(stack, "Deployment", "gpu-runners-dev-cuda", lambda v: v["spec"].update(replicas=5))
    budgets = {"budgets": {"dev": {"nvidia.com/gpu": 4}}}
    (violation,) = violations("gpu-budget", many, budgets)
    assert "stack dev: found 5 nvidia.com/gpu; allowed: at most 4" in violation.message
    fewer = changed(stack, "Deployment", "gpu-runners-dev-cuda", lambda v: v["spec"].update(replicas=4))
    assert violations("gpu-budget", fewer, budgets) == []


def test_a_budget_that_does_not_name_a_resource_grants_none_of_it(stack: list[Resource]) -> None:
    (violation,) = violations("gpu-budget", stack, {"budgets": {"dev": {"amd.com/gpu": 4}}})
    assert "1 nvidia.com/gpu; allowed: at most 0" in violation.message


def test_a_stack_without_a_budget_has_no_limit_of_this_kind(stack: list[Resource]) -> None:
    assert violations("gpu-budget", stack, {"budgets": {"prod": {"nvidia.com/gpu": 0}}}) == []


def test_what_the_program_makes_at_github_is_known() -> None:
    args: ForgeRepositoryArgs = {
        "repository": "guide",
        "variables": {"A": "b"},
        "secrets": {"A": "b"},
        "actions_permissions": {"allowed_actions": "local_only", "sha_pinning_required": True},
        "environments": [
            {"name": "dev", "branches": ["main"], "reviewer_users": [], "variables": {"A": "b"}, "secrets": {"A": "b"}}
        ],
    }
    registered = run(lambda: ForgeRepository("guide", args)).resources
    assert len(registered) > 6
    assert violations("known-kind", [made(each.type, each.inputs) for each in registered]) == []


def test_rules_read_the_names_that_the_program_writes() -> None:
    assert POOL_LABEL == contract.POOL_LABEL
    assert PREPULL_LABEL == contract.PREPULL_LABEL
    assert RUNNER_LABELS_ANNOTATION == contract.RUNNER_LABELS_ANNOTATION
    assert contract.SERVICE_NAME == REGISTRAR
    assert contract.TOKEN_AUDIENCE == REGISTRAR_AUDIENCE
    assert contract.JOB_TOKEN_AUDIENCE == JOB_AUDIENCE
    assert program_labels.object_labels(RUNNERS)[NAME_LABEL] == RUNNERS


def test_every_rule_has_a_breach_in_these_tests() -> None:
    of_their_own = {"namespace-quota", "private-runner-group", "label-owner", "gpu-budget", "known-kind"}
    assert {rule for rule, *_ in POOL_BREACHES} | of_their_own == set(BY_NAME)


PREPULL_NAME = "runners-vision-a100-prepull"


@pytest.mark.parametrize(
    "change",
    [
        lambda v: pod(v)["containers"][0].update({"command": ["/bin/sh", "-c", "nvidia-smi"]}),
        lambda v: pod(v)["containers"][0].update({"args": ["x"]}),
        lambda v: pod(v).update({"volumes": [{"name": "x", "emptyDir": {}}]}),
        lambda v: v["spec"]["template"]["metadata"]["labels"].pop(PREPULL_LABEL),
    ],
    ids=["another command", "arguments", "a volume", "no label"],
)
def test_only_what_pulls_images_ahead_may_stand_on_gpu_nodes_without_a_gpu(change: Any) -> None:
    hostile = changed(list(with_every_key()), "DaemonSet", PREPULL_NAME, change)
    assert any("in a pool without GPUs" in breach.message for breach in violations("gpu-placement", hostile))
