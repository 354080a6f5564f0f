"""The whole program, run as Pulumi would run it, with the cluster's version handed in."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from access.cluster.errors import ClusterTooOldError
from components.pools.own_pool import OwnPoolError
from tests.access.cluster.api_server import api_server
from tests.program.recorded import Program, Secret, run
from tests.program.stack_values import ROOT, Values, find_api_server, loaded, set_config, stack_file, without_deployers
from values.api_server import ApiServer

PROGRAM = runpy.run_path(str(ROOT / "__main__.py"), run_name="program")
declare: Callable[..., None] = PROGRAM["declare"]


def declared(values: Values, stack: str, version: str = "1.36") -> Program:
    config = loaded(values, {"FORGE_TOKEN": "hunter2"})
    return run(lambda: declare(config, version, find_api_server), stack)


def both() -> Values:
    values = stack_file("platform")
    values["pools"] += [pool | {"namespace": "gpu-runners-dev"} for pool in stack_file("dev")["pools"]]
    return values


def test_a_cache_of_another_stack_that_is_not_there_ends_the_program_before_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = stack_file("dev")
    values["pools"][0]["caches"] = [{"claim": "models"}]
    monkeypatch.setattr("components.interruption.end_at_interrupts", lambda: None)  # of this very process
    with api_server() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))

        def program() -> None:
            set_config(values)
            with pytest.raises(pulumi.RunError, match="1 problem with the caches"):  # told without a traceback
                runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

        assert run(program).resources == []
    pulumi.runtime.set_all_config({})
    assert server.asked == [
        "GET /version",
        "GET /api/v1/namespaces/gpu-runners-dev/persistentvolumeclaims/models",
    ]


def test_the_pools_stack_declares_what_a_deployer_may_write_and_no_more() -> None:
    program = declared(stack_file("dev"), "dev")
    objects = [(r.kind, r.namespace, r.object_name) for r in program.resources if r.type.startswith("kubernetes:")]
    assert objects == [
        ("Deployment", "gpu-runners-dev", "cuda"),
        ("ConfigMap", "gpu-runners-dev", "pools-dev"),
    ]


def test_the_plan_says_what_jobs_must_write_for_a_pool_without_self_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    declared(stack_file("dev"), "dev")
    assert lines == []
    declared(stack_file("dev") | {"forge": "github"}, "dev")
    assert len(lines) == 1
    assert "labels of pool cuda: found no self-hosted" in lines[0]
    assert "allowed: jobs with `runs-on: [cml-gpu]`" in lines[0]


def test_the_plan_warns_of_a_label_that_means_githubs_own_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    values = stack_file("dev") | {"forge": "github"}
    values["pools"][0]["labels"] = ["self-hosted", "ubuntu-latest"]
    declared(values, "dev")
    (line,) = lines
    assert "labels of pool cuda: found ubuntu-latest" in line


def test_the_platform_stack_gives_each_namespace_its_limits_and_its_trust() -> None:
    program = declared(stack_file("platform"), "platform")
    assert {r.object_name for r in program.of("Namespace")} == {
        "gpu-runners-system",
        "gpu-runners-base",
        "gpu-runners-dev",
    }
    for namespace in ("gpu-runners-base", "gpu-runners-dev"):
        assert {r.object_name for r in program.of("NetworkPolicy", namespace)} == {"deny-all", "runner-egress"}
        assert {r.object_name for r in program.of("ResourceQuota", namespace)} == {"gpus"}
        assert "registrar" in {r.object_name for r in program.of("ConfigMap", namespace)}
        assert "registrar" in {r.object_name for r in program.of("Role", namespace)}


def test_the_registrar_reaches_its_forge_and_the_api_server_by_their_addresses() -> None:
    spec = declared(stack_file("platform"), "platform").one("NetworkPolicy", "traffic").inputs["spec"]
    dns, *ways = spec["egress"]
    assert {entry["port"] for entry in dns["ports"]} == {53}
    assert [
        (peer["ipBlock"]["cidr"], entry["port"]) for way in ways for peer in way["to"] for entry in way["ports"]
    ] == [
        ("10.0.1.12/32", 6443),
        ("10.96.0.1/32", 443),
        ("10.85.0.1/32", 3000),
    ]


def test_an_api_server_is_reached_and_let_in_where_the_stack_says_that_it_is() -> None:
    values = stack_file("platform")
    values["platform"]["apiServer"] = [{"cidr": "203.0.113.7/32", "ports": [6443]}]
    spec = declared(values, "platform").one("NetworkPolicy", "traffic").inputs["spec"]
    for ways, side in (("egress", "to"), ("ingress", "from")):
        blocks = {peer["ipBlock"]["cidr"] for way in spec[ways] for peer in way[side] if "ipBlock" in peer}
        assert "203.0.113.7/32" in blocks
        assert "10.0.1.12/32" not in blocks


def test_a_deployer_reads_the_claims_of_its_environment() -> None:
    values = stack_file("platform")
    assert not [rule for rule in deployers_rules(values) if "persistentvolumeclaims" in rule["resources"]]
    for environment in values["platform"]["environments"]:
        if environment["namespace"] == "gpu-runners-dev":
            environment["caches"] = [
                {"claim": "models", "access": "anyBranch", "size": "1Gi", "accessMode": "ReadWriteMany"}
            ]
    (rule,) = [rule for rule in deployers_rules(values) if "persistentvolumeclaims" in rule["resources"]]
    assert (rule["resourceNames"], rule["verbs"]) == (["models"], ["get"])


def deployers_rules(values: Values) -> list[dict[str, Any]]:
    roles = declared(values, "platform").of("Role", "gpu-runners-dev")
    return [rule for role in roles if (role.object_name or "").startswith("deployer") for rule in role.inputs["rules"]]


def test_a_stack_of_pools_asks_for_no_api_servers_address() -> None:
    def nobody_may_ask(_: object) -> ApiServer:
        raise AssertionError("a deployer may not read the EndpointSlices of the namespace default")

    run(lambda: declare(loaded(stack_file("dev")), "1.36", nobody_may_ask), "dev")


def test_no_namespace_of_runners_admits_a_pod_with_rights() -> None:
    program = declared(stack_file("platform"), "platform")
    for namespace in ("gpu-runners-base", "gpu-runners-dev"):
        policy = program.one("ValidatingAdmissionPolicy", f"{namespace}-runner-pods")
        allowed = "serviceAccountName in ['runner']"
        assert [v for v in policy.inputs["spec"]["variables"] if allowed in v["expression"]]
        assert program.one("ValidatingAdmissionPolicyBinding", f"{namespace}-runner-pods")


def test_the_registrar_makes_tokens_of_the_named_accounts_where_base_runners_are_and_nowhere_else() -> None:
    program = declared(stack_file("platform"), "platform")
    rules = {
        role.namespace: [rule for rule in role.inputs["rules"] if "serviceaccounts/token" in rule["resources"]]
        for role in program.of("Role")
        if role.object_name == "registrar"
    }
    (rule,) = rules.pop("gpu-runners-base")
    assert (rule["resourceNames"], rule["verbs"]) == (["deployer"], ["create"])
    assert rules == {"gpu-runners-dev": []}


def test_a_base_runner_finds_plugin_and_kubeconfig_beside_its_token() -> None:
    program = declared(stack_file("platform"), "platform")
    (base,) = [it for it in program.of("ConfigMap", "gpu-runners-base") if it.object_name == "registrar"]
    assert {"url", "ca.crt", "credential.py", "deployer.kubeconfig"} <= set(base.inputs["data"])
    (dev,) = [it for it in program.of("ConfigMap", "gpu-runners-dev") if it.object_name == "registrar"]
    assert "credential.py" not in dev.inputs["data"]


def test_the_credential_is_in_one_secret_of_the_registrars_namespace_and_nowhere_else() -> None:
    program = declared(both(), "platform")
    holders = [r for r in program.resources if "hunter2" in repr(r.inputs)]
    assert [(r.kind, r.namespace) for r in holders] == [("Secret", "gpu-runners-system")]


def test_the_registrar_is_granted_every_environment_and_its_accounts() -> None:
    program = declared(stack_file("platform"), "platform")
    (config,) = program.of("ConfigMap", "gpu-runners-system")
    text = config.inputs["data"]["config.json"]
    assert '"namespace": "gpu-runners-base"' in text
    assert '"scope": "mlops/guide"' in text
    (base, dev) = json.loads(text)["grants"]
    assert base["jobs"] == [
        {
            "account": "deployer",
            "repository": "mlops/guide",
            "workflows": [".github/workflows/train.yml@refs/heads/main"],
        }
    ]
    assert "jobs" not in dev
    assert {tuple(grant["serviceAccounts"]) for grant in (base, dev)} == {("runner",)}


def test_pools_wait_for_the_platform_of_their_own_stack() -> None:
    program = declared(both(), "platform")
    names = [r.name for r in program.resources]
    assert names.index("registrar") < names.index("gpu-runners-dev-cuda")
    assert "gpu-runners-dev-gpus" in program.one("Deployment", "cuda").dependencies


def test_nothing_in_the_program_asks_for_more_than_restricted() -> None:
    program = declared(both(), "platform")
    for deployment in program.of("Deployment"):
        pod = deployment.inputs["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_stack_refuses_to_manage_the_pool_it_is_running_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU_RUNNERS_POOL", "gpu-runners-dev/cuda")
    with pytest.raises(OwnPoolError, match="gpu-runners-dev/cuda, which this stack declares"):
        declared(stack_file("dev"), "dev")


def test_a_stack_may_run_on_a_pool_of_another_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU_RUNNERS_POOL", "gpu-runners-base/base")
    assert declared(stack_file("dev"), "dev").of("Deployment")


@pytest.mark.parametrize("version", ["1.34", "1.9", "0.40", "", "one.two"])
def test_a_cluster_that_is_too_old_is_refused_before_anything_is_declared(version: str) -> None:
    with pytest.raises(ClusterTooOldError, match=r"1\.35 or newer"):
        declared(stack_file("dev"), "dev", version)


@pytest.mark.parametrize("version", ["1.35", "1.36+", "2.0"])
def test_a_cluster_that_is_new_enough_is_taken(version: str) -> None:
    assert declared(stack_file("dev"), "dev", version).of("Deployment")


def test_every_child_is_named_after_its_component() -> None:
    program = declared(both(), "platform")
    children = [r for r in program.resources if ":index:" in r.parent]
    strangers = [r.name for r in children if not r.name.startswith(r.parent.rpartition("::")[2])]
    assert children
    assert strangers == []


def wired() -> Values:
    values = without_deployers(both()) | {"forge": "github"}
    platform = values["platform"]
    platform |= {"scope": "https://github.com/mlops"}
    platform["environments"][1]["runnerGroup"] = "gpus"
    platform["runnerGroups"] = [{"name": "gpus", "repositories": ["mlops/guide"]}]
    platform["repositories"] = [
        {
            "name": "mlops/guide",
            "variables": {"PULUMI_BACKEND_URL": "s3://state"},
            "secrets": ["KEY"],
            "environments": [{"name": "dev", "branches": ["main"], "secrets": ["KEY"]}],
        }
    ]
    return values


def declared_at_github() -> Program:
    config = loaded(wired(), {"FORGE_TOKEN": "hunter2", "GPU_RUNNERS_SECRET_KEY": "hush"})
    return run(lambda: declare(config, "1.36", find_api_server), "platform")


def test_a_platform_declares_its_group_and_its_repository_through_one_provider_of_their_owner() -> None:
    program = declared_at_github()
    (provider,) = [r for r in program.resources if r.type == "pulumi:providers:github"]
    assert (provider.inputs["owner"], provider.inputs["baseUrl"]) == ("mlops", "https://api.github.com/")
    at_github = [r for r in program.resources if r.type.startswith("github:")]
    assert {r.kind for r in at_github} == {
        "ActionsRunnerGroup", "ActionsVariable", "ActionsSecret", "RepositoryEnvironment", "ActionsEnvironmentSecret",
        "RepositoryEnvironmentDeploymentPolicy",
    }  # fmt: skip
    assert {r.provider.split("::")[-2] for r in at_github} == {provider.name}


def test_the_registrar_comes_after_the_group_that_it_puts_runners_into() -> None:
    program = declared_at_github()
    (registrar,) = program.of("Registrar")
    assert "mlops/gpus-group" in registrar.dependencies
    names = [r.name for r in program.resources]
    assert names.index("mlops/gpus-group") < names.index("registrar")


def test_secrets_for_github_are_secret_wherever_they_stand() -> None:
    program = declared_at_github()
    holders = {r.kind for r in program.resources if "hush" in repr(r.inputs)}
    assert holders == {"ActionsSecret", "ActionsEnvironmentSecret"}
    held = [r.inputs["value"] for r in program.resources if r.kind in holders]
    assert all(isinstance(value, Secret) for value in held)


def test_a_platform_that_declares_nothing_at_github_does_without_its_provider() -> None:
    values = without_deployers(both()) | {"forge": "github"}
    values["platform"]["scope"] = "https://github.com/mlops"
    assert [r.type for r in declared(values, "platform").resources if "github" in r.type] == []
