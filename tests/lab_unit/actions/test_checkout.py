"""The lab's checkout action, run for real by sh and git against repositories in a folder."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import paths

ACTION = yaml.safe_load((paths.REPOSITORY / "lab/actions/checkout/action.yml").read_text())
SCRIPT = ACTION["runs"]["steps"][0]["run"]
IDENTITY = {f"GIT_{role}_{key}": "lab" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Two repositories with two commits each; the first commit has the tag v1."""
    for name in ("mlops/guide", "mlops/infra"):
        folder = tmp_path / "server" / name
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch", "main")
        for key in ("allowAnySHA1InWant", "allowFilter"):  # as Gitea has it
            git(folder, "config", f"uploadpack.{key}", "true")
        for part in ("needed/deep", "other"):
            (folder / part).mkdir(parents=True)
        for number in ("one", "two"):
            for file in ("file", "needed/deep/file", "other/file"):
                (folder / file).write_text(f"{name} {number}{file.removesuffix('file')}")
            git(folder, "add", "--all")
            git(folder, "commit", "--quiet", "--message", number)
            git(folder, "tag", f"v-{number}")
    return tmp_path / "server"


def check_out(server: Path, *, event_commit: str = "v-two", **inputs: str) -> Path:
    """Runs the action as the runner would, with the defaults of its inputs; returns the workspace."""
    workspace = server.parent / "workspace"
    workspace.mkdir(exist_ok=True)
    values = {"repository": "mlops/guide", "ref": "", "path": ".", "token": "t0ken", "fetch-depth": "1"} | inputs
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(server.parent), "GITHUB_OUTPUT": str(server.parent / "output"),
        "REPOSITORY": values["repository"], "REF": values["ref"], "FOLDER": values["path"], "TOKEN": values["token"],
        "DEPTH": values["fetch-depth"], "FOLDERS": values.get("sparse-checkout", ""),
        "SERVER": f"file://{server}", "OWN_REPOSITORY": "mlops/guide",
        "OWN_COMMIT": git(server / "mlops/guide", "rev-parse", event_commit), "OWN_REF": "refs/heads/main",
        "WORKSPACE": str(workspace),
    }  # fmt: skip
    subprocess.run(["sh", "-c", SCRIPT], check=True, env=environment, capture_output=True, timeout=60)
    return workspace


def test_the_script_is_given_every_input_that_the_action_declares() -> None:
    given = str(ACTION["runs"]["steps"][0]["env"])
    assert all(f"inputs.{name} }}}}" in given for name in ACTION["inputs"])


def test_without_inputs_it_is_the_commit_of_the_event_on_its_branch(server: Path) -> None:
    workspace = check_out(server, event_commit="v-one")
    assert (workspace / "file").read_text() == "mlops/guide one"
    assert git(workspace, "branch", "--show-current") == "main"


def test_another_repository_comes_from_its_default_branch_into_its_folder(server: Path) -> None:
    workspace = check_out(server, repository="mlops/infra", path="infra")
    assert (workspace / "infra/file").read_text() == "mlops/infra two"


def test_a_tag_can_be_asked_for(server: Path) -> None:
    assert (check_out(server, ref="v-one") / "file").read_text() == "mlops/guide one"


def test_the_history_is_shallow_unless_all_of_it_is_wanted(server: Path) -> None:
    assert git(check_out(server), "rev-list", "--count", "HEAD") == "1"
    assert git(check_out(server, repository="mlops/infra", path="all", **{"fetch-depth": "0"}) / "all",
               "rev-list", "--count", "HEAD") == "2"  # fmt: skip


def test_of_the_folders_that_are_named_and_the_top_alone_files_are_fetched(server: Path) -> None:
    for folders in ("needed\n", "needed\nother\n"):
        infra = check_out(server, repository="mlops/infra", path="infra", **{"sparse-checkout": folders}) / "infra"
        assert (infra / "file").read_text() == "mlops/infra two"
        assert (infra / "needed/deep/file").read_text() == "mlops/infra twoneeded/deep/"
        assert (infra / "other").exists() == ("other" in folders)
        missing = git(infra, "rev-list", "--objects", "--missing=print", "HEAD").count("?")
        assert missing == ("other" not in folders)


def test_a_second_checkout_into_the_same_folder_moves_it(server: Path) -> None:
    check_out(server, event_commit="v-one")
    assert (check_out(server, event_commit="v-two") / "file").read_text() == "mlops/guide two"


def test_the_token_stays_out_of_the_checkout(server: Path) -> None:
    config = (check_out(server) / ".git/config").read_text()
    assert "t0ken" not in config
    assert "Authorization" not in config


def test_the_commit_is_an_output(server: Path) -> None:
    check_out(server)
    commit = git(server / "mlops/guide", "rev-parse", "HEAD")
    assert (server.parent / "output").read_text() == f"commit={commit}\n"
