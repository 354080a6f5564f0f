"""Every claim about the namespaces, their limits and who may do what in them."""

from typing import Any

from components.platform.deployer import Deployer, deployer_rules
from components.platform.runner_namespace import RunnerNamespace, RunnerNamespaceArgs
from components.pools.online_pools import OnlinePools
from tests.components.pools.test_runner_deployment import CUDA, pool
from tests.program.recorded import Program, Secret, run
from values.cache import Claim
from values.contract import REGISTRAR_PORT, TRUST_CONFIG_MAP
from values.pod_extras import no_extras

DEV: RunnerNamespaceArgs = {
    "namespace": "gpu-runners-dev",
    "gpus": {"nvidia.com/gpu": 4},
    "pods": 20,
    "cpu": "100",
    "memory": "1Ti",
    "ephemeral_storage": "2Ti",
    "runner_protect_job_seconds": 86400,
    "runner_ephemeral_storage": "100Gi",
    "pod_security_version": "v1.35",
    "registrar_namespace": "gpu-runners-system",
    "egress": [{"cidr": "10.85.0.1/32", "ports": [3000]}],
    "blocked_cidrs": ["10.0.0.0/8", "fc00::/7"],
    "dns_cidrs": ["10.0.0.0/8"],
    "accounts": ["runner"],
    "job_credentials": False,
    "images": ["registry.example.com/ml/", "registry.example.com:5000/runner"],
    "image_tags_allowed": False,
    "labels": ["gpu"],
    "reserved_labels": [],
    "extras": no_extras(),
}


def namespace() -> Program:
    return run(lambda: RunnerNamespace("dev", DEV))


def test_nothing_is_made_before_it_is_known_that_the_namespace_is_no_other_stacks() -> None:
    made = namespace()
    looked = made.one("Namespace", "gpu-runners-dev")
    assert looked.before_create == ("dev-unused",)
    (admission,) = (resource for resource in made.resources if resource.kind == "RunnerAdmission")
    assert "dev" in admission.dependencies


def test_a_pull_secret_is_made_where_it_is_named_and_its_content_stays_a_secret() -> None:
    args: RunnerNamespaceArgs = {**DEV, "made_pull_secrets": {"registry": "{}"}}
    secret = run(lambda: RunnerNamespace("dev", args)).one("Secret", "registry", "gpu-runners-dev")
    assert secret.inputs["type"] == "kubernetes.io/dockerconfigjson"
    (content,) = secret.inputs["stringData"].values()
    assert isinstance(content, Secret)
    assert namespace().of("Secret") == []


def test_the_claim_of_a_cache_is_made_and_nobody_waits_for_it() -> None:
    claim: Claim = {"name": "models", "size": "1Ti", "access_mode": "ReadWriteMany", "storage_class": ""}
    args: RunnerNamespaceArgs = {**DEV, "claims": [claim]}
    made = run(lambda: RunnerNamespace("dev", args)).one("PersistentVolumeClaim", "models", "gpu-runners-dev").inputs
    assert made["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert made["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "1Ti"}},
        "storageClassName": "",
    }


def test_the_namespace_enforces_restricted_at_a_pinned_version() -> None:
    labels = namespace().one("Namespace", "gpu-runners-dev").inputs["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.35"


def test_gpus_are_capped_and_those_of_other_vendors_are_closed() -> None:
    hard = namespace().one("ResourceQuota", "gpus").inputs["spec"]["hard"]
    gpus = {name: count for name, count in hard.items() if name.startswith("requests.") and "/" in name}
    assert gpus.pop("requests.nvidia.com/gpu") == "4"
    assert {"requests.amd.com/gpu", "requests.gpu.intel.com/xe", "requests.nvidia.com/mig-1g.10gb"} <= set(gpus)
    assert set(gpus.values()) == {"0"}


def test_pods_what_they_use_of_nodes_and_the_objects_that_make_them_are_capped() -> None:
    hard = namespace().one("ResourceQuota", "gpus").inputs["spec"]["hard"]
    assert {name: count for name, count in hard.items() if "/" not in name or name.startswith("count/")} == {
        "pods": "20",
        "requests.cpu": "100",
        "requests.memory": "1Ti",
        "limits.memory": "1Ti",
        "limits.ephemeral-storage": "2Ti",
        "count/deployments.apps": "200",
        "count/replicasets.apps": "1000",
        "count/configmaps": "50",
    }


def test_all_traffic_is_denied_first() -> None:
    spec = namespace().one("NetworkPolicy", "deny-all").inputs["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_runners_reach_dns_the_registrar_the_internet_and_what_is_named() -> None:
    spec = namespace().one("NetworkPolicy", "runner-egress").inputs["spec"]
    dns, registrar, internet, internet6, forge = spec["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert registrar["ports"] == [{"port": REGISTRAR_PORT, "protocol": "TCP"}]
    assert "10.0.0.0/8" in internet["to"][0]["ipBlock"]["except"]
    assert "fc00::/7" in internet6["to"][0]["ipBlock"]["except"]
    assert forge == {"to": [{"ipBlock": {"cidr": "10.85.0.1/32"}}], "ports": [{"port": 3000, "protocol": "TCP"}]}


def test_the_runners_account_mounts_no_token_and_has_no_rights() -> None:
    program = namespace()
    account = program.one("ServiceAccount", "runner")
    assert account.inputs["automountServiceAccountToken"] is False
    assert program.of("RoleBinding") == []


def test_a_deployer_can_write_deployments_and_one_config_map_and_nothing_else() -> None:
    writable: dict[str, Any] = {}
    for rule in deployer_rules("dev"):
        for resource in rule["resources"]:
            verbs = set(rule["verbs"]) - {"get", "list", "watch"}
            if verbs:
                writable.setdefault(resource, []).append((verbs, rule.get("resource_names")))
    assert writable == {
        "deployments": [({"create", "update", "patch", "delete"}, None)],
        "configmaps": [({"create"}, None), ({"update", "patch", "delete"}, ["pools-dev"])],
    }


def test_a_deployer_cannot_look_at_secrets_nor_redirect_runners() -> None:
    rules = deployer_rules("dev")
    resources = {resource for rule in rules for resource in rule["resources"]}
    assert resources == {"deployments", "replicasets", "pods", "events", "configmaps"}
    assert all(TRUST_CONFIG_MAP not in rule.get("resource_names", []) for rule in rules)


def test_a_deployer_reads_the_claims_of_its_environment_by_name_and_no_others() -> None:
    added = [rule for rule in deployer_rules("dev", claims=["data", "models"]) if rule not in deployer_rules("dev")]
    assert [(rule["resources"], rule.get("resource_names"), rule["verbs"]) for rule in added] == [
        (["persistentvolumeclaims"], ["data", "models"], ["get"])
    ]


def test_a_deployers_rights_are_where_the_pools_are_and_its_account_is_elsewhere() -> None:
    deployments = [{"namespace": "gpu-runners-dev", "stack": "dev"}]
    program = run(lambda: Deployer("d", {"namespace": "base", "deployments": deployments}))  # type: ignore[typeddict-item]
    assert program.one("ServiceAccount", "deployer").namespace == "base"
    binding = program.one("RoleBinding", "deployer-dev")
    assert binding.namespace == "gpu-runners-dev"
    assert binding.inputs["subjects"] == [{"kind": "ServiceAccount", "name": "deployer", "namespace": "base"}]


def online(**changes: Any) -> Any:
    pools = [pool(**changes)]
    program = run(
        lambda: OnlinePools(
            "pools-dev", {"namespace": "gpu-runners-dev", "stack": "dev", "pools": pools, "deadline_seconds": 60}
        )
    )
    return program.one("ConfigMap", "pools-dev")


def test_the_list_of_pools_is_made_and_changed_after_the_wait_so_that_a_failed_one_stays_owed() -> None:
    listed = online()
    assert len(listed.before_create) == len(listed.before_update) == 1


def test_the_list_of_pools_changes_if_and_only_if_a_pool_does() -> None:
    assert online().inputs["data"] == online().inputs["data"]
    assert online(replicas=0).inputs["data"] != online().inputs["data"]
    assert list(online().inputs["data"]) == [f"{CUDA['namespace']}.{CUDA['name']}"]
