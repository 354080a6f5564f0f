"""The other stacks as they are found: in a real backend of Pulumi's, in a named one, in stack files beside."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.worlds import worlds_of
from tests.program.stack_values import ROOT

PLATFORM = "config:\n  gpu-runners:platform: {}\n"
POOLS = "config:\n  gpu-runners:namespace: x\n"


class Backend:
    """A backend in a folder, and a checkout with stack files."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder / "checkout", monkeypatch
        self.folder.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", self.folder)

    def url(self, name: str) -> str:
        place = self.folder.parent / name
        place.mkdir(exist_ok=True)
        return f"file://{place}"

    def use(self, name: str, passphrase: str) -> None:
        """What this process has from now on."""
        self._monkeypatch.setenv("PULUMI_BACKEND_URL", self.url(name))
        self._monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", passphrase)

    def init(self, stack: str, text: str) -> None:
        (self.folder / f"Pulumi.{stack}.yaml").write_text(text)
        command = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        subprocess.run(command, cwd=self.folder, env=dict(os.environ), check=True, capture_output=True)

    def findings(self, stack: str, *, has_platform: bool, platform_backend: str = "") -> list[tuple[State, str]]:
        file = self.folder / f"Pulumi.{stack}.yaml"
        found = worlds_of(
            self.folder, stack, file, has_platform=has_platform, platform_backend=platform_backend
        )  # fmt: skip
        return [(finding.state, finding.found) for finding in found]


@pytest.fixture
def backend(lab: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    for name, value in lab.items():
        monkeypatch.setenv(name, value)
    return Backend(tmp_path, monkeypatch)


def test_a_fresh_clones_two_stacks_in_one_backend_with_one_passphrase_fail(backend: Backend) -> None:
    backend.use("one", "hush")
    backend.init("platform", PLATFORM)
    backend.init("dev", POOLS)
    for stack, has_platform in (("platform", True), ("dev", False)):
        ((state, found),) = backend.findings(stack, has_platform=has_platform)
        assert state is State.FAILED
        assert "the credentials that reach this state reach that one, and this passphrase opens its secrets" in found
        assert "hush" not in found


def test_one_passphrase_in_two_backends_fails_though_the_other_is_out_of_reach(backend: Backend) -> None:
    backend.use("administrators", "hush")
    backend.init("platform", PLATFORM)
    backend.use("environments", "hush")
    backend.init("dev", POOLS)
    ((state, found),) = backend.findings("dev", has_platform=False)
    assert (state, found.rpartition(": ")[2]) == (State.FAILED, "this passphrase opens its secrets")


def test_stacks_with_a_backend_and_a_passphrase_each_are_apart_until_the_credentials_reach_both(
    backend: Backend,
) -> None:
    backend.use("administrators", "hush")
    backend.init("platform", PLATFORM)
    backend.use("environments", "another")
    backend.init("dev", POOLS)
    assert [state for state, _ in backend.findings("dev", has_platform=False)] == [State.OK]
    url = backend.url("administrators")
    ((state, found),) = backend.findings("dev", has_platform=False, platform_backend=url)
    assert (state, found.rpartition(": ")[2]) == (State.FAILED, "the credentials that reach this state reach that one")


def test_a_named_backend_that_is_not_there_is_unknown_and_not_well(backend: Backend) -> None:
    backend.use("environments", "another")
    backend.init("dev", POOLS)
    found = backend.findings("dev", has_platform=False, platform_backend="s3://")
    assert State.UNKNOWN in [state for state, _ in found]
