"""The workflows of this repository: what they run exists, and a pull request gets no right that it must not have."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main, parse
from gpu_runners.review.stacks import DEFAULT_MARK, is_embedded_default
from tests.gpu_runners.review.core.recorded import DATA

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("preview", "deploy", "drift")
FORGES = ("github", "gitea")
BOTH = pytest.mark.parametrize("forge", FORGES)
DEFAULT_FILE = "Pulumi.dev.yaml"
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
def test_every_command_of_a_workflow_is_understood(
    forge: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "pull").mkdir()
    (tmp_path / "pull/Pulumi.yaml").write_text("name: x")
    monkeypatch.chdir(tmp_path / "main")
    script = "\n".join(step.get("run", "") for step in steps(forge, name))
    joined = re.sub(r"\\\n\s*|\n(?=--)", " ", script)
    commands = re.findall(r"python3 -m gpu_runners ([^\n|]+)", joined)
    assert commands
    for command in commands:
        values = {
            "$PULL": "7",
            "$STACK": "dev",
            "$GITHUB_REPOSITORY": "mlops/guide",
            "$EVIDENCE": str(DATA / "clean.json"),
            "$COMMIT": "0" * 40,
            "$RUN": "https://forge.example.com/mlops/guide/actions/runs/7",
            "$(cat $REVIEWED)": f"sha256:{'0' * 64}",
            "$POLICY_PACK": "",
            "$POLICY_PACK_CONFIG": "",
        }
        words = shlex.split(re.sub(r'"\$\(cat "(\$\w+)"\)"', r'"$(cat \1)"', command.removesuffix(')"')))
        assert parse([values.get(word, word) for word in words])


@BOTH
def test_what_may_be_previewed_is_for_those_who_may_push(forge: str) -> None:
    at_first = FINDS if forge == "github" else "preview"
    first = jobs(forge, "preview")[at_first]
    assert [part.strip() for part in first["if"].split("&&")] == [
        "github.event.pull_request.head.repo.full_name == github.repository",
        "github.event.pull_request.user.login != 'dependabot[bot]'",
    ]
    for name, job in jobs(forge, "preview").items():
        follows = name in ("gate", at_first) or at_first in job["needs"]
        assert follows, f"{name} would run for a fork"


@BOTH
def test_main_is_the_judge_and_only_the_job_that_runs_nothing_of_the_pull_request_may_write(forge: str) -> None:
    triggers = re.findall(r"^  (\w+):\n    branches", text(forge, "preview"), re.MULTILINE)
    assert triggers == ["pull_request_target"], "this file, too, is main's"
    assert workflow(forge, "preview")["permissions"] == {}
    granted = {name: job.get("permissions") for name, job in jobs(forge, "preview").items()}
    assert granted.pop("comment") == {"contents": "read", "pull-requests": "write"}
    assert all(rights in ({}, {"contents": "read"}) for rights in granted.values())
    for name, job in jobs(forge, "preview").items():
        checkouts = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert all(checkout["persist-credentials"] is False for checkout in checkouts)
        assert [checkout["path"] for checkout in checkouts if "ref" not in checkout] == ["main"] * bool(checkouts)
        tools = [step for step in job["steps"] if "gpu_runners" in step.get("run", "")]
        assert all(step["working-directory"] == "main" for step in tools), "the tool, the pack and its settings"
        runs_program = any("gpu_runners collect" in step["run"] for step in tools)
        assert runs_program == (name == "preview")
    secrets = {name for name, job in jobs(forge, "preview").items() if "secrets." in json.dumps(job)}
    assert secrets == {"preview"}


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_every_job_has_an_end_and_no_more_rights_than_it_names(forge: str, name: str) -> None:
    assert workflow(forge, name)["permissions"] == {}
    for job in jobs(forge, name).values():
        assert 0 < job["timeout-minutes"] <= 60
        assert "permissions" in job
        if "strategy" in job:
            assert job["strategy"]["fail-fast"] is False
            assert "max-parallel" not in job["strategy"], "a stack that waits for consent would hold up the others"


@BOTH
@pytest.mark.parametrize("name", ["preview", "drift"])
def test_who_only_looks_runs_as_the_previewer_with_secrets_of_its_own(forge: str, name: str) -> None:
    assert all(job["runs-on"] == ["preview"] for job in jobs(forge, name).values())
    secrets = re.findall(r"secrets\.(\w+)", text(forge, name))
    assert secrets
    assert all(secret.startswith("PREVIEW_") for secret in secrets)


@BOTH
def test_each_stack_is_deployed_behind_an_environment_of_its_own_name(forge: str) -> None:
    deploy, plan = jobs(forge, "deploy")["deploy"], jobs(forge, "deploy")["plan"]
    assert deploy["environment"] == "${{ matrix.stack }}"
    assert deploy["runs-on"] == ["self-hosted"]
    assert plan["runs-on"] == ["preview"]
    assert all(secret.startswith("PREVIEW_") for secret in re.findall(r"secrets\.(\w+)", json.dumps(plan)))


@BOTH
def test_up_carries_out_the_plan_that_was_reviewed_and_frees_its_own_lock_whatever_happens(forge: str) -> None:
    up, lock = jobs(forge, "deploy")["deploy"]["steps"][-3:-1]
    lines = [line for line in re.sub(r"\\\n\s*", "", up["run"]).splitlines() if line]
    assert '--reviewed "$(cat "$REVIEWED")" --policy-pack "$POLICY_PACK"' in lines[-2]
    assert lines[-1].startswith("pulumi up ")
    assert lines[-1].endswith('--plan "$PLAN"')
    assert (lock["if"], lock["run"]) == ("always()", 'python3 -m gpu_runners unlock "$STACK" --own')


@BOTH
def test_a_deployment_ends_with_every_runner_online(forge: str) -> None:
    last = jobs(forge, "deploy")["deploy"]["steps"][-1]
    assert last == {"name": "online", "run": 'python3 -m gpu_runners wait "$STACK"'}


@BOTH
@pytest.mark.parametrize(
    ("values", "code", "says"),
    [
        ({"RESULTS": "success success success"}, 0, "success"),
        ({"RESULTS": "success skipped success"}, 0, "skipped"),
        ({"RESULTS": "success failure success"}, 1, "failure"),
        ({"RESULTS": "success success failure"}, 1, "failure"),
        ({"RESULTS": "success success skipped"}, 1, "skipped"),
        ({"RESULTS": "skipped skipped skipped"}, 1, "skipped"),
        ({"RESULTS": "success cancelled success"}, 1, "cancelled"),
        ({"RESULTS": "failure skipped success"}, 1, "failure"),
        ({"RESULTS": "skipped skipped skipped", "FORK": "true"}, 0, "Not previewed, because it comes from a fork"),
        ({"RESULTS": "skipped skipped skipped", "DEPENDABOT": "true"}, 0, "Not previewed, because it is Dependabot's"),
    ],
)
def test_the_gate_is_green_only_where_all_was_looked_at_or_nobody_was_to_look(
    forge: str, values: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    gate = jobs(forge, "preview")["gate"]
    assert (gate["name"], gate["if"]) == ("gate", "always()")
    summary = tmp_path / "summary"
    environment = {"PATH": os.environ["PATH"], "GITHUB_STEP_SUMMARY": str(summary), "FORK": "false", **values}
    (step,) = gate["steps"]
    done = subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=False, timeout=10)
    assert done.returncode == code
    assert says in summary.read_text()


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_pull_request_can_name_is_written_into_a_script(forge: str, name: str) -> None:
    assert not [step["run"] for step in steps(forge, name) if "${{" in step.get("run", "")]


# What travels between jobs: an artifact at GitHub, an output with a line for each stack at Gitea.
TRAVELS = ("report", "reports", "digest", "reviewed")


def shared(forge: str, name: str) -> dict[str, Any]:
    """A workflow without what the forges cannot have alike: how stacks get in, and how things travel."""
    document = workflow(forge, name)
    found = document["jobs"].pop(FINDS, {})
    document.pop("env", None)
    for job in document["jobs"].values():
        job.pop("needs", None)
        job.pop("outputs", None)
        job.pop("env" if job.get("name") == "gate" else "", None)
        condition = str(job.pop("if", found.get("if", "") if "strategy" in job else ""))
        job["guard"] = [word for word in ("always()", "!cancelled()") if word in condition]
        if "strategy" in job:
            job["strategy"].pop("matrix")
        job["steps"] = [step for step in job["steps"] if step.get("name") not in (*TRAVELS, LISTED)]
        for step in job["steps"]:
            step["run"] = step.get("run", "").replace(" --longest 60000", "").replace(' --listed "$STACKS"', "")
    return document


@pytest.mark.parametrize("name", NAMES)
def test_both_forges_do_the_same_once_the_stacks_are_known(name: str) -> None:
    assert shared("gitea", name) == shared("github", name)


@pytest.mark.parametrize("name", NAMES)
def test_giteas_workflows_hold_each_stack_everywhere_that_a_stack_has_a_place(name: str) -> None:
    document = workflow("gitea", name)
    listed = document["env"]["STACKS"].split()
    assert listed == ["dev"]
    for job in document["jobs"].values():
        if "strategy" in job:
            assert job["strategy"]["matrix"] == {"stack": listed}
        if "outputs" in job:
            assert list(job["outputs"]) == listed
            for stack, value in job["outputs"].items():
                assert value.startswith(f"${{{{ matrix.stack == '{stack}' && steps.")


@pytest.mark.parametrize("name", ["deploy", "drift"])
def test_a_stack_without_a_place_in_giteas_matrix_is_noticed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}")
    (step,) = [step for step in steps("gitea", name) if step.get("name") == LISTED]
    arguments = shlex.split(step["run"].replace("$STACKS", workflow("gitea", name)["env"]["STACKS"]))[3:]
    assert arguments[0] == "stacks"
    here = ["--folder", str(tmp_path)]
    assert main([*arguments, *here]) == 0
    assert main([*arguments[:-1], "other", *here]) == 1
    assert "Pulumi.dev.yaml is there and dev is not listed; other is listed" in capsys.readouterr().err


def test_the_stacks_that_a_pull_request_may_preview_hold_no_platform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    for file in (REPOSITORY / "lab/demo/gitea").glob("Pulumi.*.yaml"):
        shutil.copy(file, tmp_path)
    assert main(["stacks", "--folder", str(tmp_path), "--without-platform"]) == 0
    assert json.loads(capsys.readouterr().out) == ["dev"]


def test_a_fresh_copy_has_no_stacks_yet(capsys: pytest.CaptureFixture[str]) -> None:
    copied = {path.name for path in REPOSITORY.glob("Pulumi.*.yaml")}
    assert main(["stacks", "--folder", str(REPOSITORY)]) == 0
    printed = capsys.readouterr()
    names = {f"Pulumi.{name}.yaml" for name in json.loads(printed.out)}
    assert names == copied - ({DEFAULT_FILE} if is_embedded_default(REPOSITORY) else set())


def test_the_embedded_default_is_a_stack_once_somebody_says_that_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x")
    marked = f"# a modeline\n{DEFAULT_MARK}\nconfig: {{}}\n"
    (tmp_path / DEFAULT_FILE).write_text(marked)
    (tmp_path / "Pulumi.prod.yaml").write_text(marked)
    assert main(["stacks", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == ["prod"]
    assert "left out: 'Pulumi.dev.yaml', the embedded default, until you take out the line" in printed.err
    (tmp_path / DEFAULT_FILE).write_text(marked.replace(DEFAULT_MARK, "# Our own."))
    assert main(["stacks", "--folder", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == ["dev", "prod"]


def test_the_embedded_default_works_against_the_lab_for_as_long_as_it_is_one() -> None:
    ours, labs = (REPOSITORY / folder / DEFAULT_FILE for folder in (".", "lab/demo/gitea"))
    assert not is_embedded_default(labs.parent)
    if is_embedded_default(REPOSITORY):
        assert yaml.safe_load(ours.read_text()) == yaml.safe_load(labs.read_text())


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


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize("name", ["deploy", "drift"])
def test_a_copy_that_nobody_has_set_up_starts_no_job(forge: str, name: str) -> None:
    """A job that follows a skipped one is skipped, unless its own condition asks for the status of what it needs."""
    document = jobs(forge, name)
    for key, job in document.items():
        condition = str(job.get("if", ""))
        follows = bool(job.get("needs")) and not re.search(r"always\(\)|cancelled\(\)|failure\(\)", condition)
        waits = "result == 'success'" in condition or "result != 'skipped'" in condition
        assert follows or waits or re.search(r"vars\.(PULUMI_BACKEND_URL|PLATFORM_STACK) != ''", condition), key
