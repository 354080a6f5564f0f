"""The API server's JSON is read as it comes."""

from collections.abc import Mapping
from typing import Any

import pytest

from access.cluster.errors import ClusterLoginError, ClusterRefusedError, ClusterUnreachableError
from access.online.progress import is_complete
from access.online.reader import LOGIN_SECONDS, PoolReader
from access.online.snapshot import ContainerSnapshot, EventSnapshot, pool_snapshot
from access.online.wait import ClusterReadError, PoolsUnreadError
from values.contract import BUSY_ANNOTATION, LEAST_RUNNERS_ANNOTATION, ONLINE_GATE, POOL_LABEL

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "cuda", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "2"}},
    "spec": {"replicas": 2},
    "status": {"observedGeneration": 3},
}
REPLICA_SETS: list[dict[str, Any]] = [
    {
        "metadata": {
            "labels": {POOL_LABEL: "cuda", "pod-template-hash": name},
            "annotations": {"deployment.kubernetes.io/revision": revision},
        }
    }
    for name, revision in (("old", "1"), ("new", "2"))
]


def pod(name: str, template: str = "new", **status: Any) -> dict[str, Any]:
    labels = {POOL_LABEL: "cuda", "pod-template-hash": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"nodeName": "n"}, "status": status}


def event(pod_name: str, reason: str, time: str, message: str = "") -> dict[str, Any]:
    return {"involvedObject": {"name": pod_name}, "reason": reason, "message": message, "lastTimestamp": time}


@pytest.mark.parametrize(
    ("least", "now", "awaited"),
    [("3", 0, 3), ("3", 2, 3), ("3", 4, 4), ("0", 0, 0), ("", 1, 1), ("-3", 1, 1), ("a", 1, 1), (None, 2, 2)],
)
def test_runners_that_an_autoscaler_is_to_keep_are_wanted_before_it_has_asked_for_them(
    least: str | None, now: int, awaited: int
) -> None:
    metadata = {**DEPLOYMENT["metadata"], "annotations": {"deployment.kubernetes.io/revision": "2"}}
    if least is not None:
        metadata["annotations"][LEAST_RUNNERS_ANNOTATION] = least
    snapshot = pool_snapshot("cuda", {**DEPLOYMENT, "metadata": metadata, "spec": {"replicas": now}}, [], [], [])
    assert snapshot.replicas == awaited


def test_the_present_template_is_the_replica_sets_of_the_present_revision() -> None:
    pool = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [pod("a"), pod("b", "old")], [])
    assert [(p.name, p.current) for p in pool.pods] == [("a", True), ("b", False)]
    assert pool.settled


@pytest.mark.parametrize(
    "deployment",
    [
        {**DEPLOYMENT, "status": {"observedGeneration": 2}},
        {**DEPLOYMENT, "status": {}},
        {**DEPLOYMENT, "metadata": {"name": "cuda", "generation": 1}},
    ],
)
def test_a_change_that_the_controller_has_not_seen_is_not_settled(deployment: dict[str, Any]) -> None:
    assert not pool_snapshot("cuda", deployment, REPLICA_SETS, [], []).settled


def test_a_deployment_that_is_being_deleted_is_none() -> None:
    leaving = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "deletionTimestamp": "now"}}
    assert not pool_snapshot("cuda", leaving, REPLICA_SETS, [], []).exists
    assert not pool_snapshot("cuda", None, [], [], []).exists


def test_a_failed_creation_is_read_from_the_deployment() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: gpus"}
    failing = {**DEPLOYMENT, "status": {"observedGeneration": 3, "conditions": [condition]}}
    assert pool_snapshot("cuda", failing, REPLICA_SETS, [], []).creation_failure == "exceeded quota: gpus"


def test_a_pod_is_read_with_its_gate_its_latch_and_its_end() -> None:
    raw = pod("a", phase="Running", conditions=[{"type": ONLINE_GATE, "status": "True"}])
    raw["metadata"] |= {"annotations": {BUSY_ANNOTATION: "7"}, "deletionTimestamp": "now"}
    (read,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [raw], []).pods
    assert (read.online, read.busy, read.terminating, read.finished) == (True, True, True, False)


def test_a_pod_without_a_node_has_the_schedulers_word() -> None:
    raw = pod("a", phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
    del raw["spec"]["nodeName"]
    (read,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [raw], []).pods
    assert (read.scheduled, read.scheduling_message) == (False, "0/1 nodes")


def test_a_container_that_waits_to_be_tried_again_keeps_its_last_end() -> None:
    status = {
        "name": "registration",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "refused\n"}},
    }
    raw = pod("a", initContainerStatuses=[status])
    (read,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [raw], []).pods
    assert read.registration == ContainerSnapshot("waiting", "CrashLoopBackOff", "back-off", 1, "refused")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("first\n  ::add-mask::e\r\nlast\n", "first ::add-mask::e last"),
        ("\x85::error::x\u2028y", ": :error::x y"),
        ("a ##[add-mask]e", "a ## [add-mask]e"),
        ("\x1b]0;title\x07 \x1b[2J", "?]0;title? ?[2J"),
        (None, ""),
    ],
)
def test_a_jobs_last_words_command_neither_a_runner_nor_a_terminal(written: str | None, read: str) -> None:
    status = {"name": "runner", "state": {"terminated": {"exitCode": 1, "message": written}}}
    told = [event("a", "FailedMount", "2026-01-01", written)] if written else []  # whoever may write Events
    raw = pod("a", phase="Failed", containerStatuses=[status])
    (of_pod,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [raw], told).pods
    assert (of_pod.runner.message, of_pod.runner.last_message) == (read, read)
    assert [it.message for it in of_pod.events] == ([read] if written else [])


def test_events_are_their_pods_own_and_in_order() -> None:
    events = [event("a", "Pulled", "2026-01-01T00:00:02Z"), event("a", "Pulling", "2026-01-01T00:00:01Z")]
    first, second = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [pod("a"), pod("b")], events).pods
    assert [e.reason for e in first.events] == ["Pulling", "Pulled"]
    assert second.events == ()


def test_each_container_is_read_by_its_own_name_and_a_missing_field_is_empty() -> None:
    raw = pod(
        "a",
        initContainerStatuses=[{"name": "registration", "state": {"running": {}}}],
        containerStatuses=[
            {"name": "sidecar", "state": {"waiting": {"reason": "ErrImagePull"}}},
            {"name": "runner", "state": {"terminated": {"exitCode": 78, "reason": "Error", "message": " no sleep "}}},
        ],
    )
    (read,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [raw], []).pods
    assert read.registration == ContainerSnapshot("running", "", "", None, "")
    assert read.runner == ContainerSnapshot("terminated", "Error", "no sleep", 78, "no sleep")
    (bare,) = pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [pod("a")], []).pods
    assert bare.registration == bare.runner == ContainerSnapshot("absent", "", "", None, "")
    assert (bare.phase, bare.reason) == ("Pending", "")


def test_a_deployment_has_the_replicas_that_it_declares_and_one_by_default() -> None:
    assert pool_snapshot("cuda", DEPLOYMENT, REPLICA_SETS, [], []).replicas == 2
    assert pool_snapshot("cuda", {**DEPLOYMENT, "spec": {}}, REPLICA_SETS, [], []).replicas == 1


class ApiServer:
    """Lists by path; time passes only when a test says so."""

    def __init__(self) -> None:
        self.time = 0.0
        self.asked: list[str] = []
        deployment = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "labels": {POOL_LABEL: "cuda"}}}
        self.lists: dict[str, list[Any]] = {
            "/apis/apps/v1/namespaces/dev/deployments": [deployment],
            "/apis/apps/v1/namespaces/dev/replicasets": REPLICA_SETS,
            "/api/v1/namespaces/dev/pods": [pod("a")],
            "/api/v1/namespaces/dev/events": [event("a", "Pulling", "1")],
        }

    def get(self, path: str, parameters: Mapping[str, str], *, accept: str = "application/json") -> Mapping[str, Any]:
        assert parameters
        self.asked.append(path.rpartition("/")[2])
        items = self.lists.get(path)
        if "PartialObjectMetadataList" in accept and items is not None:
            items = [{"metadata": item["metadata"]} for item in items]
        return {"items": items}

    def reader(self, *places: tuple[str, str]) -> PoolReader:
        return PoolReader(self.get, places, lambda: self.time)


def test_all_pools_of_a_namespace_are_read_at_once() -> None:
    server = ApiServer()
    cuda, other = server.reader(("dev", "cuda"), ("dev", "other")).read()
    assert (cuda.name, cuda.exists, other.exists) == ("cuda", True, False)
    assert server.asked == ["deployments", "replicasets", "pods"]


def test_events_are_read_only_when_it_takes_longer() -> None:
    server = ApiServer()
    reader = server.reader(("dev", "cuda"))
    assert reader.read()[0].pods[0].events == ()
    server.time = 3
    assert reader.read()[0].pods[0].events == (EventSnapshot("Pulling", "", "1"),)
    server.time = 4
    reader.read()
    assert server.asked.count("events") == 1


def online(name: str) -> dict[str, Any]:
    return pod(name, phase="Running", conditions=[{"type": ONLINE_GATE, "status": "True"}])


def test_what_tells_no_progress_is_read_every_two_seconds_only() -> None:
    server = ApiServer()
    reader = server.reader(("dev", "cuda"))
    for server.time in (0.0, 0.5, 1.0, 1.5):
        reader.read()
    assert server.asked == ["deployments", "replicasets", "pods", "pods", "pods", "pods"]
    server.time = 2.0
    reader.read()
    assert server.asked.count("deployments") == server.asked.count("replicasets") == 2


def test_a_deployment_is_read_each_time_until_its_controller_has_seen_it() -> None:
    server = ApiServer()
    deployment = server.lists["/apis/apps/v1/namespaces/dev/deployments"][0]
    server.lists["/apis/apps/v1/namespaces/dev/deployments"] = [{**deployment, "status": {"observedGeneration": 2}}]
    reader = server.reader(("dev", "cuda"))
    reader.read()
    assert not reader.read()[0].settled
    server.lists["/apis/apps/v1/namespaces/dev/deployments"] = [deployment]
    assert reader.read()[0].settled
    assert server.asked.count("deployments") == 3


@pytest.mark.parametrize("change", [{"spec": {"replicas": 3}}, {"status": {"observedGeneration": 2}}])
def test_no_wait_ends_by_a_deployment_that_changed_since_it_was_remembered(change: dict[str, Any]) -> None:
    server = ApiServer()
    reader = server.reader(("dev", "cuda"))
    reader.read()
    path = "/apis/apps/v1/namespaces/dev/deployments"
    server.lists[path] = [{**server.lists[path][0], **change}]
    server.lists["/api/v1/namespaces/dev/pods"] = [online("a"), online("b")]
    assert not is_complete(reader.read()[0])
    assert server.asked.count("deployments") == 2


def test_pools_of_two_namespaces_are_told_apart() -> None:
    names = [pool.name for pool in ApiServer().reader(("dev", "cuda"), ("prod", "cuda")).read()]
    assert names == ["dev/cuda", "prod/cuda"]


def failing(status: int) -> PoolReader:
    def get(path: str, parameters: Mapping[str, str], *, accept: str = "application/json") -> Mapping[str, Any]:
        assert accept
        assert parameters
        raise ClusterRefusedError(f"GET {path}: {status}", "ask an administrator", status=status, message="no")

    return PoolReader(get, [("dev", "cuda")], lambda: 0.0)


def test_an_identity_that_may_not_look_is_told_what_to_do() -> None:
    with pytest.raises(PoolsUnreadError, match="Name this stack in the `deployer`"):
        failing(403).read()


def test_a_server_in_trouble_is_asked_again() -> None:
    with pytest.raises(ClusterReadError, match="answered 503"):
        failing(503).read()


def test_a_login_that_goes_on_failing_ends_the_wait_and_a_cluster_that_is_away_does_not() -> None:
    now = 0.0
    errors: list[Exception | None] = []

    def get(path: str, parameters: Mapping[str, str], *, accept: str = "application/json") -> Mapping[str, Any]:
        assert path, (parameters, accept)
        if errors and (error := errors.pop(0)) is not None:
            raise error
        return {}

    reader = PoolReader(get, [("dev", "cuda")], lambda: now)
    login = ClusterLoginError("the credential plugin: NoJob", "Check the login")
    for errors[:], later, expected in (
        ([login], 0, ClusterReadError),
        ([ClusterUnreachableError("away", "Wait")], LOGIN_SECONDS, ClusterReadError),
        ([None, login], 0, ClusterReadError),  # it was good once more: time begins anew
        ([login], LOGIN_SECONDS - 1, ClusterReadError),
        ([login], 1, PoolsUnreadError),
    ):
        now += later
        with pytest.raises(expected, match=r"NoJob|away"):
            reader.read()
