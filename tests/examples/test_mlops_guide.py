"""The example is consistent with itself: its data, its lock file and its workflow fit its sources."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import example_data, paths
from lab.demo import push
from lab.errors import LabError
from tests.access.cluster.api_server import api_server
from tests.program.stack_values import as_handed_over, defaults, stack_file

FOLDER = example_data.EXAMPLE
BASE = ["self-hosted", "base"]  # a second label: jobs that say self-hosted alone are somebody else's


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    text: dict[str, Any] = yaml.safe_load((FOLDER / ".github/workflows/train.yml").read_text())
    return text


def test_the_script_makes_the_very_data_that_dvc_tracks() -> None:
    wanted = example_data.tracked_md5((FOLDER / "data/digits.csv.dvc").read_text())
    assert hashlib.md5(example_data.made(), usedforsecurity=False).hexdigest() == wanted


def test_the_lock_file_is_up_to_date_with_sources_and_parameters() -> None:
    lock = yaml.safe_load((FOLDER / "dvc.lock").read_text())["stages"]
    parameters = yaml.safe_load((FOLDER / "params.yaml").read_text())
    for name, stage in lock.items():
        for dependency in stage["deps"]:
            file = FOLDER / dependency["path"]
            if file.suffix == ".py":
                assert dependency["md5"] == md5(file), f"{name}: run `dvc repro` after a change of {dependency['path']}"
        for section, values in stage.get("params", {}).get("params.yaml", {}).items():
            assert values == parameters[section]


def test_every_stage_of_the_pipeline_is_locked() -> None:
    pipeline = yaml.safe_load((FOLDER / "dvc.yaml").read_text())["stages"]
    assert list(pipeline) == list(yaml.safe_load((FOLDER / "dvc.lock").read_text())["stages"])


def test_only_the_pool_s_own_label_reaches_the_gpu_runner(workflow: dict[str, Any]) -> None:
    labels = {name: job["runs-on"] for name, job in workflow["jobs"].items()}
    assert labels == {"deploy": BASE, "train": "cml-gpu", "release": BASE}
    stack = yaml.safe_load((paths.REPOSITORY / "lab/demo/gitea/Pulumi.dev.yaml").read_text())["config"]
    assert stack["gpu-runners:pools"][0]["labels"] == ["cml-gpu"]


def test_base_runners_are_named_by_both_of_their_labels(workflow: dict[str, Any]) -> None:
    for forge in ("gitea", "github"):
        platform = yaml.safe_load((paths.REPOSITORY / f"lab/demo/{forge}/Pulumi.platform.yaml").read_text())["config"]
        assert [pool["labels"] for pool in platform["gpu-runners:pools"]] == [BASE]
    assert workflow["jobs"]["deploy"]["runs-on"] == BASE


def test_the_infrastructure_is_checked_out_at_a_branch_that_the_file_names(workflow: dict[str, Any]) -> None:
    checkouts = [
        step["with"] for job in workflow["jobs"].values() for step in job["steps"] if "path" in step.get("with", {})
    ]
    assert [(step["ref"], step["repository"]) for step in checkouts] == [
        ("main", "${{ github.repository_owner }}/gpu-runners")
    ] * 2


# As a job does: the commands that it calls, and the program as `pulumi up` runs it, to the end.
LOADS = """import json, runpy, sys
import gpu_runners.program, gpu_runners.state.command, gpu_runners.wait.command
import pulumi, recorded
pulumi.runtime.set_all_config(json.load(sys.stdin))
program = recorded.run(lambda: runpy.run_path("__main__.py", run_name="__main__"))
print(*(resource.kind for resource in program.resources))"""


@pytest.mark.parametrize("job", ["deploy", "release"])
def test_what_is_checked_out_of_the_infrastructure_is_all_that_its_jobs_load(
    workflow: dict[str, Any], tmp_path: Path, job: str
) -> None:
    """Git writes the files of the top as well; the other folders are tests, docs and the lab, most of all files."""
    (checkout,) = [step["with"] for step in workflow["jobs"][job]["steps"] if "path" in step.get("with", {})]
    infra = tmp_path / "infra"
    for name in checkout["sparse-checkout"].split():
        shutil.copytree(paths.REPOSITORY / name, infra / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in filter(Path.is_file, paths.REPOSITORY.iterdir()):
        shutil.copy(file, infra)
    values = {f"gpu-runners:{key}": as_handed_over(value) for key, value in (defaults() | stack_file("dev")).items()}
    with api_server() as server:
        kubeconfig = server.kubeconfig(tmp_path / "kubeconfig")
        told = subprocess.run(
            [sys.executable, "-c", LOADS], input=json.dumps(values), cwd=infra, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(paths.REPOSITORY / "tests/program")},
            check=True, timeout=60,
        )  # fmt: skip
    assert told.stdout.split().count("Deployment") == 1


def test_the_last_job_sets_the_replicas_of_those_pools_alone_that_have_them(
    workflow: dict[str, Any], tmp_path: Path
) -> None:
    """Beside autoscaling, replicas are a mistake that `pulumi up` refuses, and no GPU would be given back."""
    pools = [
        {"name": "a", "replicas": 1},
        {"name": "b", "autoscaling": {"min": 0, "max": 2}},
        {"name": "c", "replicas": 2},
    ]
    (tmp_path / "pools.json").write_text(json.dumps(pools))
    (tmp_path / "gpu_runners.py").write_text("")  # its `state` finds nothing wrong
    pulumi = tmp_path / "pulumi"
    pulumi.write_text('#!/bin/sh\necho "$*" >> calls\ncase $* in "config get"*) cat pools.json ;; esac\n')
    pulumi.chmod(0o755)
    (tmp_path / "python3").symlink_to(sys.executable)
    (step,) = [step for step in workflow["jobs"]["release"]["steps"] if step.get("name") == "Give the GPUs back"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STACK": "dev"}
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=True, timeout=60)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call for call in calls if "config set" in call] == [
        f"config set --stack dev --path gpu-runners:pools[{number}].replicas 0" for number in (0, 2)
    ]
    assert calls[-1] == "up --yes --skip-preview --stack dev"


def test_one_variable_holds_the_only_name(workflow: dict[str, Any]) -> None:
    text = (FOLDER / ".github/workflows/train.yml").read_text()
    assert text.count("'dev'") == text.count("vars.STACK || 'dev'") == 2
    assert not re.search(r"\bdev\b", re.sub(r"'dev'|^#.*$", "", text, flags=re.MULTILINE))


def test_every_pool_of_the_stack_is_released(workflow: dict[str, Any], tmp_path: Path) -> None:
    """With a Pulumi that has three pools."""
    (script,) = [step["run"] for step in workflow["jobs"]["release"]["steps"] if "replicas" in step.get("run", "")]
    pools = """[ "$1 $2" = "config get" ] && echo '[{}, {}, {}]' || true"""
    (tmp_path / "pulumi").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{pools}\n')
    (tmp_path / "pulumi").chmod(0o755)
    (tmp_path / "python3").write_text(f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} "$@"\n')
    (tmp_path / "python3").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STACK": "prod"}
    subprocess.run(["bash", "-e", "-c", script], env=environment, check=True, timeout=60)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call for call in calls if "replicas" in call] == [
        f"config set --stack prod --path gpu-runners:pools[{number}].replicas 0" for number in range(3)
    ]
    assert calls[-1] == "up --yes --skip-preview --stack prod"


def test_the_gpus_are_released_whatever_happened(workflow: dict[str, Any]) -> None:
    release = workflow["jobs"]["release"]
    assert release["if"] == "always()"
    assert release["needs"] == ["deploy", "train"]


def test_a_run_is_never_cancelled_by_the_next_push(workflow: dict[str, Any]) -> None:
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_the_training_job_holds_no_secret_of_the_deployment(workflow: dict[str, Any]) -> None:
    assert "PULUMI_" not in str(workflow["jobs"]["train"])
    assert "PULUMI_" not in str(workflow.get("env", {}))


def test_the_state_and_the_data_have_a_key_each(workflow: dict[str, Any]) -> None:
    named = {name: set(re.findall(r"secrets\.(\w+)", str(job))) for name, job in workflow["jobs"].items()}
    assert named["train"] == {"DATA_AWS_ACCESS_KEY_ID", "DATA_AWS_SECRET_ACCESS_KEY"}
    state = {"PULUMI_CONFIG_PASSPHRASE", "STATE_AWS_ACCESS_KEY_ID", "STATE_AWS_SECRET_ACCESS_KEY"}
    assert named["deploy"] == named["release"] == {*state, "KUBECONFIG"}


@pytest.mark.parametrize("job", ["deploy", "release"])
def test_the_state_is_held_against_what_the_program_makes_before_it_is_brought_up(
    workflow: dict[str, Any], job: str
) -> None:
    (lines,) = [
        step["run"].splitlines() for step in workflow["jobs"][job]["steps"] if "pulumi up" in step.get("run", "")
    ]
    assert lines[0] == 'python3 -m gpu_runners state "$STACK" --without-platform --create'


def test_the_deployment_ends_with_every_runner_online(workflow: dict[str, Any]) -> None:
    last = workflow["jobs"]["deploy"]["steps"][-1]
    assert (last["working-directory"], last["run"]) == ("infra", 'python3 -m gpu_runners wait "$STACK"')
    assert "if" not in last


def test_the_demo_changes_the_seed_of_the_training_and_nothing_else() -> None:
    before = (FOLDER / "params.yaml").read_text()
    after = push.with_seed(before, 4711)
    wanted = yaml.safe_load(before)
    wanted["train"]["seed"] = 4711
    assert yaml.safe_load(after) == wanted
    changed = [line for line, old in zip(after.splitlines(), before.splitlines(), strict=True) if line != old]
    assert changed == ["  seed: 4711"]


def test_parameters_without_a_seed_are_refused() -> None:
    with pytest.raises(LabError, match="no `seed` under `train`"):
        push.with_seed("train:\n  epochs: 3\n", 1)


def test_an_object_lies_where_dvc_puts_it() -> None:
    assert example_data.object_key("3660d7.dir") == "guide/files/md5/36/60d7.dir"
