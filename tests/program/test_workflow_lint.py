"""The workflows that a user copies hold against the linters of the field, and run at the lab's forge as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab import build, example_data, paths, repositories

WORKFLOWS = sorted((example_data.EXAMPLE / ".github/workflows").glob("*.yml"))
OURS = sorted(paths.REPOSITORY.glob(".git*/workflows/*.yml"))
OF_GITHUB_ALONE = ("actions/upload-artifact", "actions/download-artifact")  # the lab runs Gitea's set, without them
PINNED = re.compile(r"uses: (?P<action>[\w-]+/[\w-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")


def linted(*command: str | Path) -> str:
    """What a linter says; empty when it is content."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=example_data.EXAMPLE,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_actionlint_finds_nothing() -> None:
    build.build_all(print, ("actionlint",))
    for folder, workflows in ((example_data.EXAMPLE, WORKFLOWS), (paths.REPOSITORY, OURS)):
        options = ("-config-file", folder / ".github/actionlint.yaml", "-shellcheck=", "-pyflakes=")
        assert linted(paths.BIN / "actionlint", *options, *workflows) == ""


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    assert linted(zizmor, "--offline", "--no-progress", "--quiet", *WORKFLOWS) == ""


def test_zizmors_auditor_finds_nothing_in_our_own_but_what_its_config_gives_a_reason_for() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    config = paths.REPOSITORY / ".github/zizmor.yml"
    options = ("--offline", "--no-progress", "--quiet", "--persona", "auditor", "--config", config)
    assert linted(zizmor, *options, *OURS) == ""
    rules = yaml.safe_load(config.read_text())["rules"]
    assert rules.keys() == {"dangerous-triggers", "self-hosted-runner"}
    assert rules["dangerous-triggers"]["ignore"] == ["preview.yml"]


@pytest.mark.parametrize("workflow", [*WORKFLOWS, *OURS], ids=lambda file: f"{file.parts[-3]}-{file.name}")
def test_every_action_is_pinned_by_a_commit_that_the_lab_has_too(workflow: Path) -> None:
    served = {source.repository: source.tags for source in repositories.SOURCES}
    used = [line.strip() for line in workflow.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        match = PINNED.search(line)
        assert match, f"{line}: pin it as OWNER/NAME@COMMIT # vX.Y.Z"
        if workflow.parts[-3] == ".github" and workflow in OURS and match["action"] in OF_GITHUB_ALONE:
            continue
        assert match["commit"] in served[match["action"]], f"{line}: lab/repositories.py has no such tag"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_read_and_no_more_and_is_never_cancelled(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    granted = [document["permissions"], *(job.get("permissions", {}) for job in document["jobs"].values())]
    assert all(level in ("read", "none") for permissions in granted for level in permissions.values())
    assert document["concurrency"]["cancel-in-progress"] is False
