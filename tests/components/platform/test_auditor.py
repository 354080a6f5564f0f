"""What may look at a whole platform looks, reads no Secret, and changes nothing."""

from components.platform.auditor import Auditor, auditor_rules
from tests.program.recorded import Program, run


def auditor() -> Program:
    return run(
        lambda: Auditor(
            "auditor", {"namespace": "base", "environments": ["base", "dev"], "registrar_namespace": "system"}
        )
    )


def test_an_auditor_can_write_nothing_and_read_no_secret() -> None:
    program = auditor()
    rules = [rule for kind in ("Role", "ClusterRole") for role in program.of(kind) for rule in role.inputs["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    core = {resource for rule in rules if "" in rule["apiGroups"] for resource in rule["resources"]}
    assert not core & {"secrets", "*"}


def test_in_the_whole_cluster_it_sees_admission_and_bindings_alone() -> None:
    assert {resource for rule in auditor_rules() for resource in rule["resources"]} == {
        "clusterrolebindings", "clusterroles", "rolebindings", "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations", "validatingadmissionpolicies",
        "validatingadmissionpolicybindings", "validatingwebhookconfigurations",
    }  # fmt: skip


def test_it_looks_at_every_namespace_of_the_platform() -> None:
    program = auditor()
    assert sorted(str(binding.namespace) for binding in program.of("RoleBinding")) == ["base", "dev", "system"]
    (binding,) = program.of("ClusterRoleBinding")
    assert binding.inputs["subjects"] == [{"kind": "ServiceAccount", "name": "auditor", "namespace": "base"}]
