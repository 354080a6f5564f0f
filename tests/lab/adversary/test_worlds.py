"""What a deploy job holds, turned against the platform's state, and a state turned against whoever reads it.

The stacks are real, each in the bucket of its world; Pulumi and this program are the real ones.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpu_runners.exit_code import ExitCode
from lab import environment, paths, s3, worlds
from lab.example_data import EXAMPLE
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack
from lab.worlds import DATA, DEV, DEV_REVIEW, PLATFORM
from tests.lab.conftest import OWN_NAMESPACES, stack_file

SPACE = "gpu-runners-worlds"
PROVIDER = "pulumi:providers:kubernetes"
REFUSAL = "which this program did not make like that"
DEADLINE_SECONDS = 120


@dataclass(frozen=True)
class Scene:
    """A platform and an environment's stack, each in its own bucket, under one folder there."""

    platform: Stack
    dev: Stack
    place: str

    @property
    def platforms_backend(self) -> str:
        return s3.pulumi_backend(PLATFORM, self.place)


@pytest.fixture(scope="module")
def scene(
    lab: dict[str, str], make_repository: Callable[[str], Repository], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    assert SPACE.startswith(OWN_NAMESPACES), "a session that is cut off leaves nothing behind"
    make_repository("mlops/worlds")
    place = f"worlds-{secrets.token_hex(3)}"
    administrators = lab | {"PULUMI_BACKEND_URL": s3.pulumi_backend(PLATFORM, place)}
    deployers = environment.load(DEV) | {"PULUMI_BACKEND_URL": s3.pulumi_backend(DEV, place)}
    platform = Stack.make("platform", stack_file("worlds.yaml"), tmp_path_factory.mktemp("platform"), administrators)
    config = pools_config(pool("cuda", replicas=0)) | {"gpu-runners:namespace": SPACE}
    dev = Stack.make("dev", config, tmp_path_factory.mktemp("dev"), deployers)
    try:
        platform.up().succeeded()
        dev.up().succeeded()
        yield Scene(platform, dev, place)
    finally:
        dev.destroy().succeeded()
        platform.destroy().succeeded()


def run(command: list[str], variables: Mapping[str, str], folder: Path, text: str | None = None) -> Outcome:
    done = subprocess.run(
        command, cwd=folder, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        input=text or "", check=False, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, 0)


def exported(stack: Stack, *flags: str) -> dict[str, Any]:
    """A stack's state, as whoever may read it gets it."""
    command = ["pulumi", "stack", "export", "--stack", stack.name, "--non-interactive", *flags]
    document: dict[str, Any] = json.loads(run(command, stack.environment, stack.folder).succeeded().output)
    return document


def everything(document: dict[str, Any]) -> str:
    """A state as text, with what is in base64 in it: the data of a Secret."""
    text = json.dumps(document)
    # A path looks like it as well, at a length that base64 has not: the last letter is left out then.
    encoded = [part[:-1] if len(part) % 4 == 1 else part for part in re.findall(r"[A-Za-z0-9+/]{16,}", text)]
    return "\n".join([text, *(base64.b64decode(part + "==").decode(errors="replace") for part in encoded)])


# The platform's credential.


def test_a_deploy_jobs_key_and_passphrase_do_not_export_the_platforms_state(scene: Scene, tmp_path: Path) -> None:
    stolen = {**scene.dev.environment, "PULUMI_BACKEND_URL": scene.platforms_backend}
    (tmp_path / "Pulumi.yaml").write_text((paths.REPOSITORY / "Pulumi.yaml").read_text())
    for command in (
        ["export", "--show-secrets", "--stack", "platform"],
        ["ls"],
        ["rm", "--yes", "--stack", "platform"],
    ):
        refused = run(["pulumi", "stack", *command, "--non-interactive"], stolen, tmp_path)
        assert refused.code != 0
        assert "AccessDenied" in refused.output, refused.output


def test_the_platforms_state_file_in_hand_is_not_opened_by_an_environments_passphrase(
    scene: Scene, tmp_path: Path
) -> None:
    token = scene.platform.environment["FORGE_TOKEN"]
    assert token in everything(exported(scene.platform, "--show-secrets")), "who has the passphrase opens it"
    state = json.dumps(exported(scene.platform))
    assert token not in everything(json.loads(state))
    (tmp_path / "Pulumi.yaml").write_text((paths.REPOSITORY / "Pulumi.yaml").read_text())
    (tmp_path / "state").mkdir()
    thiefs = {**scene.dev.environment, "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}"}
    run(["pulumi", "stack", "init", "platform", "--no-select", "--non-interactive"], thiefs, tmp_path).succeeded()
    # Pulumi opens what it takes in: it ends here, and the thief's stack stays empty.
    opened = run(["pulumi", "stack", "import", "--stack", "platform", "--non-interactive"], thiefs, tmp_path, state)
    assert opened.code != 0
    assert "incorrect passphrase" in opened.output
    kept = run(["pulumi", "stack", "export", "--show-secrets", "--stack", "platform"], thiefs, tmp_path).succeeded()
    assert token not in everything(json.loads(kept.output)) + opened.output


def test_every_world_has_a_key_and_every_state_a_passphrase_of_its_own(lab: dict[str, str]) -> None:
    given = [environment.load(world) for world in worlds.ALL]
    assert len({variables["AWS_SECRET_ACCESS_KEY"] for variables in given}) == len(worlds.ALL)
    assert worlds.passphrase(PLATFORM) != worlds.passphrase(DEV) == worlds.passphrase(DEV_REVIEW)
    mine, theirs = environment.load(DATA), environment.load(DEV)
    assert not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_BACKEND_URL", "KUBECONFIG", "FORGE_TOKEN"} & set(mine)
    assert "FORGE_TOKEN" not in theirs


def test_who_only_looks_previews_and_cannot_bring_up(scene: Scene) -> None:
    looking = environment.load(DEV_REVIEW) | {"PULUMI_BACKEND_URL": scene.dev.environment["PULUMI_BACKEND_URL"]}
    previewer = replace(scene.dev, environment=looking)
    previewer.preview().succeeded()
    brought_up = previewer.up()
    assert brought_up.code != 0
    assert "AccessDenied" in brought_up.output, brought_up.output


def test_the_doctor_sees_that_these_worlds_are_apart(scene: Scene) -> None:
    command = [sys.executable, "-m", "gpu_runners", "doctor", "dev", "--platform-backend", scene.platforms_backend]
    said = run([*command, "--config-file", str(scene.dev.config_file)], scene.dev.environment, paths.REPOSITORY).output
    lines = [line for line in said.splitlines() if " worlds: " in line]
    assert [line.split()[0] for line in lines] == ["ok", "ok"], said
    assert "refuses this stack's credentials" in lines[0]


# The state as a weapon.


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "the-plugin-ran"


@pytest.fixture
def poisoned(scene: Scene, witness: Path) -> Iterator[Scene]:
    """In the state of `dev` is a provider whose kubeconfig runs a command."""
    before = json.dumps(exported(scene.dev))
    document = json.loads(before)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(witness)],
        "interactiveMode": "Never",
    }  # fmt: skip
    kubeconfig = yaml.safe_load(paths.KUBECONFIG.read_text())
    kubeconfig["users"][0]["user"] = {"exec": command}
    providers = [entry for entry in document["deployment"]["resources"] if entry["type"] == PROVIDER]
    for provider, half in ((provider, half) for provider in providers for half in ("inputs", "outputs")):
        provider.setdefault(half, {})["kubeconfig"] = json.dumps(kubeconfig)
    assert providers
    load(scene.dev, json.dumps(document))
    yield scene
    load(scene.dev, before)


def load(stack: Stack, text: str) -> None:
    """Writes a state, as whoever may write to its bucket."""
    command = ["pulumi", "stack", "import", "--force", "--stack", stack.name, "--non-interactive"]
    run(command, stack.environment, stack.folder, text).succeeded()


def test_the_attack_works_on_whoever_does_not_look_first(poisoned: Scene, witness: Path) -> None:
    poisoned.dev.refresh()
    assert witness.exists()


@pytest.mark.parametrize(
    "command",
    [
        ["review", "dev"], ["collect", "dev", "--drift-only", "--to", "evidence.json"], ["repair", "dev", "--yes"],
        ["unlock", "dev", "--yes"], ["state", "dev"], ["review", "dev", "--drift-only"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_command_stops_at_a_state_that_somebody_else_wrote_into(
    poisoned: Scene, witness: Path, tmp_path: Path, command: list[str]
) -> None:
    arguments = [str(tmp_path / word) if word.endswith(".json") else word for word in command]
    config = ["--config-file", str(poisoned.dev.config_file)] if command[0] != "unlock" else []
    whole = [sys.executable, "-m", "gpu_runners", *arguments, *config]
    stopped = run(whole, poisoned.dev.environment, paths.REPOSITORY)
    assert stopped.code in (ExitCode.FOUND, ExitCode.FAILED), stopped.output
    assert stopped.output.count(REFUSAL) == 1, stopped.output
    assert not witness.exists()


def script(file: Path, job: str, *, called: str) -> str:
    """The lines of a workflow's step."""
    (step,) = [
        step
        for step in yaml.safe_load(file.read_text())["jobs"][job]["steps"]
        if re.search(called, step.get("run", ""))
    ]
    return str(step["run"])


WORKFLOWS = {
    "deploy of GitHub": (paths.REPOSITORY / ".github/workflows/deploy.yml", "deploy"),
    "deploy of Gitea": (paths.REPOSITORY / ".gitea/workflows/deploy.yml", "deploy"),
    "the example's deploy": (EXAMPLE / ".github/workflows/train.yml", "deploy"),
    "the example's release": (EXAMPLE / ".github/workflows/train.yml", "release"),
}


def checkout(folder: Path, stack_text: str) -> Path:
    """The program as a job has it, with the stack file of `dev`."""
    for entry in paths.REPOSITORY.iterdir():
        if not entry.name.startswith((".", "Pulumi.")):
            (folder / entry.name).symlink_to(entry)
    (folder / "Pulumi.yaml").write_text((paths.REPOSITORY / "Pulumi.yaml").read_text())
    (folder / "Pulumi.dev.yaml").write_text(stack_text)
    return folder


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflows_up_stops_at_a_state_that_somebody_else_wrote_into(
    poisoned: Scene, witness: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = checkout(tmp_path_factory.mktemp("checkout"), poisoned.dev.config_file.read_text())
    lines = script(*WORKFLOWS[name], called="pulumi up")
    stopped = run(["bash", "-e", "-c", lines], {**poisoned.dev.environment, "STACK": "dev"}, folder)
    assert stopped.code != 0
    assert stopped.output.count(REFUSAL) == 1, stopped.output
    assert "Updating" not in stopped.output
    assert not witness.exists()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_brings_up_no_platform_and_says_so_in_one_sentence(
    scene: Scene, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    text = {**yaml.safe_load(scene.dev.config_file.read_text()), "config": stack_file("small.yaml")}
    folder = checkout(tmp_path_factory.mktemp("checkout"), yaml.safe_dump(text))
    lines = script(*WORKFLOWS[name], called="pulumi up")
    stopped = run(["bash", "-e", "-c", lines], {**scene.dev.environment, "STACK": "dev"}, folder)
    assert stopped.code != 0
    assert stopped.output.count("dev declares a platform: only an administrator brings that up, never a job") == 1
    assert "Updating" not in stopped.output


def test_the_workflows_own_up_works_on_a_state_as_it_should_be(
    scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = checkout(tmp_path_factory.mktemp("checkout"), scene.dev.config_file.read_text())
    lines = script(*WORKFLOWS["the example's deploy"], called="pulumi up")
    run(["bash", "-e", "-c", lines], {**os.environ, **scene.dev.environment, "STACK": "dev"}, folder).succeeded()
