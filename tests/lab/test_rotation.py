"""The steps of docs/state.md for whoever had one bucket, key and passphrase for all, as they are written there."""

import json
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpu_runners.state.allow_list import SECRET
from lab import environment, paths, s3, worlds
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.worlds import DEV, PLATFORM
from tests.lab.adversary.test_worlds import SPACE, checkout, exported, run
from tests.lab.conftest import stack_file

PAGE = (paths.REPOSITORY / "docs/state.md").read_text()
FORMER_PASSPHRASE = "one for all"
WORLDS = {"platform": PLATFORM, "dev": DEV}


def steps() -> str:
    """The block of the page, as a person pastes it."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.partition("## Apart again")[2], re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def former(
    lab: dict[str, str], make_repository: Callable[[str], Repository], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Stack]]:
    """Both stacks in one backend under one passphrase, up."""
    make_repository("mlops/worlds")
    backend = f"file://{tmp_path_factory.mktemp('former')}"
    variables = lab | {"PULUMI_BACKEND_URL": backend, "PULUMI_CONFIG_PASSPHRASE": FORMER_PASSPHRASE}
    pools = pools_config(pool("cuda", replicas=0)) | {"gpu-runners:namespace": SPACE}
    configs = {"platform": stack_file("worlds.yaml"), "dev": pools}
    stacks = {
        name: Stack.make(name, config, tmp_path_factory.mktemp(name), variables) for name, config in configs.items()
    }
    try:
        for stack in stacks.values():
            stack.up().succeeded()
        yield stacks
    finally:
        for stack in reversed(stacks.values()):
            stack.destroy().succeeded()


@pytest.mark.parametrize("name", WORLDS)
def test_a_stack_moves_into_its_own_world_and_the_former_passphrase_opens_it_no_more(
    former: dict[str, Stack], tmp_path: Path, name: str
) -> None:
    world, stack = WORLDS[name], former[name]
    folder = checkout(tmp_path, "")
    (folder / "Pulumi.dev.yaml").unlink()
    file = folder / f"Pulumi.{name}.yaml"
    file.write_text(stack.config_file.read_text())
    place = f"rotated-{secrets.token_hex(3)}"
    own = {
        "STACK": name,
        "OWN_BACKEND": s3.pulumi_backend(world, place),
        "OWN_ACCESS_KEY_ID": worlds.key(world).access,
        "OWN_SECRET_ACCESS_KEY": worlds.key(world).secret,
        "OWN_PASSPHRASE": worlds.passphrase(world),
    }
    moved = run(["bash", "-e", "-c", steps()], {**stack.environment, **own}, folder).succeeded()
    assert "Import complete" in moved.output
    assert not (folder / "state.json").exists()
    there = environment.load(world) | {"PULUMI_BACKEND_URL": own["OWN_BACKEND"]}
    rotated = Stack(name, folder, there)
    assert {entry["urn"] for entry in exported(rotated)["deployment"]["resources"]} == {
        entry["urn"] for entry in exported(stack)["deployment"]["resources"]
    }
    assert (SECRET in json.dumps(exported(rotated))) == (name == "platform")
    exported(rotated, "--show-secrets")
    former_passphrase = {**there, "PULUMI_CONFIG_PASSPHRASE": FORMER_PASSPHRASE}
    shown = subprocess.run(
        ["pulumi", "stack", "export", "--show-secrets", "--stack", name], cwd=folder, env=former_passphrase,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if name == "platform":  # an environment's state holds nothing that a passphrase would have to open
        assert shown.returncode != 0
        assert "incorrect passphrase" in shown.stderr
