"""No command of Pulumi's acts on a state that somebody else wrote into; a stand-in for `pulumi` records the calls."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.pulumi_command import Program, PulumiFailedError, StateForeignError, opened
from tests.gpu_runners.state.test_check import EXEC_KUBECONFIG, recorded, resource

PULUMI = """#!/bin/sh
echo "$*" >>"$ASKED"
case "$*" in
"stack export"*) cat "$STATE" ;;
"config --json"*) cat "$CONFIG" ;;
*) echo '{}' ;;
esac
"""


class Scene:
    """A program whose state, config and calls are files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pulumi").write_text(PULUMI)
        (folder / "pulumi").chmod(0o755)
        self.write(recorded())
        (folder / "config").write_text("{}")
        self.program = self.opened()

    def opened(self) -> Program:
        variables = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            **{name: str(self.folder / name.lower()) for name in ("ASKED", "STATE", "CONFIG")},
        }
        file = self.folder / "Pulumi.review.yaml"
        return Program(folder=self.folder, stack="review", config_file=file, variables=variables)

    def write(self, state: Any) -> None:
        (self.folder / "state").write_text(json.dumps(state))

    @property
    def asked(self) -> list[str]:
        """The first words of each call."""
        lines = (self.folder / "asked").read_text().splitlines()
        return [line.partition(" --")[0] for line in lines]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Scene(tmp_path)


def poisoned() -> Any:
    document = recorded()
    resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
    return document


@pytest.mark.parametrize(
    "command",
    [
        ("refresh", "--preview-only", "--json"),
        ("preview", "--json"),
        ("up", "--yes"),
        ("destroy", "--yes"),
        ("refresh", "--exclude", "**", "--yes", "--skip-preview"),
        ("stack", "export", "--show-secrets"),
        ("config", "--json", "--show-secrets"),
        ("import", "--yes"),
        ("stack", "rm", "--yes"),
    ],
)
def test_nothing_runs_on_a_state_with_an_exec_plugin(scene: Scene, command: tuple[str, ...]) -> None:
    scene.write(poisoned())
    for _ in range(2):  # nor when it is tried again
        with pytest.raises(StateForeignError, match=r"inputs\.kubeconfig"):
            scene.program.run(*command)
    assert set(scene.asked) == {"stack export", "config"}


def test_what_only_reads_the_config_or_the_lock_runs_all_the_same(scene: Scene) -> None:
    scene.write(poisoned())
    for command in (("config", "--json"), ("cancel", "--yes"), ("stack", "export")):
        scene.program.run(*command)
    assert scene.asked == ["config", "cancel", "stack export"]


def test_a_state_of_ours_is_looked_at_once(scene: Scene) -> None:
    for _ in range(3):
        scene.program.run("refresh", "--preview-only")
    assert sorted(scene.asked[:2]) == ["config", "stack export"], "at the same time, and before anything else"
    assert scene.asked[2:] == ["refresh"] * 3


def test_a_state_that_cannot_be_read_is_no_state_of_ours(scene: Scene) -> None:
    (scene.folder / "state").unlink()
    with pytest.raises(PulumiFailedError):
        scene.program.run("up", "--yes")
    assert "up" not in scene.asked


def test_the_copy_for_another_stack_is_checked_anew(scene: Scene) -> None:
    scene.program.run("preview")
    with opened(scene.folder, "review", None) as other:
        assert not other._checked.is_set()


def test_what_the_stacks_own_config_gives_its_provider_passes(scene: Scene) -> None:
    document = recorded()
    resource(document, "providers:kubernetes")["inputs"]["context"] = "gpu"
    scene.write(document)
    with pytest.raises(StateForeignError):
        scene.opened().run("preview")
    (scene.folder / "config").write_text('{"kubernetes:context": {"value": "gpu", "secret": false}}')
    scene.opened().run("preview")
    assert scene.asked[-1] == "preview"


def test_the_key_service_is_read_from_the_stacks_file(scene: Scene) -> None:
    document = recorded()
    document["deployment"]["secrets_providers"] = {"type": "cloud", "state": {"url": "awskms://alias/x"}}
    scene.write(document)
    with pytest.raises(StateForeignError):
        scene.opened().run("preview")
    (scene.folder / "Pulumi.review.yaml").write_text("secretsprovider: awskms://alias/x\nconfig: {}\n")
    scene.opened().run("preview")
