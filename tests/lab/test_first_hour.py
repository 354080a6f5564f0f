"""The first chapter of docs/onboarding.md, command by command as it stands there, by somebody at a terminal.

The forge is the lab's stand-in for GitHub. Stood in for as well: `docker`, which names the lab's images as the page
does, and `gh`, which does what GitHub does upon a push. What else differs is in `HERE`, and nothing more.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
import yaml

from lab import containers, git, paths
from lab.github import daemon
from lab.trial.kubernetes import Json, KubernetesApi
from tests.docs.commands import SHORT, commands
from tests.gpu_runners.terminal import Terminal
from tests.lab.github_forge import TOKEN, GithubRepository
from tests.lab.newcomer import LOGIN, NOT_THEIRS, browse, gh, install, write_programs

REPOSITORY = "mlops/first-hour"
SLOW_SECONDS = 240.0
IMAGES = {
    "registry.example.com/ml/registrar:1": "lab.local/registrar:lab",
    "registry.example.com/ml/jobs:1": "lab.local/cuda-mlops:lab",
}
DOCKER = """#!/bin/sh
# docker build --push -t NAME …: the Dockerfile and its base are named, and the lab's image gets the name.
set -eu
[ "$1 $2 $3" = "build --push -t" ] && [ "$5" = --build-arg ]
name=$4; shift 6
[ "$1" = -f ] && {{ grep -q '^ARG BASE_IMAGE' "$2"; shift 2; }} || grep -q '^ARG BASE_IMAGE' "$1/Dockerfile"
case $name in
{cases}
esac
"""
GH = """
# gh run watch --repo OWNER/REPOSITORY --exit-status: what was pushed runs, and its end is awaited.
assert sys.argv[1:] == ["run", "watch", "--repo", "{name}", "--exit-status"], sys.argv
text = subprocess.run(["git", "--git-dir", "{bare}", "show", "main:.github/workflows/train.yml"], capture_output=True,
                      text=True, check=True).stdout
http.put("/_lab/repositories/{name}/workflows/train.yml", content=text).raise_for_status()
watch({{}})
"""
WORKFLOW = """
name: train
on: workflow_dispatch
jobs:
  train:
    runs-on: ubuntu-latest
    steps: [{run: 'echo "trained on GPU $NVIDIA_VISIBLE_DEVICES"'}]
"""


def here(command: str, folder: Path) -> str:
    """A command of the page as it is run here."""
    other = {
        "s3://OWNER-gpu-runners?region=eu-central-1": f"file://{folder}/state",
        "OWNER/REPOSITORY": REPOSITORY,
        "../REPOSITORY": f"../{REPOSITORY.partition('/')[2]}",
        "--stack gpus": "--stack gpus --yes",
        "rm gpus": "rm gpus --yes",
    }
    for theirs, ours in other.items():
        if not (theirs.startswith("--stack") and command.startswith("gpu-runners")):
            command = command.replace(theirs, ours)
    return command


@pytest.fixture
def home(lab: dict[str, str], at_github: GithubRepository, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A person's computer: their repository cloned, docker and gh on PATH, and the lab's cluster in the kubeconfig."""
    with httpx2.Client(base_url=daemon.URL, trust_env=False) as http:
        http.put(f"/_lab/repositories/{REPOSITORY}", json={"private": True}).raise_for_status()
    name = REPOSITORY.partition("/")[2]
    bare, clone = tmp_path / f"{name}.git", tmp_path / name
    git.run(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git.run(tmp_path, "clone", "--quiet", str(bare), str(clone))
    (clone / ".github/workflows").mkdir(parents=True)
    (clone / ".github/workflows/train.yml").write_text(WORKFLOW)
    git.run(clone, "add", "--all")
    git.run(clone, "commit", "--quiet", "-m", "A workflow", environment=LOGIN)
    git.run(clone, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
    tag = shlex.join([*containers.CTR, "images", "tag", "--force"])
    cases = "\n".join(f"{name}) {tag} {image} {name};;" for name, image in IMAGES.items())
    texts = {
        "docker": DOCKER.format(cases=cases),
        "gh": gh(REPOSITORY, TOKEN, 90, GH.format(name=REPOSITORY, bare=bare)),
    }
    programs = write_programs(tmp_path, texts)
    (tmp_path / "state").mkdir()
    variables = {key: value for key, value in lab.items() if key not in NOT_THEIRS}
    variables |= {
        **LOGIN,
        "PATH": f"{programs}:{lab['PATH']}",
        "PULUMI_CREDENTIALS_PATH": str(tmp_path / "login"),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of theirs",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{paths.REPOSITORY}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/OWNER/gpu-runners",
        "HOME": os.environ["HOME"],
        "TERM": "dumb",
    }
    return tmp_path, variables


ANSWERS = (
    ("URL of the repository or organization", f"{daemon.URL}/{REPOSITORY}"),
    ("which of these GPU nodes", None),
    ("GPUs of each runner", ""),
    ("runners, each with one job", ""),
    ("labels of these runners", ""),
    ("image that the jobs run in", "registry.example.com/ml/jobs:1"),
    ("Take it by its tag, which may change?", "yes"),
    ("cores of each runner", "100m"),
    ("memory of each runner", "512Mi"),
    ("registrar's image", "registry.example.com/ml/registrar:1"),
    ("Take it by its tag, which may change?", "yes"),
    ("image with the forge's runner", "lab.local/github-runner:lab"),
    ("Take it by its tag, which may change?", "yes"),
    ("Write this to Pulumi.gpus.yaml?", "yes"),
    ("press Enter to make an App in your browser", ""),
    ("an organization, or your own account?", "organization"),
)


def answer(terminal: Terminal) -> None:
    """`gpu-runners init` at the lab, whose registry nobody can ask and whose other GPU nodes run nothing."""
    for words, text in ANSWERS:
        printed = terminal.expect(words)
        numbers = re.findall(r"(\d)\. [^\n]*NVIDIA-A100-SIMULATED", printed)
        terminal.type(f"{numbers[0] if text is None else text}\n")
    terminal.expect(" in a browser on this machine")
    browse(terminal.text)
    terminal.expect("Next:")
    terminal.expect("runs-on: gpu")
    install(terminal.text, REPOSITORY)


def test_the_ten_commands_lead_from_nothing_to_a_job_on_a_gpu(
    home: tuple[Path, Mapping[str, str]], api: KubernetesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, variables = home
    steps = [here(command, folder) for command in commands(SHORT)]
    ten, last = steps[:10], steps[10:]
    assert len(last) == 1
    script = "\n".join(["set -e", *(f"echo; echo '== {number}'; {step}" for number, step in enumerate(ten, 1))])
    took: dict[str, float] = {}
    written: Json = {}
    began = time.monotonic()
    with Terminal(
        ["bash", "-c", f"{script}\necho '== 11'\ncd ../gpu-runners\n{last[0]}"], folder, variables
    ) as terminal:
        try:
            for number, step in enumerate([*ten, ""], 1):
                terminal.expect(f"== {number}\n", SLOW_SECONDS)
                took[step] = time.monotonic() - began
                if step.startswith("gpu-runners init"):
                    answer(terminal)
                if step.startswith("gpu-runners doctor"):  # `stack rm` takes the file along in the end
                    written = yaml.safe_load((folder / "gpu-runners/Pulumi.gpus.yaml").read_text())["config"]
            assert terminal.end(SLOW_SECONDS) == 0, terminal.text[-3000:]
        finally:
            (folder / "said.txt").write_text(terminal.text)
            if terminal.process.poll() is None or terminal.process.returncode:
                clean_up(folder, variables)
    with capsys.disabled():
        print(json.dumps({step[:40]: round(at, 1) for step, at in took.items()}, indent=1))
    assert re.search(r"trained on GPU GPU-simulated-\d", terminal.text)
    assert "Traceback" not in terminal.text
    assert "BEGIN RSA" not in terminal.text
    assert set(written["gpu-runners:githubAppPrivateKey"]) == {"secure"}
    assert [name for name in ("gpus", "gpus-system") if api.find(f"/api/v1/namespaces/{name}")] == []


def clean_up(folder: Path, variables: Mapping[str, str]) -> None:
    """After a failure: what was brought up goes."""
    command = ". .venv/bin/activate && pulumi destroy --yes --stack gpus"
    subprocess.run(["bash", "-c", command], cwd=folder / "gpu-runners", env=dict(variables), check=False, timeout=180)
