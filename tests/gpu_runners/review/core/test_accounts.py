"""The ServiceAccount `default` of a namespace: what somebody added to it."""

from typing import Any

from gpu_runners.review.core import accounts
from gpu_runners.review.core.evidence import PARTIAL


def account(**changes: Any) -> dict[str, Any]:
    metadata = {
        "name": "default",
        "namespace": "dev",
        "uid": "u",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-26T09:00:00Z",
    } | changes.pop("metadata", {})
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata} | changes


CLAIM = {
    "manager": "kubectl-edit",
    "operation": "Update",
    "time": "2026-11-26T10:00:00Z",
    "fieldsV1": {"f:automountServiceAccountToken": {}},
}


def test_an_account_as_its_controller_makes_it_is_none() -> None:
    assert accounts.drift([account()], []) == []


def test_what_somebody_added_is_told_with_who_and_when() -> None:
    changed = account(automountServiceAccountToken=True, metadata={"managedFields": [CLAIM]})
    (drift,) = accounts.drift([changed], [])
    assert (drift.what, drift.field, drift.declared, drift.live) == (
        "ServiceAccount dev/default", "automountServiceAccountToken", "-", "true",
    )  # fmt: skip
    assert drift.who.startswith("kubectl-edit")
    assert drift.when == "2026-11-26T10:00:00Z"


def test_what_nobody_claims_is_told_all_the_same() -> None:
    (drift,) = accounts.drift([account(automountServiceAccountToken=True)], [])
    assert (drift.who, drift.when) == ("unknown: nobody claims it", "unknown")


def test_no_other_account_and_no_part_of_one_is_looked_at() -> None:
    changed = {"automountServiceAccountToken": True}
    assert accounts.drift([account(**changed, metadata={"name": "runner"})], []) == []
    assert accounts.drift([account(**changed, partial=PARTIAL)], []) == []
    assert accounts.drift([account(**changed) | {"kind": "Pod"}], []) == []


def test_one_that_a_stack_declares_is_compared_as_its_own() -> None:
    assert accounts.drift([account(automountServiceAccountToken=True)], [("ServiceAccount", "dev", "default")]) == []


def test_the_token_that_a_controller_made_for_it_is_none_and_a_strangers_secret_is() -> None:
    theirs = account(secrets=[{"name": "default-token-x2x4z"}], imagePullSecrets=[{"name": "default-dockercfg-x2x4z"}])
    assert accounts.drift([theirs], []) == []
    (drift,) = accounts.drift([account(imagePullSecrets=[{"name": "evil"}])], [])
    assert drift.field.startswith("imagePullSecrets")
