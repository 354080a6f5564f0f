"""One suite on every state backend that is promised: what is kept, who is kept out, and the way back after a kill."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lab import paths, postgresql, s3
from tests.lab.deadline import until
from tests.lab.kubernetes import KubernetesApi
from tests.lab.stack import Outcome, Stack

PROGRAM = Path(__file__).with_name("state_program")
LOCKED = "the stack is currently locked by 1 lock(s)"
BACKENDS = ("file", "s3", "postgresql")


@dataclass(frozen=True)
class Kept:
    """A stack in one backend."""

    backend: str
    stack: Stack

    @property
    def namespace(self) -> str:
        return f"state-{self.backend}"

    def configure(self, **settings: Any) -> None:
        values = {"namespace": self.namespace, **settings}
        self.stack.configure({f"state-probe:{key}": value for key, value in values.items()})

    def pending(self) -> list[str]:
        """What the state says was never finished."""
        deployment = json.loads(self.command("stack", "export").succeeded().output)["deployment"]
        return [operation["type"] for operation in deployment.get("pending_operations") or []]

    def command(self, *arguments: str) -> Outcome:
        """A command that reads no config."""
        return self._run(["pulumi", *arguments, "--stack", self.stack.name, "--non-interactive"], self.stack.folder)

    def unlock(self) -> Outcome:
        """`make unlock`, where nobody can be asked."""
        argv = [sys.executable, "-m", "recovery", self.stack.name, "--cwd", str(self.stack.folder)]
        return self._run(argv, paths.REPOSITORY)

    def _run(self, argv: list[str], folder: Path) -> Outcome:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=dict(self.stack.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, 0)


def backend_variables(backend: str, folder: Path) -> dict[str, str]:
    """What makes Pulumi use a backend."""
    if backend == "file":
        return {"PULUMI_BACKEND_URL": f"file://{folder}"}
    if backend == "s3":
        return {"PULUMI_BACKEND_URL": s3.pulumi_backend().replace("?", "/state-probe?", 1)}
    return postgresql.up(print)


@pytest.fixture(scope="module", params=BACKENDS)
def kept(
    request: pytest.FixtureRequest, lab: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """A stack that is up, in each backend in turn."""
    backend = str(request.param)
    environment = lab | backend_variables(backend, tmp_path_factory.mktemp("state"))
    folder = tmp_path_factory.mktemp(f"program-{backend}")
    # A name of this run's own: what a run that was cut off left in a server does not stop the next.
    made = Stack.make(f"probe-{secrets.token_hex(3)}", {}, folder, environment, PROGRAM)
    shutil.copy(PROGRAM / "__main__.py", folder)
    kept = Kept(backend, replace(made, program=folder))
    kept.configure(text="first")
    kept.stack.up().succeeded()
    yield kept
    kept.stack.run("destroy", "--yes", "--skip-preview", "--remove").succeeded()


@contextmanager
def stuck_up(kept: Kept) -> Iterator[subprocess.Popen[bytes]]:
    """An `up` in another process that has begun to create something and will never have done. Ends it by SIGKILL."""
    kept.configure(text="first", replicas=1)
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", kept.stack.name, "--non-interactive"],
        cwd=kept.stack.folder,
        env=dict(kept.stack.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until("the other process is creating something", lambda: kept.pending() == ["creating"], 45, kept.pending)
        yield process
    finally:
        # The engine's plugins outlive it; a machine that is switched off would take them along.
        family = [*descendants(process.pid), process.pid]
        process.kill()
        process.wait()
        for pid in family[:-1]:
            kill(pid)


def descendants(parent: int) -> list[int]:
    """The processes that this one started, and theirs."""
    children = [
        int(status.parent.name)
        for status in Path("/proc").glob("[0-9]*/stat")
        if parent_of(status) == parent
    ]  # fmt: skip
    return [pid for child in children for pid in [*descendants(child), child]]


def parent_of(status: Path) -> int | None:
    try:
        return int(status.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_a_preview_and_a_refresh_after_up_find_nothing_to_do(kept: Kept) -> None:
    kept.stack.preview().succeeded()
    kept.stack.refresh().succeeded()


def test_a_change_is_previewed_and_drift_is_seen(kept: Kept, api: KubernetesApi) -> None:
    kept.configure(text="second")
    assert kept.stack.preview().code != 0
    kept.stack.up().succeeded()
    path = f"/api/v1/namespaces/{kept.namespace}/configmaps/note"
    assert api.get(path)["data"] == {"text": "second"}
    api.patch(path, {"data": {"text": "by hand"}})
    assert kept.stack.refresh().code != 0


def test_a_lock_keeps_others_out_and_a_kill_is_recovered_from(kept: Kept, api: KubernetesApi) -> None:
    deployment = f"/apis/apps/v1/namespaces/{kept.namespace}/deployments/stuck"
    with stuck_up(kept) as other:
        refused = kept.stack.up()
        assert refused.code != 0
        assert LOCKED in refused.output
        kept.stack.run("preview").succeeded()  # takes no lock
        kept_out = kept.unlock()
        assert kept_out.code == 1
        assert f"process {other.pid} runs on this machine" in kept_out.output
        begun = until("the cluster has what was begun", lambda: api.find(deployment), 15)
    unlocked = kept.unlock().succeeded()
    assert "it was killed, and its lock stayed" in unlocked.output
    assert "cut off while creating: Deployment stuck" in unlocked.output
    assert f"{kept.stack.name} is free" in unlocked.output
    kept.configure(text="first", replicas=0)
    kept.stack.up().succeeded()
    assert api.get(deployment)["metadata"]["uid"] == begun["metadata"]["uid"], "a second object instead of the first"
