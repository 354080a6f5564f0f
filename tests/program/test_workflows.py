"""The workflows of this repository: what they run exists, and a pull request gets no right that it must not have."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main, parse
from tests.gpu_runners.review.core.recorded import DATA

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("preview", "deploy", "drift")
FORGES = ("github", "gitea")
BOTH = pytest.mark.parametrize("forge", FORGES)
FINDS = "stacks"  # the job that finds the stacks
LISTED = "every stack has its place in the matrix"


def text(forge: str, name: str) -> str:
    return (REPOSITORY / f".{forge}/workflows/{name}.yml").read_text()


def workflow(forge: str, name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text(forge, name))
    return document


def jobs(forge: str, name: str) -> dict[str, Any]:
    declared: dict[str, Any] = workflow(forge, name)["jobs"]
    return declared


def steps(forge: str, name: str) -> list[dict[str, Any]]:
    return [step for job in jobs(forge, name).values() for step in job["steps"]]


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_a_workflow_is_understood(forge: str, name: str) -> None:
    script = "\n".join(step.get("run", "") for step in steps(forge, name))
    joined = re.sub(r"\\\n\s*|\n(?=--)", " ", script)
    commands = re.findall(r"python3 -m gpu_runners ([^\n)|]+)", joined)
    assert commands
    for command in commands:
        words = shlex.split(command)
        values = {
            "$PULL": "7",
            "$STACK": "dev",
            "$GITHUB_REPOSITORY": "mlops/guide",
            "$EVIDENCE": str(DATA / "clean.json"),
            "$POLICY_PACK": "",
        }
        assert parse([values.get(word, word.replace("$POLICY_PACK_CONFIG", "")) for word in words])


@BOTH
def test_a_pull_request_from_a_fork_is_not_previewed(forge: str) -> None:
    first = jobs(forge, "preview")[FINDS if forge == "github" else "preview"]
    assert first["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert "pull_request_target" not in text(forge, "preview")


@BOTH
@pytest.mark.parametrize("name", ["preview", "drift"])
def test_who_only_looks_runs_as_the_previewer_with_secrets_of_its_own(forge: str, name: str) -> None:
    assert all(job["runs-on"] == ["preview"] for job in jobs(forge, name).values())
    secrets = re.findall(r"secrets\.(\w+)", text(forge, name))
    assert secrets
    assert all(secret.startswith("PREVIEW_") for secret in secrets)


@BOTH
def test_a_deployment_waits_for_the_protected_environment(forge: str) -> None:
    assert jobs(forge, "deploy")["deploy"]["environment"] == "production"


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_pull_request_can_name_is_written_into_a_script(forge: str, name: str) -> None:
    assert not [step["run"] for step in steps(forge, name) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("name", NAMES)
def test_both_forges_do_the_same_once_the_stacks_are_known(name: str) -> None:
    at_github, at_gitea = workflow("github", name), workflow("gitea", name)
    found, listed = at_github["jobs"].pop(FINDS), at_gitea.pop("env")["STACKS"].split()
    one, other = at_github["jobs"][name], at_gitea["jobs"][name]
    assert one["strategy"].pop("matrix") == {"stack": "${{ fromJSON(needs.stacks.outputs.stacks) }}"}
    assert other["strategy"].pop("matrix") == {"stack": listed}
    assert one.pop("needs") == FINDS
    assert one.pop("if") == "needs.stacks.outputs.stacks != '[]'"
    assert other.pop("if", None) == found.get("if")
    other["steps"] = [step for step in other["steps"] if step.get("name") != LISTED]
    assert at_gitea == at_github


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_without_a_place_in_giteas_matrix_is_noticed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (step,) = [step for step in steps("gitea", name) if step.get("name") == LISTED]
    arguments = shlex.split(step["run"].replace("$STACKS", workflow("gitea", name)["env"]["STACKS"]))[3:]
    assert arguments[0] == "stacks"
    assert main(arguments) == 0
    assert main([*arguments[:-1], "other"]) == 1
    assert "Pulumi.dev.yaml is there and dev is not listed; other is listed" in capsys.readouterr().err


def test_the_stacks_that_a_pull_request_may_preview_hold_no_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stacks", "--folder", str(REPOSITORY), "--without-platform"]) == 0
    assert json.loads(capsys.readouterr().out) == ["dev"]


def test_a_file_whose_name_is_no_stacks_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    (tmp_path / "Pulumi.a b$(x).yaml").write_text("config: {}")
    (tmp_path / "Pulumi.-x.yaml").write_text("config: {}")
    (tmp_path / "Pulumi.good.yaml").write_text("config: {}")
    (tmp_path / "Pulumi.with.periods.yaml").write_text("config: {}")
    assert main(["stacks", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == ["good", "with.periods"]
    assert [line.split(",")[0] for line in printed.err.splitlines()] == [
        "left out: 'Pulumi.-x.yaml'",
        "left out: 'Pulumi.a b$(x).yaml'",
    ]


@pytest.mark.parametrize("text", ["config: [", "- a\n", "config: [a]\n", "config: \udcff"])
def test_a_stack_file_that_cannot_be_read_is_not_left_out_in_silence(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    (tmp_path / "Pulumi.dev.yaml").write_bytes(text.encode(errors="surrogateescape"))
    assert main(["stacks", "--folder", str(tmp_path)]) == ExitCode.FAILED
    assert "Pulumi.dev.yaml: no stack file" in capsys.readouterr().err


def test_no_stack_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    assert main(["stacks", "--folder", str(tmp_path)]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert (printed.out, "no stack file (Pulumi.STACK.yaml)" in printed.err) == ("[]\n", True)


def test_stacks_that_cannot_be_found_end_the_workflow_before_its_matrix_is_empty() -> None:
    for name in NAMES:
        (step,) = [step for step in steps("github", name) if step.get("id") == "find"]
        lines = step["run"].splitlines()  # bash -e does not see what fails within another command's words
        assert [line.split("=")[0] for line in lines] == ["stacks", 'echo "stacks']


def test_a_file_that_is_no_evidence_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence.json").write_text("[]")
    assert main(["render", str(tmp_path / "evidence.json")]) == 1
    assert "it must be what `gpu-runners collect` wrote" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code"), [("clean", ExitCode.DONE), ("drifted", ExitCode.FOUND)])
def test_rendering_ends_with_the_verdicts_exit_code_and_fills_the_jobs_summary(
    name: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    recorded = str(DATA / f"{name}.json")
    assert main(["render", recorded, "--markdown", str(tmp_path / "text"), "--json", str(tmp_path / "json")]) == code
    assert (tmp_path / "summary").read_text() == (tmp_path / "text").read_text()
    assert json.loads((tmp_path / "json").read_text())["exit_code"] == code


@pytest.mark.parametrize(
    ("name", "level", "code"), [("drifted", "", 0), ("drifted", "advisory", 0), ("clean", "mandatory", ExitCode.FOUND)]
)
def test_a_pull_request_is_stopped_by_a_mandatory_policy_and_not_by_what_it_changes(
    name: str, level: str, code: int, tmp_path: Path
) -> None:
    evidence = json.loads((DATA / f"{name}.json").read_text())
    breach = {"policyName": "image-digest", "message": "found a tag", "enforcementLevel": level}
    (tmp_path / "evidence.json").write_text(json.dumps(evidence | {"violations": [breach] if level else []}))
    arguments = ["render", str(tmp_path / "evidence.json"), "--markdown", str(tmp_path / "text")]
    assert main([*arguments, "--pull-request"]) == code
    assert main(arguments) == ExitCode.FOUND
