"""Runners, capacity, violations and the repair plan, each by itself."""

from typing import Any

import pytest

from gpu_runners.review.core import runners
from gpu_runners.review.core.capacity import capacity
from gpu_runners.review.core.evidence import trimmed
from gpu_runners.review.core.findings import ObjectName
from gpu_runners.review.core.violations import violations

POOL = ObjectName(kind="Deployment", namespace="dev", name="cuda", version="apps/v1")


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"scope": "mlops/guide", "id": 7, "name": name, "labels": ["x"], "online": True, "ephemeral": True,
            "pod": None, "problem": ""} | more  # fmt: skip


def test_the_registration_of_a_pod_that_just_went_is_a_leftover_and_no_drift() -> None:
    gone = entry("cuda-5d4f8c9b7-x2x4z")
    assert runners.drift([gone], {"cuda"}, set()) == []
    assert runners.leftovers([gone], {"cuda"}) == ["cuda-5d4f8c9b7-x2x4z"]


@pytest.mark.parametrize(
    "change", [{"ephemeral": False}, {"name": "other-5d4f8c9b7-x2x4z"}, {"name": "cuda"}, {"busy": True}]
)
def test_a_runner_that_no_pool_could_have_made_is_drift(change: dict[str, Any]) -> None:
    (found,) = runners.drift([entry("cuda-5d4f8c9b7-x2x4z") | change], {"cuda"}, set())
    assert "registered by hand" in found.live


def test_a_label_changed_at_the_forge_is_drift_of_the_stack_that_has_the_pod() -> None:
    changed = entry("cuda-a", pod="dev/cuda-a", problem="labels are 'release', declared 'cml-gpu'")
    (found,) = runners.drift([changed], {"cuda"}, {"dev/cuda-a"})
    assert found.live.startswith("labels are 'release'")
    assert runners.drift([changed], {"cuda"}, {"elsewhere/cuda-a"}) == []


def test_the_registration_of_a_pod_that_leaves_is_no_drift_any_more() -> None:
    pods = [
        {"kind": "Pod", "metadata": {"namespace": "dev", "name": "stays"}},
        {
            "kind": "Pod",
            "metadata": {"namespace": "dev", "name": "leaves", "deletionTimestamp": "2026-11-24T10:00:00Z"},
        },
    ]
    assert runners.staying(pods) == {"dev/stays"}


def test_a_version_that_the_forge_is_about_to_refuse_is_told_once_for_a_pool() -> None:
    warning = "GitHub serves runner version 2.320.0 until 2026-12-01: set runnerImage to a newer one before"
    pods = [f"dev/cuda-5d4f8c9b7-x2x4{letter}" for letter in "abc"]
    old = [entry(pod.partition("/")[2], pod=pod, warning=warning) for pod in pods]
    (found,) = runners.drift(old, {"cuda"}, set(pods[:2]))
    assert (found.what, found.field, found.live) == ("Runners of dev/cuda (2)", "version", warning)


def deployment(replicas: int, gpus: int | None = 1) -> dict[str, Any]:
    limits = {"memory": "1Gi"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    pod = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}, "containers": [{"resources": {"limits": limits}}]}
    metadata = {"name": "cuda", "labels": {"gpu-runners.dev/pool": "cuda"}}
    spec = {"replicas": replicas, "template": {"spec": pod}}
    return {"inputs": {"kind": "Deployment", "metadata": metadata, "spec": spec}}


def change(op: str, before: Any = None, after: Any = None) -> dict[str, Any]:
    return {"steps": [{"op": op, "oldState": before, "newState": after}]}


def test_capacity_counts_devices_and_prices_them_by_product() -> None:
    preview = change("update", deployment(2), deployment(3, 2))
    (found,) = capacity(preview, {"hourly": {"NVIDIA-L4": 1}})
    assert (found.device, found.before, found.after, found.price) == ("L4", 2, 6, 730.0)


def test_a_deleted_pool_frees_its_devices() -> None:
    (found,) = capacity(change("delete", deployment(2), deployment(2)), {})
    assert (found.before, found.after, found.price) == (2, 0, None)


def test_a_pool_that_follows_the_queue_counts_with_the_most_that_it_may_have() -> None:
    scaled = deployment(0)
    scaled["inputs"]["metadata"]["annotations"] = {"gpu-runners.dev/most-runners": "3"}
    (found,) = capacity(change("create", None, scaled), {})
    assert (found.before, found.after, found.runners_after) == (0, 3, 3)


def test_a_change_that_touches_no_capacity_shows_none() -> None:
    assert capacity(change("update", deployment(2), deployment(2)), {}) == []


@pytest.mark.parametrize(
    "document",
    [
        {"policyName": "digest", "enforcementLevel": "mandatory", "message": "use a digest", "resourceUrn": "a::b::c"},
        {
            "policyEvent": {
                "policyName": "digest",
                "enforcementLevel": "mandatory",
                "message": "<{%reset%}>use a digest",
            }
        },
        {"violations": [{"policy": "digest", "level": "error", "message": "use a digest"}]},
        [{"policy": "digest", "level": "mandatory", "description": "use  a\ndigest"}],
    ],
)
def test_violations_are_read_from_whatever_the_policy_run_left(document: Any) -> None:
    (violation,) = violations([document])
    assert (violation.policy, violation.level, violation.message) == ("digest", "mandatory", "use a digest")


@pytest.mark.parametrize("document", [None, 7, {}, [], {"violations": None}, {"diagnostics": [{"message": "x"}]}])
def test_what_is_no_violation_is_none(document: Any) -> None:
    assert violations([document]) == []


def test_documents_lose_paths_of_the_machine_and_unchanged_resources() -> None:
    step = {"op": "same", "urn": "u", "oldState": {"inputs": 1}}
    assert trimmed({"steps": [step, {"op": "update", "sourcePosition": "/x"}]}) == {
        "steps": [{"op": "same", "urn": "u"}, {"op": "update"}]
    }


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"busy": True}, "busy"),
        ({"online": True}, "online"),
        ({"online": False}, "offline"),
        ({"labels": []}, "online"),
    ],
)
def test_a_runner_that_somebody_registered_is_told_with_its_state_its_labels_and_its_place(
    change: dict[str, Any], state: str
) -> None:
    (found,) = runners.drift([entry("mallory") | change], {"cuda"}, set())
    labels = ", ".join((entry("mallory") | change)["labels"]) or "none"
    assert found.live == f"registered by hand, {state}; labels: {labels}"
    assert found.what == "Runner mallory in mlops/guide"
    assert found.runner == ("mlops/guide", 7), "by what it is removed"


@pytest.mark.parametrize(
    ("document", "level"),
    [
        ({"enforcementLevel": "mandatory", "severity": "low"}, "mandatory"),
        ({"enforcementLevel": "advisory"}, "advisory"),
        ({"level": "error"}, "mandatory"),
        ({"level": "warning"}, "advisory"),
        ({"severity": "high"}, "advisory"),
        ({}, "mandatory"),
    ],
)
def test_what_does_not_say_how_hard_it_is_is_mandatory(document: dict[str, Any], level: str) -> None:
    (found,) = violations([{"policyName": "p", "message": "m"} | document])
    assert found.level == level


@pytest.mark.parametrize("name", ["violations", "diagnostics", "policyEvent"])
def test_violations_are_found_by_each_name_that_holds_them(name: str) -> None:
    (found,) = violations([{name: [{"policyName": "p", "message": "m"}]}])
    assert found.policy == "p"
