"""One suite on every state backend that is promised: what is kept, who is kept out, and the way back after a kill.

The program is the real one. Its pools' namespace has a registrar that never answers, so an `up` with a runner waits.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import paths, postgresql, s3, worlds
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import pool, pools_config
from lab.trial.stack import Outcome, Stack
from values.accounts import RUNNER
from values.contract import TRUST_CA_KEY, TRUST_CONFIG_MAP, TRUST_FORGE_KEY, TRUST_URL_KEY

LOCKED = "the stack is currently locked by 1 lock(s)"
BACKENDS = ("file", "s3", "postgresql")
POOLS = 5


@dataclass(frozen=True)
class Kept:
    """A stack in one backend, and a copy of its file where `make unlock` looks for it."""

    stack: Stack
    namespace: str
    api: KubernetesApi

    def configure(self, *, runners: int = 0, cpu: str = "50m") -> None:
        pools = [pool(f"pool-{number}", replicas=0, cpu=cpu) for number in range(POOLS)]
        pools[0]["replicas"] = runners
        self.stack.configure(pools_config(*pools) | {"gpu-runners:namespace": self.namespace})

    def deployments(self) -> dict[str, str]:
        """The pools that the cluster has: name → uid."""
        items = self.api.items(f"/apis/apps/v1/namespaces/{self.namespace}/deployments")
        return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}

    def output_so_far(self) -> str:
        """What the `up` in another process has said so far."""
        return self._output.read_text()

    @property
    def _output(self) -> Path:
        return self.stack.folder / "output"

    def unlock(self) -> Outcome:
        """`gpu-runners unlock`, where nobody can be asked and it is known that nobody else has this machine's name."""
        argv = [sys.executable, "-m", "gpu_runners", "unlock", self.stack.name, "--yes"]
        done = subprocess.run(
            argv,
            cwd=paths.REPOSITORY,
            env=dict(self.stack.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, 0)

    @contextmanager
    def up_in_another_process(self) -> Iterator[subprocess.Popen[bytes]]:
        """An `up` that ends by SIGKILL with this block, its plugins too: a machine that is switched off has neither."""
        arguments = ["--stack", self.stack.name, "--config-file", str(self.stack.config_file), "--non-interactive"]
        with self._output.open("w") as output:
            process = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", *arguments],
                cwd=self.stack.program,
                env=dict(self.stack.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            family = [*descendants(process.pid), process.pid]
            process.kill()
            process.wait()
            for pid in family[:-1]:
                kill(pid)


def backend_variables(backend: str, folder: Path) -> dict[str, str]:
    """What makes Pulumi use a backend."""
    if backend == "file":
        return {"PULUMI_BACKEND_URL": f"file://{folder}"}
    if backend == "s3":
        return {"PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.PLATFORM, "state-probe")}
    return postgresql.up(print)


@pytest.fixture(scope="module", params=BACKENDS)
def kept(
    request: pytest.FixtureRequest,
    lab: dict[str, str],
    api: KubernetesApi,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Kept]:
    """A stack that was never brought up, in each backend in turn."""
    backend = str(request.param)
    environment = lab | backend_variables(backend, tmp_path_factory.mktemp("state"))
    # A name of this run's own: what a run that was cut off left in a server does not stop the next.
    name = f"probe-{secrets.token_hex(3)}"
    namespace = f"gpu-runners-state-{backend}"
    kept = Kept(Stack.make(name, {}, tmp_path_factory.mktemp(backend), environment), namespace, api)
    make_place(api, namespace)
    try:
        yield kept
        kept.stack.run("destroy", "--yes", "--skip-preview", "--remove").succeeded()
    finally:
        api.delete(f"/api/v1/namespaces/{namespace}")


def make_place(api: KubernetesApi, namespace: str) -> None:
    """A namespace as a platform makes it, with the address of a registrar at which nobody answers."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": RUNNER}})
    trust = {TRUST_CA_KEY: "none", TRUST_URL_KEY: "https://127.0.0.1:9", TRUST_FORGE_KEY: "gitea"}
    api.create(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": TRUST_CONFIG_MAP}, "data": trust})


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


def test_an_up_that_was_killed_while_it_made_pools_is_unlocked_and_finished(kept: Kept) -> None:
    kept.configure()
    with kept.up_in_another_process():
        begun = until("the cluster has the first pool", kept.deployments, 30)
    unlocked = kept.unlock().succeeded()
    assert "it was killed, and its lock stayed" in unlocked.output
    assert "cut off while creating: Deployment " in unlocked.output
    assert f"{kept.stack.name} is free" in unlocked.output
    kept.stack.up().succeeded()
    made = kept.deployments()
    assert len(made) == POOLS
    assert begun.items() <= made.items(), "a second object instead of the first"


def test_a_preview_shows_the_change_and_a_refresh_the_drift_and_nothing_else(kept: Kept) -> None:
    kept.configure(cpu="60m")
    previewed = kept.stack.preview()
    assert f"    ~ {POOLS} to update\n    +-1 to replace\n" in previewed.output, previewed.output
    path = f"/apis/apps/v1/namespaces/{kept.namespace}/deployments/pool-1"
    kept.api.patch(path, {"spec": {"progressDeadlineSeconds": 77}})
    refreshed = kept.stack.refresh()
    assert "    ~ 1 to update\n" in refreshed.output, refreshed.output
    assert "progressDeadlineSeconds" in refreshed.output


def test_an_up_that_waits_for_its_runners_keeps_others_out_and_may_be_killed(kept: Kept) -> None:
    kept.configure(runners=1)
    with kept.up_in_another_process() as other:
        until("it waits for the runner", lambda: "0 of 1 online" in kept.output_so_far(), 30, seen=kept.output_so_far)
        refused = kept.stack.up()
        assert refused.code != 0
        assert LOCKED in refused.output
        kept_out = kept.unlock()
        assert kept_out.code == 1
        assert f"process {other.pid} runs on this machine" in kept_out.output
    assert f"{kept.stack.name} is free" in kept.unlock().succeeded().output
    kept.configure()
    kept.stack.up().succeeded()
