"""No command of Pulumi's acts on a state that somebody else wrote into; a stand-in for `pulumi` records the calls."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.pulumi_command import Program, PulumiFailedError, StackUnknownError, StateForeignError, opened
from tests.gpu_runners.state.test_check import EXEC_KUBECONFIG, recorded, resource

# As for the real one, PULUMI_BACKEND_URL names the backend, and a folder's checkpoint is what a command acts on.
PULUMI = """#!/bin/sh
echo "$*" >>"$ASKED"
case "$*" in
*--show-secrets*) ;;
"stack export"*) cat "$STATE"; [ ! -e "$SWAPPED" ] || cp "$SWAPPED" "$STATE"; exit ;;
"config --json"*) cat "$CONFIG"; exit ;;
"whoami"*) echo "{\\"url\\": \\"$PULUMI_BACKEND_URL\\"}"; exit ;;
esac
case $PULUMI_BACKEND_URL in
file://*)
  cat "${PULUMI_BACKEND_URL#file://}"/.pulumi/stacks/gpu-runners/*.json >"$SEEN"
  stat -c %a "${PULUMI_BACKEND_URL#file://}" >"$MODE"
  cat "${PULUMI_BACKEND_URL#file://}/.pulumi/meta.yaml" >"$META"
  ;;
*) cat "$STATE" >"$SEEN" ;;
esac
echo "$PULUMI_BACKEND_URL" >"$BACKEND"
echo '{}'
"""
FILES = ("ASKED", "STATE", "CONFIG", "SWAPPED", "SEEN", "MODE", "META", "BACKEND")
BUCKET = "s3://states"


class Scene:
    """A program whose state, config and calls are files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pulumi").write_text(PULUMI)
        (folder / "pulumi").chmod(0o755)
        self.write(recorded())
        (folder / "config").write_text("{}")
        self.program = self.opened()

    def opened(self, stack: str = "review", backend: str = BUCKET) -> Program:
        variables = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": backend,
            **{name: str(self.folder / name.lower()) for name in FILES},
        }
        file = self.folder / "Pulumi.review.yaml"
        return Program(folder=self.folder, stack=stack, config_file=file, variables=variables)

    def write(self, state: Any) -> None:
        (self.folder / "state").write_text(json.dumps(state))

    def swap(self, state: Any) -> None:
        """What the bucket holds as soon as somebody has exported what it held."""
        (self.folder / "swapped").write_text(json.dumps(state))

    def file(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    @property
    def seen(self) -> Any:
        """The state that the last command acted on, in the form of an export."""
        document = json.loads(self.file("seen"))
        checkpoint = document.pop("checkpoint", None)
        return {**document, "deployment": checkpoint["latest"]} if checkpoint else document

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


def test_whoever_lacks_the_stacks_file_is_told_so_first_and_let_through_no_more(scene: Scene) -> None:
    scene.write(poisoned())
    with pytest.raises(StateForeignError) as refused:
        scene.program.run("preview")
    assert "  Pulumi.review.yaml: not found, and it says what the state may hold;" in str(refused.value).splitlines()[1]
    scene.program.config_file.write_text("config: {}\n")
    with pytest.raises(StateForeignError) as refused:
        scene.program.run("preview")
    assert "not found" not in str(refused.value)


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
        assert other._checked.document is None


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


LOOKS = [
    ("preview", "--json", "--save-plan", "plan.json"),
    ("refresh", "--preview-only", "--json"),
    ("stack", "export", "--show-secrets"),
]


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_a_state_that_is_swapped_after_the_check_reaches_no_command_that_looks(
    scene: Scene, command: tuple[str, ...]
) -> None:
    scene.swap(poisoned())
    for _ in range(2):
        scene.program.run(*command)
        assert scene.seen == recorded()
    assert json.loads(scene.file("state")) == poisoned(), "the bucket held another one by then"
    exports = [line for line in scene.file("asked").splitlines() if line.startswith("stack export --stack")]
    assert len(exports) == 1, "nor does the copy cost another look at the bucket"


def test_nor_does_one_that_is_swapped_while_several_look(scene: Scene) -> None:
    scene.program.export()
    scene.write(poisoned())
    with ThreadPoolExecutor(len(LOOKS)) as pool:
        for answer in [pool.submit(scene.program.run, *command) for command in LOOKS]:
            assert answer.result().code == 0
    assert scene.seen == recorded()


def test_a_key_that_is_there_twice_is_what_the_check_took_it_for(scene: Scene) -> None:
    text = json.dumps(recorded())
    twice = text.replace('"resources": [', '"resources": [{"type": "command:local:Command"}], "resources": [', 1)
    assert twice != text
    (scene.folder / "state").write_text(twice)
    scene.program.run("preview")
    assert "command:local" not in scene.file("seen")


def test_the_copy_is_for_this_user_alone_and_gone_afterwards(scene: Scene) -> None:
    scene.program.run("preview")
    url = scene.file("backend")
    assert url.startswith("file:///")
    assert (scene.file("mode"), scene.file("meta")) == ("700", "version: 1")
    assert not Path(url.removeprefix("file://")).exists()


def test_a_copy_that_pulumi_does_not_find_is_not_taken_for_a_new_stack(scene: Scene) -> None:
    script = PULUMI.replace("echo '{}'", "echo \"error: no stack named 'review' found\" >&2; exit 6")
    (scene.folder / "pulumi").write_text(script)
    with pytest.raises(PulumiFailedError, match="does not find the copy") as caught:
        scene.program.run("preview")
    assert not isinstance(caught.value, StackUnknownError)


@pytest.mark.parametrize("deployment", [None, {}])
def test_a_stack_that_was_never_brought_up_is_copied_as_well(scene: Scene, deployment: object) -> None:
    scene.write({"version": 3, "deployment": deployment})
    scene.program.run("preview")
    assert scene.seen == {"version": 3, "deployment": deployment}
    assert scene.file("backend").startswith("file://")


def test_what_a_newer_state_needs_is_copied_with_it(scene: Scene) -> None:
    newer = {**recorded(), "version": 4, "features": ["refreshBeforeUpdate"]}
    scene.write(newer)
    scene.program.run("preview")
    assert scene.seen == newer


def test_a_key_service_opens_the_copy_as_it_opens_the_state(scene: Scene) -> None:
    document = recorded()
    provider = {"type": "cloud", "state": {"url": "awskms://alias/x", "encryptedkey": "QUJD"}}
    document["deployment"]["secrets_providers"] = provider
    scene.write(document)
    (scene.folder / "Pulumi.review.yaml").write_text("secretsprovider: awskms://alias/x\nencryptedkey: QUJD\n")
    scene.program.run("preview", with_config=True)
    assert scene.seen == document
    assert f"--config-file {scene.folder / 'Pulumi.review.yaml'}" in scene.file("asked").splitlines()[-1]


def test_a_copy_knows_no_organization(scene: Scene) -> None:
    scene.opened(stack="acme/gpu-runners/review").run("preview")
    assert "--stack review" in scene.file("asked").splitlines()[-1]
    assert json.loads(scene.file("seen"))["checkpoint"]["stack"] == "organization/gpu-runners/review"


def sealed_by_pulumi_cloud() -> Any:
    document = recorded()
    provider = {"type": "service", "state": {"url": "https://api.pulumi.com"}}
    document["deployment"]["secrets_providers"] = provider
    return document


def test_pulumi_cloud_alone_opens_what_it_sealed_so_it_is_looked_at_there(scene: Scene) -> None:
    scene.write(sealed_by_pulumi_cloud())
    scene.opened(backend="https://api.pulumi.com").run("preview")
    assert scene.file("backend") == "https://api.pulumi.com"


def test_a_state_in_a_bucket_cannot_say_that_it_is_in_pulumi_cloud(scene: Scene) -> None:
    scene.write(sealed_by_pulumi_cloud())
    scene.swap(poisoned())
    scene.program.run("preview")
    assert scene.seen == sealed_by_pulumi_cloud()


@pytest.mark.parametrize("command", [("up", "--yes"), ("refresh", "--yes"), ("destroy", "--yes")], ids=" ".join)
def test_what_acts_goes_to_the_backend(scene: Scene, command: tuple[str, ...]) -> None:
    scene.program.run(*command)
    assert scene.file("backend") == BUCKET
