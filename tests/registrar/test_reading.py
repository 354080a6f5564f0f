"""A pod's status becomes a stage, whatever is missing from it."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Pod

from registrar.pods import RunnerPod, Stage
from registrar.reading import read_pod
from tests.registrar.stand_in_cluster import container, end, runner_pod, stamp, start
from values import contract

OURS = (contract.RUNNER_ID_ANNOTATION, contract.BUSY_ANNOTATION, contract.RUNNER_LABELS_ANNOTATION)


def read(pod: dict[str, Any]) -> RunnerPod:
    return read_pod(msgspec.convert(pod, Pod, strict=False))


def with_init(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    pod = runner_pod()
    pod["status"]["initContainerStatuses"] = [container(contract.REGISTRATION_CONTAINER, state, **more)]
    return pod


def with_main(state: dict[str, Any]) -> dict[str, Any]:
    pod = with_init({"terminated": {"exitCode": 0, "finishedAt": stamp(5)}})
    pod["status"]["containerStatuses"] = [container(contract.RUNNER_CONTAINER, state)]
    return pod


def unscheduled() -> dict[str, Any]:
    pod = runner_pod()
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    pod["status"] = {"phase": "Pending", "conditions": [condition]}
    return pod


def gated(pod: dict[str, Any]) -> dict[str, Any]:
    pod["status"]["conditions"].append({"type": contract.ONLINE_GATE, "status": "True"})
    return pod


def deleted(pod: dict[str, Any]) -> dict[str, Any]:
    pod["metadata"] |= {"deletionTimestamp": stamp(-3600), "deletionGracePeriodSeconds": 3600}
    return pod


def evicted() -> dict[str, Any]:
    pod = runner_pod()
    pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    return pod


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
REFUSED = {"terminated": {"exitCode": 1, "message": "registration refused (403)"}}
NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}

STAGES: list[tuple[str, dict[str, Any], Stage, str]] = [
    ("without a node", unscheduled(), Stage.SCHEDULING, "Unschedulable: 0/3 nodes"),
    ("pulling the runner's image", with_init(NO_IMAGE), Stage.PULLING, "ImagePullBackOff: no such image"),
    ("init running", with_init({"running": {"startedAt": stamp(3)}}), Stage.INITIALIZING, ""),
    ("init refused", with_init(BACK_OFF, lastState=REFUSED), Stage.INITIALIZING, "registration refused (403)"),
    ("init failed a moment ago", with_init(REFUSED), Stage.INITIALIZING, "registration refused (403)"),
    ("pulling the user's image", with_main(NO_IMAGE), Stage.PULLING, "ImagePullBackOff: no such image"),
    ("about to start", with_main({"waiting": {"reason": "PodInitializing"}}), Stage.PULLING, ""),
    ("started", start(runner_pod()), Stage.STARTING, ""),
    ("online", gated(start(runner_pod())), Stage.RUNNING, ""),
    ("deleted", deleted(gated(start(runner_pod()))), Stage.TERMINATING, ""),
    ("deleted before it started", deleted(runner_pod()), Stage.TERMINATING, ""),
    ("completed", end(runner_pod(), exit_code=0), Stage.COMPLETED, "exit code 0"),
    ("failed", end(runner_pod(), exit_code=137), Stage.FAILED, "exit code 137"),
    ("deleted and ended", deleted(end(runner_pod(), exit_code=0)), Stage.COMPLETED, "exit code 0"),
    ("evicted", evicted(), Stage.FAILED, "Evicted: low on memory"),
    ("just created", {**runner_pod(), "status": {}}, Stage.SCHEDULING, ""),
]


@pytest.mark.parametrize(("what", "pod", "stage", "cause"), STAGES, ids=[case[0] for case in STAGES])
def test_each_status_is_one_stage_with_kubernetes_own_words(
    what: str, pod: dict[str, Any], stage: Stage, cause: str
) -> None:
    view = read(pod)
    assert view.stage is stage
    assert cause in view.cause


def test_the_scheduler_says_of_what_a_pod_is_short_and_whether_a_taint_keeps_it_out() -> None:
    words = "0/4 nodes are available: 2 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint(s)."
    pod, short = unscheduled(), unscheduled()
    pod["status"]["conditions"][0]["message"] = f"{words} preemption: 0/4 nodes: 4 No preemption victims found."
    short["status"]["conditions"][0]["message"] = "0/4 nodes are available: 4 Insufficient nvidia.com/gpu."
    assert (read(pod).short_of, read(pod).kept_out, read(pod).node) == (("nvidia.com/gpu",), True, "")
    assert (read(short).short_of, read(short).kept_out) == (("nvidia.com/gpu",), False)


def test_a_pod_is_on_the_node_that_it_is_bound_to() -> None:
    pod = runner_pod()
    pod["spec"]["nodeName"] = "node-1"
    assert read(pod).node == "node-1"


def test_a_deleted_pods_stage_begins_when_it_was_deleted_not_when_its_grace_ends() -> None:
    pod = deleted(start(runner_pod()))
    assert read(pod).since == pytest.approx(read({**runner_pod()}).created, abs=5)


def test_whatever_runs_in_a_deleted_pod_is_killed_when_its_grace_ends() -> None:
    killed_at = read(deleted(gated(start(runner_pod())))).killed_at
    assert killed_at is not None
    assert abs(killed_at - time.time() - 3600) < 60
    assert read(runner_pod()).killed_at is None


def test_the_last_deletion_of_a_pod_that_had_time_to_end_does_not_say_when_that_was_over() -> None:
    """The kubelet's: as seen with Kubernetes 1.36, its time is that at which it comes."""
    pod = deleted(gated(start(runner_pod())))
    pod["metadata"] |= {"deletionTimestamp": stamp(0), "deletionGracePeriodSeconds": 0}
    assert read(pod).killed_at is None


def test_who_ended_the_whole_pod_says_more_than_what_its_container_ended_with() -> None:
    pod = end(runner_pod(), exit_code=137)
    assert (it := read(pod).ended) is not None
    assert it.reason == "Error"
    pod["status"] |= {"reason": "Evicted", "message": "low on memory"}
    assert (it := read(pod).ended) is not None
    assert (it.reason, it.exit_code) == ("Evicted", 137)


def test_what_the_registrar_wrote_is_read_back() -> None:
    pod = start(runner_pod(runner_labels="cml-gpu, big"))
    pod["metadata"]["annotations"] |= {contract.RUNNER_ID_ANNOTATION: "12", contract.BUSY_ANNOTATION: "unknown"}
    view = read(pod)
    assert (view.runner_id, view.busy, view.runner_labels) == (12, "unknown", ("cml-gpu", "big"))
    assert (view.owner, view.pool, view.template_hash) == ("cuda", "cuda", "abc")


@pytest.mark.parametrize("text", ["", "twelve", "-1", "1.5", "0", "٣", "9" * 4301, "9" * 20, " 1"])
def test_a_runner_id_that_is_none_is_none(text: str) -> None:
    pod = runner_pod()
    pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = text
    assert read(pod).runner_id is None


@pytest.mark.parametrize("text", ["", "../../orgs/victim", "x/../../../1", "9" * 5000])
def test_a_latch_that_names_no_job_is_a_latch_all_the_same(text: str) -> None:
    pod = runner_pod()
    pod["metadata"]["annotations"][contract.BUSY_ANNOTATION] = text
    assert read(pod).busy == contract.BUSY_WITH_UNKNOWN_JOB


@given(st.dictionaries(st.sampled_from(OURS), st.text(max_size=80)), st.text(max_size=2000))
def test_no_annotation_and_no_last_words_of_a_container_make_a_pod_unreadable(
    annotations: dict[str, str], message: str
) -> None:
    pod = end(runner_pod(), exit_code=1, message=message)
    pod["metadata"]["annotations"] = annotations
    view = read(pod)
    assert view.runner_id is None or 0 < view.runner_id < 2**63
    assert len(str(view.ended)) < 1200
    assert str(view.ended).isprintable()


def test_only_a_container_that_was_started_counts_as_started() -> None:
    assert not read(runner_pod()).started
    assert read(start(runner_pod())).started
    assert read(end(runner_pod(), exit_code=1)).started


def test_a_pod_that_failed_without_a_container_ended_when_the_kubelet_took_it_or_was_created() -> None:
    pod = evicted()
    pod["status"]["startTime"] = stamp(-100)
    ended, unstarted = read(pod).ended, read(evicted()).ended
    assert ended is not None
    assert unstarted is not None
    assert ended.at - read(pod).created == pytest.approx(102, abs=3)
    assert unstarted.at == pytest.approx(read(evicted()).created, abs=3)
    assert (ended.exit_code, ended.ran_seconds) == (None, 0.0)


def test_a_pod_without_a_template_has_an_empty_one() -> None:
    pod = runner_pod()
    del pod["metadata"]["labels"]["pod-template-hash"]
    assert read(pod).template_hash == ""
