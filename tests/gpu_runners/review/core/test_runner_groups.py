"""A runner group of the state that somebody deleted at GitHub is drift, which Pulumi's provider does not notice."""

from typing import Any

from gpu_runners.review.core.evidence import Evidence
from gpu_runners.review.core.findings import Kind
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.core.runner_groups import TYPE

URN = f"urn:pulumi:prod::gpu-runners::gpu-runners:index:RunnerGroup${TYPE}::gpus-group"
GROUP: dict[str, Any] = {"type": TYPE, "id": "7", "urn": URN, "inputs": {"name": "gpus"}, "custom": True}


def there(number: int, name: str = "gpus") -> dict[str, Any]:
    return {"organization": "mlops", "id": number, "name": name}


def found(*live: dict[str, Any]) -> list[Any]:
    return list(review(Evidence(stack="prod", state=(GROUP,), live=(), runners=(), runner_groups=live)).drift)


def test_a_group_that_is_there_is_no_drift() -> None:
    assert found(there(1, "Default"), there(7)) == []


def test_a_group_that_was_renamed_is_still_there() -> None:
    assert found(there(7, "other")) == []


def test_a_group_that_was_deleted_is_drift_with_its_cure() -> None:
    (drift,) = found(there(1, "Default"))
    assert (drift.kind, drift.what, drift.live) == (Kind.DELETED, "Runner group gpus at GitHub", "deleted")
    assert f"`pulumi state delete '{URN}'`" in drift.up


def test_a_group_that_was_deleted_is_gone_as_a_whole_and_not_a_field_of_it() -> None:
    (drift,) = found(there(1, "Default"))
    assert (drift.field, drift.path) == ("", ())


def test_a_namesake_that_somebody_made_since_is_another_group() -> None:
    (drift,) = found(there(9))
    assert drift.live == "deleted; another one of this name is number 9"
    assert "once the other one is deleted or renamed" in drift.up


def test_a_namesake_in_other_letters_is_in_its_way_as_well() -> None:
    (drift,) = found(there(9, "GPUS"))
    assert drift.live == "deleted; another one of this name is number 9"


def test_groups_that_could_not_be_read_are_no_drift() -> None:
    evidence = Evidence(stack="prod", state=(GROUP,), live=(), runners=(), runner_groups=None)
    assert review(evidence).drift == ()


def test_evidence_keeps_them_in_its_file() -> None:
    evidence = Evidence(stack="prod", runner_groups=(there(7),))
    assert Evidence.from_json(evidence.to_json()) == evidence
