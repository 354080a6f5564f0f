"""A repair on the real cluster: what it leaves to others, what it does while people go on, and what its end leaves."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from lab import paths
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from tests.lab.api_gate import Gate
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.reviews import Reviews
from tests.lab.stranger import register_by_hand

SPACE = "gpu-runners-reviewed"
CORE = f"/api/v1/namespaces/{SPACE}"
QUOTA = f"{CORE}/resourcequotas/gpus"
POLICY = f"/apis/networking.k8s.io/v1/namespaces/{SPACE}/networkpolicies/deny-all"
ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}/roles"
REGISTRAR = "/apis/apps/v1/namespaces/gpu-runners-reviewed-system/deployments/registrar"


@pytest.fixture(scope="module")
def forge(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/reviewed")


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack, forge: Repository) -> Stack:
    stack = make_stack("repaired", stack_file("review.yaml"))
    stack.up().succeeded()
    return stack


def kubectl(stack: Stack, *arguments: str, document: Mapping[str, Any] | None = None) -> None:
    """What a person types."""
    command = ["kubectl", *arguments, *(["-f", "-"] if document else [])]
    given = json.dumps(document) if document else None
    subprocess.run(
        command, input=given, env=dict(stack.environment), capture_output=True, text=True, check=True, timeout=30
    )


def make(stack: Stack, kind: str, name: str, manager: str = "kubectl-create", **more: Any) -> None:
    version = more.pop("version", "v1")
    metadata = {"name": name, "namespace": SPACE, **more.pop("metadata", {})}
    if kind == "ConfigMap":
        more.setdefault("data", {"a": "b"})  # of an object without a field nobody is noted as its maker
    document = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
    kubectl(stack, "create", f"--field-manager={manager}", document=document)


def uid(api: KubernetesApi, path: str) -> str:
    return str(api.get(path)["metadata"]["uid"])


class Asked:
    """A repair that has shown its plan and waits for an answer."""

    def __init__(self, stack: Stack, **environment: str) -> None:
        arguments = ["repair", stack.name, "--config-file", str(stack.config_file)]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "gpu_runners", *arguments],
            cwd=paths.REPOSITORY, env={**os.environ, **stack.environment, **environment}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.shown = ""
        assert self.process.stdout is not None
        while not self.shown.endswith("Do this? Only `yes` will do: "):
            letter = self.process.stdout.read(1)
            assert letter, f"it ended before it asked: {self.shown}{self.process.communicate(timeout=60)[1]}"
            self.shown += letter

    def answer(self, text: str = "yes") -> tuple[int, str, str]:
        """Exit code, what it said since, and its errors."""
        said, errors = self.process.communicate(f"{text}\n", timeout=120)
        return self.process.returncode, said, errors


MADE = (
    *(("configmaps", name) for name in ("plain", "istio-root", "charted", "tracked", "waited-for", "holder")),
    *(("configmaps", name) for name in ("first", "second", "third")),
    *(("persistentvolumeclaims", "data"), ("secrets", "theirs"), ("secrets", "robot-token")),
    ("serviceaccounts", "robot"),
)


COLLEAGUE = "colleague"


@pytest.fixture(autouse=True)
def tidy(stack: Stack, api: KubernetesApi, forge: Repository) -> Iterator[None]:
    """Whatever a test made is gone before the next one, and what it changed is put back."""
    yield
    for path in (QUOTA, *(f"{CORE}/{kind}/{name}" for kind, name in MADE)):
        api.patch(path, {"metadata": {"finalizers": None}})
    for kind, name in MADE:
        api.delete(f"{CORE}/{kind}/{name}")
    for runner in forge.runners():
        if runner.name == COLLEAGUE:
            forge.remove_runner(runner.id)
            until("the registrar lists it no more", lambda: not Reviews(stack).tells(COLLEAGUE), 60)
    until("it is gone", lambda: not [1 for kind, name in MADE if api.find(f"{CORE}/{kind}/{name}")], 60)
    if Reviews(stack).report()[0] != 0:
        done = Reviews(stack).repair()
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_neighbours_and_other_tools_have_in_the_namespace_stays(stack: Stack, api: KubernetesApi) -> None:
    make(stack, "ConfigMap", "plain")
    make(stack, "ConfigMap", "istio-root", manager="pilot-discovery")
    make(stack, "ConfigMap", "charted", metadata={"labels": {"app.kubernetes.io/managed-by": "Helm"}})
    make(stack, "ConfigMap", "tracked", metadata={"annotations": {"argocd.argoproj.io/tracking-id": "x"}})
    make(stack, "ConfigMap", "waited-for", metadata={"finalizers": ["example.com/wait"]})
    make(stack, "ConfigMap", "holder")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "holder", "uid": uid(api, f"{CORE}/configmaps/holder")}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    make(stack, "PersistentVolumeClaim", "data", spec=claim, metadata={"ownerReferences": [owner]})
    make(stack, "Secret", "theirs", data={})
    make(stack, "ServiceAccount", "robot", metadata={"labels": {"team": "x"}})
    make(stack, "Secret", "robot-token", type="kubernetes.io/service-account-token",
         metadata={"annotations": {"kubernetes.io/service-account.name": "robot"}})  # fmt: skip
    done = Reviews(stack).repair()
    assert done.returncode == ExitCode.FOUND, done.stdout + done.stderr  # what stays is still told
    assert api.find(f"{CORE}/configmaps/plain") is None
    assert "done: delete ConfigMap gpu-runners-reviewed/plain (no stack declares it; made by kubectl" in done.stdout
    for name, reason in {
        "ConfigMap gpu-runners-reviewed/istio-root": "pilot-discovery wrote it",
        "ConfigMap gpu-runners-reviewed/charted": "Helm manages it",
        "ConfigMap gpu-runners-reviewed/tracked": "a mark of another tool",
        "ConfigMap gpu-runners-reviewed/waited-for": "finalizer example.com/wait",
        "ConfigMap gpu-runners-reviewed/holder": "PersistentVolumeClaim data would go with it",
        "PersistentVolumeClaim gpu-runners-reviewed/data": "may hold data",
        "Secret gpu-runners-reviewed/theirs": "may hold data",
        "ServiceAccount gpu-runners-reviewed/robot": "Secret robot-token would go with it",
    }.items():
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"left as it is: {name}:")]
        assert reason in line


def test_only_what_was_agreed_to_is_done_whatever_happens_between(stack: Stack, api: KubernetesApi) -> None:
    for name in ("first", "second", "third"):
        make(stack, "ConfigMap", name)
    kubectl(stack, "label", "-n", SPACE, "resourcequota/gpus", "team=x")
    kubectl(stack, "patch", "-n", SPACE, "resourcequota/gpus", "--type=merge", "-p", '{"spec":{"hard":{"pods":"999"}}}')
    asked = Asked(stack)
    assert "put back ResourceQuota gpu-runners-reviewed/gpus" in asked.shown
    # Somebody goes on: another object of that name, one that is managed by now, one more label, and another value.
    kubectl(stack, "delete", "-n", SPACE, "configmap", "second")
    make(stack, "ConfigMap", "second")
    kubectl(stack, "label", "-n", SPACE, "configmap/third", "app.kubernetes.io/managed-by=Helm")
    kubectl(stack, "label", "-n", SPACE, "resourcequota/gpus", "late=y")
    kubectl(stack, "patch", "-n", SPACE, "resourcequota/gpus", "--type=merge", "-p", '{"spec":{"hard":{"pods":"888"}}}')
    code, said, errors = asked.answer()
    assert code == ExitCode.FAILED, said
    assert api.find(f"{CORE}/configmaps/first") is None
    assert api.find(f"{CORE}/configmaps/second") is not None
    assert api.find(f"{CORE}/configmaps/third") is not None
    quota = api.get(QUOTA)
    assert quota["metadata"]["labels"].get("late") == "y"
    assert "team" not in quota["metadata"]["labels"]
    assert quota["spec"]["hard"]["pods"] == "888"
    assert "it has another value by now" in errors


def test_nothing_is_done_while_somebody_else_has_the_stack(stack: Stack, api: KubernetesApi) -> None:
    make(stack, "ConfigMap", "plain")
    asked = Asked(stack)
    with held(stack):
        code, _, errors = asked.answer()
    assert code == ExitCode.FAILED
    assert "cannot be locked, so nothing was done" in errors
    assert api.find(f"{CORE}/configmaps/plain") is not None
    assert Reviews(stack).repair().returncode == 0


@contextmanager
def held(stack: Stack) -> Iterator[None]:
    """The stack's lock, as an `up` of somebody else's would leave it: a file in the backend."""
    folder = Path(stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    place = folder / ".pulumi" / "locks" / "organization" / "gpu-runners" / stack.name
    place.mkdir(parents=True, exist_ok=True)
    lock = place / "11111111-1111-1111-1111-111111111111.json"
    lock.write_text('{"pid": 1, "username": "alice", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"}')
    try:
        yield
    finally:
        lock.unlink()


def test_an_up_has_to_wait_for_a_repair_and_the_lock_is_given_back(stack: Stack, api: KubernetesApi) -> None:
    make(stack, "ConfigMap", "plain")
    with Gate(stack) as gate:
        asked = Asked(stack, KUBECONFIG=gate.kubeconfig)
        waiting: list[tuple[int, str, str]] = []
        gate.close()
        thread = threading.Thread(target=lambda: waiting.append(asked.answer()))
        thread.start()
        until("the repair wants to write", gate.is_waiting, 60)
        refused = stack.up()
        assert "the stack is currently locked by 1 lock(s)" in refused.output
        gate.open()
        thread.join(timeout=120)
    assert waiting[0][0] == 0, waiting
    stack.preview().succeeded()


def test_what_mends_it_is_forced_through_nothing(stack: Stack, api: KubernetesApi) -> None:
    """What an API server will not change in place is Pulumi's to replace, and finalizers are their controllers'."""
    secrets = api.items("/api/v1/namespaces/gpu-runners-reviewed-system/secrets")
    name = next(it["metadata"]["name"] for it in secrets if it["metadata"]["name"].startswith("forge-credential"))
    path = f"/api/v1/namespaces/gpu-runners-reviewed-system/secrets/{name}"
    before = api.get(path)
    api.delete(path)
    copy = {"metadata": {key: before["metadata"][key] for key in ("name", "labels", "annotations")}}
    api.create(path.rpartition("/")[0], {**copy, "type": "example.com/other", "data": before["data"]})
    kubectl(stack, "patch", "-n", SPACE, "resourcequota/gpus", "--type=merge", "-p",
            '{"metadata":{"finalizers":["example.com/wait"]}}')  # fmt: skip
    done = Reviews(stack).repair()
    assert api.get(QUOTA)["metadata"]["finalizers"] == ["example.com/wait"]
    assert "a finalizer is its controller's to take away" in done.stdout
    assert api.get(path)["type"] == "example.com/other"
    assert "it cannot be changed in place" in done.stdout
    assert "--replace 'urn:pulumi:repaired::" in done.stdout
    api.delete(path)
    api.create(path.rpartition("/")[0], {**copy, "type": before["type"], "data": before["data"]})
    api.patch(QUOTA, {"metadata": {"finalizers": None}})
    stack.run("up", "--yes", "--skip-preview", "--refresh").succeeded()  # lets the state know the new Secret


def test_a_gone_object_comes_back_and_who_owns_its_fields_is_pulumi(stack: Stack, api: KubernetesApi) -> None:
    api.delete(POLICY)
    api.delete(QUOTA)
    done = Reviews(stack).repair()
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (POLICY, QUOTA):
        managers = {(entry["manager"][:6], entry["operation"]) for entry in api.get(path)["metadata"]["managedFields"]}
        assert ("pulumi", "Apply") in managers
        assert ("pulumi", "Update") not in managers  # else Pulumi could never take a field out again
    stack.preview().succeeded()


def test_replicas_that_an_autoscaler_sets_stay(stack: Stack, api: KubernetesApi) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "registrar"}
    place = "/apis/autoscaling/v2/namespaces/gpu-runners-reviewed-system/horizontalpodautoscalers"
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
    metadata = {"name": "theirs", "annotations": {"example.com/tool": "x"}}
    kubectl(stack, "scale", "-n", "gpu-runners-reviewed-system", "deployment/registrar", "--replicas=2")
    api.create(place, {"metadata": metadata, "spec": spec})
    done = Reviews(stack).repair()
    assert "Deployment gpu-runners-reviewed-system/registrar spec.replicas: an autoscaler sets it" in done.stdout
    assert api.get(REGISTRAR)["spec"]["replicas"] == 2
    api.delete(f"{place}/theirs")
    assert Reviews(stack).repair().returncode == 0
    assert api.get(REGISTRAR)["spec"]["replicas"] == 1


def test_the_registrar_removes_a_stranger_and_nobody_elses_runner(stack: Stack, forge: Repository) -> None:
    register_by_hand(stack.environment, forge.name, COLLEAGUE, ["their-own"])
    Reviews(stack).until_told(COLLEAGUE)
    done = Reviews(stack).repair()
    assert COLLEAGUE in {runner.name for runner in forge.runners()}
    assert "which no pool of ours does" in done.stdout


@pytest.mark.parametrize("kill_after", [0, 1, 2])
def test_a_repair_that_is_killed_leaves_nothing_worse_and_no_lock(
    stack: Stack, api: KubernetesApi, kill_after: int
) -> None:
    make(stack, "ConfigMap", "plain")
    kubectl(stack, "label", "-n", SPACE, "resourcequota/gpus", "team=x")
    kubectl(stack, "patch", "-n", SPACE, "resourcequota/gpus", "--type=merge", "-p", '{"spec":{"hard":{"pods":"999"}}}')
    with Gate(stack, kill_after) as gate:
        asked = Asked(stack, KUBECONFIG=gate.kubeconfig)
        gate.victim = asked.process.pid
        code, _, _ = asked.answer()
        assert code == -signal.SIGKILL
    # As somebody left it, or as the state has it: nothing in between.
    quota = api.get(QUOTA)
    assert quota["spec"]["hard"]["pods"] in ("999", "500")
    assert quota["metadata"]["labels"].get("team") in ("x", None)
    assert api.get(POLICY)["spec"]["podSelector"] == {}
    # Nobody has to unlock anything.
    until("the lock is given back", lambda: not list(locks(stack)), 30)
    done = Reviews(stack).repair()
    assert done.returncode == 0, done.stdout + done.stderr
    stack.preview().succeeded()


def locks(stack: Stack) -> Iterator[Path]:
    folder = Path(stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return (folder / ".pulumi" / "locks" / "organization" / "gpu-runners" / stack.name).glob("*.json")
