"""What a stack of another backend declares is no drift of this one's, and nothing else hides behind its labels."""

from typing import Any

import pytest

from components.labels import object_labels
from gpu_runners.review.core.findings import Kind
from gpu_runners.review.core.other_stacks import is_of_another_stack
from tests.gpu_runners.review.core.recorded import evidence, reviewed
from values.contract import OWN_LABELS, POOL_LABEL

POOLS_ONLY = (("Deployment.apps", "pools", "cuda"),)
PLATFORM = (("Namespace", "", "pools"), ("RoleBinding.rbac.authorization.k8s.io", "pools", "deployer-dev"))
VERSIONS = {
    "RoleBinding": "rbac.authorization.k8s.io/v1", "Deployment": "apps/v1", "DaemonSet": "apps/v1",
    "ScaledObject": "keda.sh/v1alpha1", "ScaledJob": "keda.sh/v1alpha1", "TriggerAuthentication": "keda.sh/v1alpha1",
}  # fmt: skip


def live(kind: str, name: str, labels: dict[str, str] | None = None, namespace: str = "pools") -> dict[str, Any]:
    given = object_labels("runner") if labels is None else labels
    version = VERSIONS.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name, "labels": given}}


def pool(name: str, label: str, kind: str = "Deployment") -> dict[str, Any]:
    return live(kind, name, {**object_labels("runner"), POOL_LABEL: label})


def test_the_labels_are_those_that_the_program_sets() -> None:
    assert OWN_LABELS.items() <= object_labels("x").items()


def test_a_stack_of_pools_is_clean_while_its_platform_is_in_another_backend() -> None:
    assert reviewed(evidence("clean") | {"elsewhere": []}).drift == ()


def test_what_somebody_made_by_hand_is_found_all_the_same() -> None:
    found = reviewed(evidence("drifted") | {"elsewhere": []}).drift
    assert [drift.what for drift in found if drift.kind is Kind.UNDECLARED] == ["RoleBinding review-pools/evil"]


@pytest.mark.parametrize(
    ("seen", "declared", "expected"),
    [
        (live("RoleBinding", "registrar"), POOLS_ONLY, True),
        (live("ConfigMap", "registrar"), POOLS_ONLY, True),
        (live("RoleBinding", "evil", {}), POOLS_ONLY, False),
        # pull Secrets and caches; no deployer may write any
        (live("Secret", "registry"), POOLS_ONLY, True),
        (live("PersistentVolumeClaim", "datasets"), POOLS_ONLY, True),
        (live("Secret", "evil", {}), POOLS_ONLY, False),
        # what KEDA reads the queue with; and of that name alone
        (live("TriggerAuthentication", "registrar"), POOLS_ONLY, True),
        (live("TriggerAuthentication", "other"), POOLS_ONLY, False),
        (live("TriggerAuthentication", "registrar", {}), POOLS_ONLY, False),
        # a deployer may write these, so no label excuses them
        (live("ConfigMap", "other"), POOLS_ONLY, False),
        (pool("other", "other"), POOLS_ONLY, False),
        (live("DaemonSet", "other"), POOLS_ONLY, False),
        (pool("cuda", "cuda"), PLATFORM, True),
        (pool("cuda", "cuda", "ScaledObject"), PLATFORM, True),
        (pool("cuda", "cuda", "ScaledObject"), PLATFORM[:1], False),
        (pool("copy", "cuda", "ScaledObject"), PLATFORM, False),
        (pool("cuda", "cuda", "ScaledObject"), POOLS_ONLY, False),
        (pool("cuda", "cuda", "ScaledJob"), PLATFORM, False),
        (live("ConfigMap", "pools-dev"), PLATFORM, True),
        (live("ConfigMap", "pools-prod"), PLATFORM, False),
        (pool("copy", "cuda"), PLATFORM, False),
        (live("RoleBinding", "evil"), PLATFORM, False),
        # nobody was granted to deploy there
        (pool("cuda", "cuda"), PLATFORM[:1], False),
    ],
)
def test_labels_count_where_another_stack_is_known_to_declare(
    seen: dict[str, Any], declared: tuple[tuple[str, str, str], ...], expected: bool
) -> None:
    assert is_of_another_stack(seen, declared) is expected
