"""`gpu-runners wait` as it is called: with a `pulumi` that answers as the real one and an API server on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from tests.access.cluster.api_server import ApiServer, api_server
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.gpu_runners.state.test_check import EXEC_KUBECONFIG, recorded, resource
from tests.program.stack_values import ROOT
from values.contract import BUSY_ANNOTATION, ONLINE_GATE, POOL_LABEL

PULUMI = """case "$1 $2" in
"stack export") cat {folder}/state ;;
"config --json") cat {folder}/config ;;
*) exit 1 ;;
esac"""
PODS = "/api/v1/namespaces/review-pools/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/review-pools/deployments"
SECONDS = 60
# Two on a machine with nothing else to do; a look at a cluster that hangs would take fifteen.
ENDS_WITHIN_SECONDS = 12


def pod(name: str, *, is_online: bool, **changes: Any) -> dict[str, Any]:
    conditions = [{"type": ONLINE_GATE, "status": "True"}] if is_online else []
    labels = {POOL_LABEL: "reviewed", "pod-template-hash": "h"}
    status = {"phase": "Running", "conditions": conditions}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"nodeName": "n"}, "status": status, **changes}


class Stack:
    """The stack `review`, whose one pool declares one runner, and what the cluster has of it."""

    def __init__(self, folder: Path, cluster: ApiServer, pulumi: StandInPulumi) -> None:
        self.folder, self.cluster, self.pulumi = folder, cluster, pulumi
        self.state = recorded()
        self.config: dict[str, Any] = {"gpu-runners:onlineDeadlineSeconds": {"value": "10", "secret": False}}
        self.scale(1)
        cluster.answers["/api/v1/namespaces/review-pools/events"] = {"items": []}
        self.has(pod("a", is_online=True))

    @property
    def deployment(self) -> dict[str, Any]:
        return resource(self.state, ":Deployment")

    def scale(self, replicas: int) -> None:
        """What the Deployment of the cluster wants, whatever the state says."""
        revision = {"annotations": {"deployment.kubernetes.io/revision": "1"}}
        live = {
            "metadata": {"name": "reviewed", "generation": 1, **revision},
            "spec": {"replicas": replicas},
            "status": {"observedGeneration": 1},
        }
        labels = {POOL_LABEL: "reviewed", "pod-template-hash": "h"}
        self.cluster.answers[DEPLOYMENTS] = {"items": [live]}
        self.cluster.answers[DEPLOYMENTS.replace("deployments", "replicasets")] = {
            "items": [{"metadata": {"labels": labels, **revision}}]
        }

    def has(self, *pods: dict[str, Any]) -> None:
        self.cluster.answers[PODS] = {"items": list(pods)}

    def write(self) -> list[str]:
        """The command's arguments."""
        (self.folder / "state").write_text(json.dumps(self.state))
        (self.folder / "config").write_text(json.dumps(self.config))
        return ["wait", "review", "--folder", str(self.pulumi.program)]

    def wait(self) -> int:
        return main(self.write())

    def start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "gpu_runners", *self.write()]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with api_server() as cluster:
        pulumi = StandInPulumi.make(tmp_path, PULUMI.format(folder=tmp_path), monkeypatch)
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "kubeconfig")))
        yield Stack(tmp_path, cluster, pulumi)


def test_it_is_done_when_every_runner_is_online_and_has_only_looked(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stack.wait() == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == ["reviewed: 1 of 1 online", "every runner is online"]
    assert sorted(call.split(" --")[0] for call in stack.pulumi.calls) == ["config", "stack export"]
    assert {request.split()[0] for request in stack.cluster.asked} == {"GET"}
    assert not any("secrets" in request for request in stack.cluster.asked)


def test_it_waits_for_a_runner_that_comes(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.config["gpu-runners:onlineDeadlineSeconds"]["value"] = str(SECONDS)
    stack.has(pod("a", is_online=False))
    stack.cluster.later[PODS] = {"items": [pod("a", is_online=True)]}
    assert stack.wait() == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["reviewed: 0 of 1 online, 1 starting", "reviewed: 1 of 1 online", "every runner is online"]


def test_a_runner_that_does_not_come_is_found_with_how_to_go_on(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {"state": {"waiting": {"reason": "InvalidImageName", "message": "no image"}}, "name": "runner"}
    broken = pod("a", is_online=False)
    broken["status"]["containerStatuses"] = [waiting]
    stack.has(broken)
    assert stack.wait() == ExitCode.FOUND
    said = capsys.readouterr().out
    assert "reviewed: a: InvalidImageName: no image\n    cure: correct `image` of the pool\n" in said
    assert said.endswith("Change what the cure names, and ask again.\n")


def test_a_failing_wait_ends_with_what_why_says(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.cluster.answers["/api/v1/namespaces/review-pools"] = {"status": {"phase": "Active"}}
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "x: not found"}}, "name": "runner"}
    broken = pod("a", is_online=False)
    broken["status"]["containerStatuses"] = [waiting]
    stack.has(broken)
    assert stack.wait() == ExitCode.FOUND
    said = capsys.readouterr().out
    assert (
        "  why reviewed: pod: there is no image as the pool's `image` names it\n      a: ErrImagePull: x: not" in said
    )
    assert said.endswith("Change what the cure names, and ask again.\n"), "how to go on comes last"


@pytest.mark.parametrize("answer", [{"items": [{"spec": 7, "metadata": []}]}, {"items": [7]}, {"items": {"a": 1}}])
def test_an_odd_answer_to_the_deeper_look_costs_nothing_but_that_look(
    stack: Stack, capsys: pytest.CaptureFixture[str], answer: dict[str, Any]
) -> None:
    stack.cluster.answers["/api/v1/namespaces/review-pools"] = {"status": {"phase": "Active"}}
    stack.cluster.answers["/api/v1/nodes"] = stack.cluster.answers["/api/v1/pods"] = answer
    stack.cluster.answers[DEPLOYMENTS] = {"items": []}
    assert stack.wait() == ExitCode.FOUND
    assert "its Deployment does not exist" in capsys.readouterr().out


def test_a_pool_that_was_deleted_by_hand_is_found(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.cluster.answers[DEPLOYMENTS] = {"items": []}
    assert stack.wait() == ExitCode.FOUND
    assert "its Deployment does not exist" in capsys.readouterr().out


def test_a_runner_that_waits_for_another_s_job_is_not_waited_for(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    leaving = pod("a", is_online=True)
    leaving["metadata"] |= {"annotations": {BUSY_ANNOTATION: "7"}, "deletionTimestamp": "now"}
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available."
    condition = {"type": "PodScheduled", "status": "False", "message": message}
    stack.has(leaving, pod("b", is_online=False, spec={}, status={"phase": "Pending", "conditions": [condition]}))
    assert stack.wait() == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "online: the others wait for a GPU that a job holds (1)"


def test_it_is_said_how_many_wait_for_another_s_job(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    leaving = pod("a", is_online=True)
    leaving["metadata"] |= {"annotations": {BUSY_ANNOTATION: "7"}, "deletionTimestamp": "now"}
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available."
    condition = {"type": "PodScheduled", "status": "False", "message": message}
    waiting = pod("b", is_online=False, spec={}, status={"phase": "Pending", "conditions": [condition]})
    stack.deployment["inputs"]["spec"]["replicas"] = 3
    stack.scale(3)
    stack.has(leaving, waiting, pod("c", is_online=True), pod("d", is_online=True))
    assert stack.wait() == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "online: the others wait for a GPU that a job holds (1)"


def test_a_pool_that_somebody_scaled_to_nothing_is_found(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.scale(0)
    stack.has()
    assert stack.wait() == ExitCode.FOUND
    lines = capsys.readouterr().out.splitlines()
    assert "fewer runners than the stack declares:" in lines
    assert "  reviewed: 0 of 1 replicas, as somebody scaled the Deployment" in lines


def test_a_pool_at_zero_replicas_is_said(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.deployment["inputs"]["spec"]["replicas"] = 0
    stack.scale(0)
    stack.has()
    assert stack.wait() == ExitCode.DONE
    assert "reviewed: no runner, as the stack declares 0 replicas" in capsys.readouterr().out


def test_a_pool_that_follows_the_queue_and_sleeps_is_said(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.deployment["ignoreChanges"] = ["spec.replicas"]
    stack.scale(0)
    stack.has()
    assert stack.wait() == ExitCode.DONE
    assert "reviewed: no runner now, as its autoscaler wants none" in capsys.readouterr().out


def test_a_pool_that_only_the_config_has_is_found_and_no_cluster_asked(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.config["gpu-runners:pools"] = {"objectValue": [{"name": "reviewed"}, {"name": "cuda"}], "secret": False}
    assert stack.wait() == ExitCode.FOUND
    assert (
        "cuda: configured, and not in the state of review\n  cure: `pulumi up --stack review`"
        in capsys.readouterr().out
    )
    assert stack.cluster.asked == []


def test_a_stack_without_pools_has_nothing_to_wait_for(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.state = {"version": 3, "deployment": {}}
    assert stack.wait() == ExitCode.DONE
    assert capsys.readouterr().out == "review declares no pools: there is nothing to wait for\n"
    assert stack.cluster.asked == []


def test_a_state_that_somebody_else_wrote_into_asks_no_cluster(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    resource(stack.state, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
    assert stack.wait() == ExitCode.FAILED
    assert "inputs.kubeconfig" in capsys.readouterr().err
    assert stack.cluster.asked == []


def test_who_may_not_look_is_told_so_and_nothing_is_certain(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.cluster.refusals[PODS] = (403, "pods is forbidden")
    assert stack.wait() == ExitCode.FAILED
    assert "this identity may not list" in capsys.readouterr().err


def test_another_cluster_than_that_of_the_state_is_not_asked(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.config["kubernetes:context"] = {"value": "other", "secret": False}
    assert stack.wait() == ExitCode.FAILED
    assert "brought up without kubernetes:context" in capsys.readouterr().err
    assert stack.cluster.asked == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hangs", [False, True], ids=["waiting", "cluster-hangs"])
def test_a_signal_ends_it_at_once_with_what_is_missing(stack: Stack, number: signal.Signals, hangs: bool) -> None:
    stack.config["gpu-runners:onlineDeadlineSeconds"]["value"] = "600"
    stack.has(pod("a", is_online=False))
    with stack.start() as process:
        alarm = threading.Timer(SECONDS, process.kill)  # which ends its line, too
        alarm.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line == "reviewed: 0 of 1 online, 1 starting\n"
            if hangs:
                stack.cluster.hold()
            started = time.monotonic()
            os.kill(process.pid, number)
            output, errors = process.communicate(timeout=SECONDS)
            assert time.monotonic() - started < ENDS_WITHIN_SECONDS
        finally:
            alarm.cancel()
            stack.cluster.release()
            process.kill()
    assert process.returncode == 128 + number
    assert output.splitlines()[0] == "ended while this was missing:"
    assert output.splitlines()[1].strip() == "reviewed: 0 of 1 online, 1 starting"
    assert errors == f"error: ended by {number.name}; what was done until then stays done\n"


def test_whoever_only_waits_loads_neither_pulumis_sdk_nor_what_explains_a_failure() -> None:
    """Each job that waits starts this anew, and the SDK alone takes longer to load than the rest."""
    program = "import sys, gpu_runners.program, gpu_runners.wait.command; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    modules = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert "access.online.wait" in modules
    assert [name for name in modules if name.partition(".")[0] == "pulumi" or name == "access.causes.order"] == []
