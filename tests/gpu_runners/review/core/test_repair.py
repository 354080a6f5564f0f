"""The plan of a repair: what it does, in which order, what it leaves and why, and what is left of it once agreed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gpu_runners.review.core.evidence import SECRET_KEY, Evidence, key_of
from gpu_runners.review.core.field_path import MISSING, Item
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.repair import Action, agreed_now, correction, plan, removal, reveal, unagreed

POOL = ObjectName(kind="Deployment", namespace="dev", name="cuda", version="apps/v1")
SPACE = ObjectName(kind="Namespace", namespace="", name="dev", version="v1")
MAP = ObjectName(kind="ConfigMap", namespace="dev", name="plain", version="v1")


def drift(kind: Kind, field: str = "", **more: Any) -> Drift:
    values: dict[str, Any] = {"target": POOL, "what": str(more.get("target") or POOL)} | more
    path = tuple(field.split(".")) if field else ()
    return Drift(kind=kind, field=field, path=path, declared="", live="", who="mallory", when="now", up="", **values)


def resource(name: ObjectName) -> dict[str, Any]:
    place = f"{name.namespace}/{name.name}" if name.namespace else name.name
    inputs = {"kind": name.kind, "apiVersion": name.version, "spec": {"image": "a"}}
    return {"type": f"kubernetes:{name.version}:{name.kind}", "id": place, "urn": f"urn:{place}", "inputs": inputs}


def live(name: ObjectName, **metadata: Any) -> dict[str, Any]:
    made = {"manager": "kubectl-create", "operation": "Update"}
    return {
        "kind": name.kind,
        "apiVersion": name.version,
        "metadata": {
            "name": name.name, "namespace": name.namespace, "uid": f"uid-{name.name}", "managedFields": [made]
        } | metadata,
    }  # fmt: skip


def evidence(*objects: dict[str, Any], **more: Any) -> Evidence:
    values: dict[str, Any] = {"stack": "dev", "state": (resource(SPACE), resource(POOL)), "live": objects} | more
    return Evidence(**values)


def runner(**more: Any) -> dict[str, Any]:
    return {"scope": "mlops/guide", "id": 7, "name": "mallory", "labels": ["x"], "pod": None, "kept": ""} | more


STRANGER = drift(Kind.RUNNER, what="Runner mallory", target=None, runner=("mlops/guide", 7))
UNDECLARED = drift(Kind.UNDECLARED, target=MAP)


def test_strangers_go_first_and_then_each_object_once_in_the_order_of_the_state() -> None:
    found = [
        drift(Kind.ADDED, "hostNetwork"),
        drift(Kind.CHANGED, "image"),
        drift(Kind.REMOVED, "env"),
        drift(Kind.DELETED, target=SPACE),
        UNDECLARED,
        STRANGER,
    ]
    planned = plan(evidence(live(POOL), live(MAP), runners=(runner(),)), found)
    assert planned.left == ()
    assert [str(step) for step in planned.steps] == [
        "remove Runner mallory (registered by hand, and it takes our pools' jobs)",
        "delete ConfigMap dev/plain (no stack declares it; made by mallory at now)",
        "put back Namespace dev (it is gone)",
        "put back Deployment dev/cuda: image, env; take out hostNetwork",
    ]


@pytest.mark.parametrize(
    ("found", "reason", "more"),
    [
        (drift(Kind.CHANGED, "spec.replicas"), "an autoscaler sets it", {}),
        (drift(Kind.ADDED, "metadata.finalizers"), "a finalizer is its controller's", {}),
        (drift(Kind.CHANGED, "image", target=None, what="Repository x"), "`pulumi up --refresh` puts it back", {}),
        (drift(Kind.VERSION, target=None, what="Runners"), "a newer `runnerImage`", {}),
        (drift(Kind.CHANGED, "image", target=MAP), "the object is gone", {"live": ()}),
        (UNDECLARED, "it is gone", {"live": ()}),
        (UNDECLARED, "not everything could be read", {"unread": ("list of stacks: away",)}),
        (UNDECLARED, "a stack declares it", {"elsewhere": (key_of(live(MAP)),)}),
        (STRANGER, "it is another team's; remove it at the forge", {"runners": (runner(kept="it is another team's"),)}),
        (STRANGER, "this registrar does not tell", {"runners": ({k: v for k, v in runner().items() if k != "kept"},)}),
        (STRANGER, "this registrar does not tell", {"runners": ()}),
    ],
)
def test_what_is_left_is_left_with_the_reason(found: Drift, reason: str, more: dict[str, Any]) -> None:
    seen = evidence(live(POOL), live(MAP), runners=(runner(),))
    planned = plan(replace(seen, **more), [found], autoscaled={key_of(live(POOL))})
    assert planned.steps == ()
    assert reason in planned.left[0].reason


POD = ObjectName(kind="Pod", namespace="dev", name="cuda-a", version="v1")
REGISTRATION = drift(Kind.RUNNER, "registration", target=None, what="Runner cuda-a", pod="dev/cuda-a", runner=("", 7))


@pytest.mark.parametrize(
    ("metadata", "action"),
    [
        ({"labels": {"gpu-runners.dev/pool": "cuda"}}, Action.REPLACE_POD),
        ({"labels": {"gpu-runners.dev/pool": "cuda"}, "annotations": {"gpu-runners.dev/busy": "7"}}, None),
        ({}, None),
    ],
)
def test_a_pod_is_replaced_if_it_is_a_pools_and_has_no_job(metadata: dict[str, Any], action: Action | None) -> None:
    planned = plan(evidence(live(POD, **metadata)), [REGISTRATION])
    assert [step.action for step in planned.steps] == ([action] if action else [])
    assert len(planned.left) == (0 if action else 1)


def agreed(*found: Drift, then: Callable[[], tuple[Evidence, list[Drift]]]) -> tuple[list[str], list[str]]:
    """What is done and what is not of steps that were agreed to, once all was looked at again."""
    steps = plan(evidence(live(POOL), live(MAP)), found).steps
    again, drifts = then()
    same, left = agreed_now(steps, plan(again, drifts))
    return [str(step) for step in same], [line.what for line in left]


def test_what_is_still_the_same_is_done() -> None:
    found = [drift(Kind.CHANGED, "image", state_value="a", live_value="b"), UNDECLARED]
    done, left = agreed(*found, then=lambda: (evidence(live(POOL), live(MAP)), found))
    assert len(done) == 2
    assert left == []


def test_a_field_that_was_added_after_the_consent_is_not_taken_out() -> None:
    first = drift(Kind.ADDED, "metadata.labels.a", live_value="1")
    second = drift(Kind.ADDED, "metadata.labels.b", live_value="1")
    done, left = agreed(first, then=lambda: (evidence(live(POOL)), [first, second]))
    assert done == ["take out Deployment dev/cuda: metadata.labels.a"]
    assert left == []


def test_a_field_that_has_another_value_by_now_is_left() -> None:
    first = drift(Kind.CHANGED, "image", state_value="a", live_value="b")
    other = drift(Kind.CHANGED, "env", state_value="a", live_value="b")
    now = [replace(first, live_value="c"), other]
    steps = plan(evidence(live(POOL)), [first, other]).steps
    same, left = agreed_now(steps, plan(evidence(live(POOL)), now))
    assert [step.paths for step in same] == [(("env",),)]
    assert [line.what for line in left] == ["Deployment dev/cuda image"]


def test_a_field_that_is_left_is_not_among_those_that_are_taken_out() -> None:
    kept = drift(Kind.ADDED, "hostNetwork", live_value="true")
    gone_on = drift(Kind.ADDED, "hostPID", live_value="true")
    now = [kept, replace(gone_on, live_value="false")]
    done, left = agreed(kept, gone_on, drift(Kind.CHANGED, "image"), then=lambda: (evidence(live(POOL)), now))
    assert done == ["take out Deployment dev/cuda: hostNetwork"]
    assert left == ["Deployment dev/cuda hostPID", "Deployment dev/cuda image"]


def test_another_object_of_that_name_is_left() -> None:
    done, left = agreed(UNDECLARED, then=lambda: (evidence(live(MAP, uid="another")), [UNDECLARED]))
    assert (done, len(left)) == ([], 1)


def test_what_a_stack_declares_by_now_is_left() -> None:
    done, left = agreed(UNDECLARED, then=lambda: (evidence(live(MAP), elsewhere=(key_of(live(MAP)),)), []))
    assert (done, len(left)) == ([], 1)


def test_what_somebody_began_to_manage_meanwhile_is_left() -> None:
    managed = live(MAP, labels={"app.kubernetes.io/managed-by": "Helm"})
    done, left = agreed(UNDECLARED, then=lambda: (evidence(managed), [UNDECLARED]))
    assert (done, len(left)) == ([], 1)


def test_what_is_as_it_should_be_by_now_is_left() -> None:
    gone = drift(Kind.DELETED, target=SPACE)
    assert agreed(gone, then=lambda: (evidence(live(SPACE)), [])) == ([], ["put back Namespace dev (it is gone)"])


BEFORE: dict[str, Any] = {
    "metadata": {"labels": {"a": "1"}, "resourceVersion": "1", "managedFields": [1]},
    "spec": {"image": "x", "list": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]},
    "status": {"ready": 1},
}


@pytest.mark.parametrize(
    ("after", "paths", "beyond"),
    [
        (BEFORE, [], []),
        ({**BEFORE, "status": {}}, [], []),
        ({**BEFORE, "metadata": {"labels": {"a": "1"}, "resourceVersion": "2", "managedFields": []}}, [], []),
        ({**BEFORE, "spec": {**BEFORE["spec"], "image": "y"}}, [("spec", "image")], []),
        ({**BEFORE, "spec": {**BEFORE["spec"], "image": "y"}}, [("spec", "other")], [("spec", "image")]),
        ({**BEFORE, "spec": {**BEFORE["spec"], "replicas": 1}}, [("spec", "image")], [("spec", "replicas")]),
        (
            {**BEFORE, "spec": {"image": "x", "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}]}},
            [("spec", "list", Item((("name", "b"),)), "v")],
            [],
        ),
        (
            {**BEFORE, "spec": {"image": "x", "list": [{"name": "a", "v": 2}, {"name": "b", "v": 1}]}},
            [("spec", "list", Item((("name", "b"),)), "v")],
            [("spec", "list", 0, "v")],
        ),
    ],
)
def test_what_a_write_would_change_beyond_the_agreed_fields_is_seen(after: Any, paths: Any, beyond: Any) -> None:
    assert unagreed(BEFORE, after, paths, BEFORE) == beyond


def test_what_the_server_drops_with_an_agreed_field_is_nobodys_to_agree_to() -> None:
    before = {"spec": {"type": "NodePort", "externalTrafficPolicy": "Cluster", "ours": 1}}
    after = {"spec": {"type": "ClusterIP"}}
    assert unagreed(before, after, [("spec", "type")], {"spec": {"type": "ClusterIP", "ours": 1}}) == [("spec", "ours")]


def test_a_removal_takes_what_it_saw_and_starts_at_the_end_of_each_list() -> None:
    tree = {"spec": {"c": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}, "metadata": {"labels": {"x/y": "1"}}}
    elements = [("spec", "c", Item((("name", name),))) for name in "ac"]
    operations = removal(tree, [*elements, ("metadata", "labels", "x/y")])
    removed = [operation["path"] for operation in operations if operation["op"] == "remove"]
    assert removed == ["/spec/c/2", "/spec/c/0", "/metadata/labels/x~1y"]
    assert operations[0] == {"op": "test", "path": "/spec/c/2", "value": {"name": "c"}}


def test_what_is_gone_already_needs_no_removal() -> None:
    assert removal({"spec": {}}, [("spec", "hostNetwork")]) == []


def test_a_correction_tests_what_it_saw_and_gives_back_what_was_there() -> None:
    tree = {"spec": {"seconds": 30, "list": [{"name": "a"}]}}
    assert correction(tree, ("spec", "seconds"), 600) == [
        {"op": "test", "path": "/spec/seconds", "value": 30},
        {"op": "replace", "path": "/spec/seconds", "value": 600},
    ]
    assert correction(tree, ("spec", "policy"), "x") == [{"op": "add", "path": "/spec/policy", "value": "x"}]
    gone = correction(tree, ("spec", "list", Item((("name", "b"),))), {"name": "b"})
    assert gone == [{"op": "add", "path": "/spec/list/-", "value": {"name": "b"}}]
    assert correction(tree, ("nowhere", "list", Item((("name", "b"),))), MISSING) == []


def test_secrets_of_a_state_are_revealed_for_the_repair_only() -> None:
    assert reveal({"data": {SECRET_KEY: "x", "plaintext": '{"token": "t"}'}, "kind": "Secret"}) == {
        "data": {"token": "t"},
        "kind": "Secret",
    }
