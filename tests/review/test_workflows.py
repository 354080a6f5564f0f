"""The workflows of this repository: what they run exists, and a pull request gets no right that it must not have."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from review.__main__ import _parser, main

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = {name: REPOSITORY / f".github/workflows/{name}.yml" for name in ("preview", "deploy", "drift")}


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[name].read_text())["jobs"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in jobs(name).values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_of_a_workflow_is_understood(name: str) -> None:
    text = "\n".join(step.get("run", "") for step in steps(name))
    joined = re.sub(r"\\\n\s*|\n(?=--)", " ", text)
    commands = re.findall(r"python3 -m review ([^\n)|]+)", joined)
    assert commands
    for command in commands:
        words = shlex.split(command.split("$(")[0].replace("$PULL", "7"))
        assert _parser().parse_args(words).do


def test_a_pull_request_from_a_fork_gets_no_runner_and_no_secret() -> None:
    assert jobs("preview")["stacks"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert jobs("preview")["preview"]["needs"] == "stacks"
    assert "pull_request_target" not in WORKFLOWS["preview"].read_text()


@pytest.mark.parametrize("name", ["preview", "drift"])
def test_who_only_looks_runs_as_the_previewer_with_secrets_of_its_own(name: str) -> None:
    assert all(job["runs-on"] == ["preview"] for job in jobs(name).values())
    secrets = re.findall(r"secrets\.(\w+)", WORKFLOWS[name].read_text())
    assert secrets
    assert all(secret.startswith("PREVIEW_") for secret in secrets)


def test_a_deployment_waits_for_the_protected_environment() -> None:
    assert jobs("deploy")["deploy"]["environment"] == "production"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_that_a_pull_request_can_name_is_written_into_a_script(name: str) -> None:
    assert not [step["run"] for step in steps(name) if "${{" in step.get("run", "")]


def test_the_stacks_that_a_pull_request_may_preview_hold_no_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stacks", "--folder", str(REPOSITORY), "--without-platform"]) == 0
    assert json.loads(capsys.readouterr().out) == ["dev"]


def test_a_file_whose_name_is_no_stacks_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.a b$(x).yaml").write_text("config: {}")
    (tmp_path / "Pulumi.good.yaml").write_text("config: {}")
    assert main(["stacks", "--folder", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == ["good"]


def test_a_file_that_is_no_evidence_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence.json").write_text("[]")
    assert main(["render", str(tmp_path / "evidence.json")]) == 1
    assert "it must be what `python -m review collect` wrote" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code"), [("clean", 0), ("drifted", 2)])
def test_rendering_ends_with_the_verdicts_exit_code_and_fills_the_jobs_summary(
    name: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    recorded = str(Path(__file__).parent / "data" / f"{name}.json")
    assert main(["render", recorded, "--markdown", str(tmp_path / "text"), "--json", str(tmp_path / "json")]) == code
    assert (tmp_path / "summary").read_text() == (tmp_path / "text").read_text()
    assert json.loads((tmp_path / "json").read_text())["exit_code"] == code
