"""A job's workspace in a pod at GitHub: the pod's own mounts, made as the kubelet makes them, and GitHub's own glob."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.runner_volumes import GITHUB_WORK_DIRECTORY, runner_mounts
from lab import paths

GLOB = Path(__file__).with_name("actions_glob")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The package that actions use, by npm and as its lock says, once."""
    folder = paths.CACHE / "actions-glob-0.5.0"
    if not (folder / "node_modules/.package-lock.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(GLOB / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"npm could not install what {GLOB} locks: {done.stderr[-500:]}"
    return folder / "node_modules"


def in_the_pod(root: Path, command: str, **variables: str) -> str:
    """Standard output of a shell in a process that sees the pod's volumes below root, mounted as its spec says."""
    mounts: list[Any] = list(runner_mounts(job_credentials=False, of_github=True))
    lines = ["set -e"]
    for mount in mounts:
        source, target = root / "volumes" / mount["name"] / mount.get("sub_path", ""), f"{root}{mount['mount_path']}"
        lines.append(f"mkdir -p '{source}' '{target}' && mount --bind '{source}' '{target}'")
    script = "\n".join([*lines, command])
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c", script],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_below_the_workspace_are_found_by_githubs_own_glob(tmp_path: Path, node_modules: Path) -> None:
    workspace = f"{tmp_path}{GITHUB_WORK_DIRECTORY}/guide/guide"
    command = f"""
        mkdir -p {workspace} && cd {workspace} && echo dvc > requirements.txt
        node {GLOB}/hash_files.js '**/requirements.txt'
        """
    output = in_the_pod(tmp_path, command, GITHUB_WORKSPACE=workspace, NODE_PATH=str(node_modules))
    assert "is not under GITHUB_WORKSPACE" not in output
    assert "Found 1 files to hash" in output


def test_a_process_in_the_workspace_is_where_github_says_that_it_is(tmp_path: Path) -> None:
    workspace = f"{tmp_path}{GITHUB_WORK_DIRECTORY}/guide/guide"
    assert in_the_pod(tmp_path, f"mkdir -p {workspace} && cd {workspace} && pwd -P").strip() == workspace


def test_the_workspace_is_on_the_volume_that_is_sized_for_jobs(tmp_path: Path) -> None:
    workspace = f"{tmp_path}{GITHUB_WORK_DIRECTORY}/guide"
    in_the_pod(tmp_path, f"mkdir -p {workspace} && echo x > {workspace}/model")
    assert (tmp_path / "volumes/work/jobs/guide/model").read_text() == "x\n"
