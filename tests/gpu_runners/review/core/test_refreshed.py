"""Drift of what no cluster has, as `pulumi refresh --preview-only --json` tells it."""

from typing import Any

import pytest

from gpu_runners.review.core.findings import Drift, Kind
from gpu_runners.review.core.refreshed import refreshed

URN = "urn:pulumi:github::gpu-runners::github:index/actionsRunnerGroup:ActionsRunnerGroup::gpu"
GROUP = {"name": "gpu", "visibility": "selected", "workflows": ["a", "b"], "note": "old"}


def step(op: str, after: dict[str, Any] | None, *fields: str, **more: Any) -> dict[str, Any]:
    new = {} if after is None else {"newState": {"outputs": after}}
    diff = {"detailedDiff": {field: {"kind": "update"} for field in fields}} if fields else {}
    kind = more.pop("type", "github:index/actionsRunnerGroup:ActionsRunnerGroup")
    old = {"custom": True, "type": kind, "outputs": GROUP} | more
    return {"op": op, "urn": URN, "oldState": old, **new, **diff}


def found(*steps: dict[str, Any], pending: dict[str, list[str]] | None = None) -> list[Drift]:
    return refreshed({"steps": list(steps)}, pending or {})


def test_a_value_that_was_changed_by_hand_is_told_with_both() -> None:
    (drift,) = found(step("update", GROUP | {"visibility": "all"}, "visibility"))
    assert (drift.kind, drift.field, drift.declared, drift.live) == (Kind.CHANGED, "visibility", "selected", "all")
    assert drift.what == "ActionsRunnerGroup gpu"


def test_a_value_that_came_or_went_is_told_as_such() -> None:
    without = {name: value for name, value in GROUP.items() if name != "note"}
    (added,) = found(step("update", GROUP | {"public": True}, "public"))
    (removed,) = found(step("update", without, "note"))
    assert (added.kind, added.declared, added.live) == (Kind.ADDED, "-", "true")
    assert (removed.kind, removed.declared, removed.live) == (Kind.REMOVED, "old", "-")


def test_of_a_list_only_what_the_other_side_lacks_is_told() -> None:
    (drift,) = found(step("update", GROUP | {"workflows": ["x", "a", "b"]}, "workflows[0]", "workflows[1]"))
    assert drift.field == "workflows"
    assert '"x"' in drift.live
    assert '"a"' not in drift.live


def test_what_is_gone_is_told_without_a_field() -> None:
    (drift,) = found(step("delete", None))
    assert (drift.kind, drift.field, drift.declared, drift.live) == (Kind.DELETED, "", "exists", "gone")


@pytest.mark.parametrize(
    "quiet",
    [
        step("refresh", GROUP),
        step("update", GROUP),  # nothing of it is named
        step("update", GROUP | {"visibility": "all"}, "visibility", custom=False),
        step("update", GROUP | {"visibility": "all"}, "visibility", type="kubernetes:core/v1:ConfigMap"),
    ],
)
def test_what_did_not_change_or_is_looked_at_in_the_cluster_is_none(quiet: dict[str, Any]) -> None:
    assert found(quiet) == []
    assert refreshed({}, {}) == []


def test_what_the_next_up_changes_anyway_says_so() -> None:
    changed = step("update", GROUP | {"visibility": "all"}, "visibility")
    (alone,), (overwritten,) = found(changed), found(changed, pending={URN: ["visibility"]})
    assert alone.up != overwritten.up
