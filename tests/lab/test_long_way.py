"""The second chapter of docs/onboarding.md, command by command as it stands there: the path through the job `deploy`.

The forge is the lab's stand-in for GitHub, which runs no actions: its jobs clone from the lab's Gitea, to which the
page's `git push` goes. The three buckets are the lab's worlds. What else differs is in `here`, `platform`, `pools` and
the two programs, and nothing more.
"""

import json
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from lab import git, gitea, network, paths, repositories, s3, worlds
from lab.demo.forges.github import INFRA
from lab.gitea_api import GiteaApi
from lab.github import daemon
from lab.repositories import Source
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.worlds import DEV, PLATFORM
from tests.docs.commands import LONG, commands, files
from tests.gpu_runners.terminal import Terminal
from tests.lab.github_forge import TOKEN, GithubRepository
from tests.lab.newcomer import LOGIN, NOT_THEIRS, browse, gh, install, write_programs

OWNER, NAME = "mlops", "long-way"
REPOSITORY = f"{OWNER}/{NAME}"
PROGRAM = f"{OWNER}/{NAME}-program"
STATE = f"{NAME}-{uuid.uuid4().hex[:8]}"  # a folder of each state, and of this run: one that was killed leaves stacks
NAMESPACES = {
    "gpu-runners-system": "gpu-runners-long-way-system",
    "runners-base": "gpu-runners-long-way-base",
    "runners-prod": "gpu-runners-long-way-prod",
}
IMAGES = {
    "ml/registrar": "lab.local/registrar:lab", "ml/base-runner": "lab.local/pulumi:lab",
    "ml/cuda-train": "lab.local/cuda-mlops:lab", "actions/actions-runner": "lab.local/github-runner:lab",
}  # fmt: skip
SLOW_SECONDS = 300.0
RELEASED_SECONDS = 60.0
DOCKER = """#!/bin/sh
# build: the Dockerfile and its base are named; push and inspect: something is told as a digest.
set -eu
case "$1 $2" in
"build --build-arg") [ "$4" = -f ] && grep -q '^ARG BASE_IMAGE' "$5" && [ "$6" = -t ];;
"push registry.example.com/"*) echo "digest: sha256:$(echo "$2" | sha256sum | cut -d' ' -f1) size: 1";;
"buildx imagetools") [ "$3" = inspect ] && echo "sha256:$(echo "$6" | sha256sum | cut -d' ' -f1)";;
*) exit 2;;
esac
"""
GH = """
words = sys.argv[1:]
held = "/_lab/repositories/{name}"
if words[:2] == ["attestation", "verify"]:
    assert words[2].startswith("oci://ghcr.io/actions/actions-runner@") and words[3:] == ["--owner", "actions"], words
elif words[:2] == ["variable", "set"]:
    assert words[3:5] + words[5:6] == ["--repo", "{name}", "--body"], words
    http.put(held + "/variables/" + words[2], json={{"value": words[6]}}).raise_for_status()
elif words[:2] == ["secret", "set"]:
    assert words[3:] == ["--repo", "{name}"], words
    value = input("? Paste your secret: ")
    http.put(held + "/secrets/" + words[2], json={{"value": value}}).raise_for_status()
elif words == ["run", "watch", "--repo", "{name}"]:
    # What was pushed, as the stand-in can run it.
    sys.path.insert(0, {root!r})
    from lab.demo.forges.workflow import Clone, runnable
    there = "{git}/{name}/raw/branch/main/.github/workflows/train.yml"
    text = httpx2.get(there, trust_env=False).raise_for_status().text
    clones = {{{infra!r}: Clone("{git}/{program}.git"), "{name}": Clone("{git}/{name}.git")}}
    text = runnable(text, "{name}", clones, {{}})
    http.put(held + "/workflows/train.yml", content=text).raise_for_status()
    watch({{"seed": "11"}})
else:
    sys.exit("gh: " + " ".join(words))
"""


def here(command: str) -> str:
    """A command of the page as it is run here."""
    other = {
        "s3://OWNER-platform-state?region=eu-central-1": s3.pulumi_backend(PLATFORM, STATE),
        "s3://OWNER-prod-state?region=eu-central-1": s3.pulumi_backend(DEV, STATE),
        "OWNER/REPOSITORY": REPOSITORY,
        "--organization OWNER": f"--organization {OWNER} --github {daemon.URL}",
        "mkdir -p": "cd ../REPOSITORY && mkdir -p",  # as the page says in words
        "pulumi up --stack platform-prod": "pulumi up --stack platform-prod --yes",
        "get pods --namespace runners-prod --watch": f"get pods --namespace {NAMESPACES['runners-prod']}",
    }
    for theirs, ours in other.items():
        command = command.replace(theirs, ours)
    return command


def exports(command: str, world: worlds.World) -> str:
    """The same, with the key and the passphrase that the page leaves out."""
    key, passphrase = worlds.key(world), worlds.passphrase(world)
    command = re.sub(r"AWS_ACCESS_KEY_ID=\S+", f"AWS_ACCESS_KEY_ID={key.access} AWS_REGION={s3.REGION}", command)
    command = re.sub(r"AWS_SECRET_ACCESS_KEY=\S+", f"AWS_SECRET_ACCESS_KEY={shlex.quote(key.secret)}", command)
    return re.sub(r"PULUMI_CONFIG_PASSPHRASE=\S+", f"PULUMI_CONFIG_PASSPHRASE={shlex.quote(passphrase)}", command)


def in_the_lab(text: str) -> dict[str, Any]:
    """A stack file of the page with the lab's names; what it says stays as it is."""
    for theirs, ours in NAMESPACES.items():
        text = re.sub(rf"\b{theirs}\b", ours, text)
    for theirs, ours in IMAGES.items():
        text = re.sub(rf"\S+/{theirs}(?::\d+)?@sha256:…", ours, text)
    text = text.replace("https://github.com/OWNER/REPOSITORY", f"{daemon.URL}/{REPOSITORY}")
    file: dict[str, Any] = yaml.safe_load(text)
    file["config"]["gpu-runners:allowImageTags"] = True
    return file


def platform(text: str, app: int) -> str:
    """`Pulumi.platform-prod.yaml`: where the lab's servers answer, and less for a runner than a real one gets."""
    file = in_the_lab(text)
    config = file["config"]
    config["gpu-runners:githubApp"] = {"appId": app}
    base, prod = config["gpu-runners:platform"]["environments"]
    servers = {"cidr": f"{network.HOST}/32", "ports": [daemon.PORT, gitea.PORT, s3.PORT]}
    base["egress"] = [{"cidr": f"{network.HOST}/32", "ports": [6443]}, servers]
    prod["egress"] = [servers]
    (pool,) = config["gpu-runners:pools"]
    pool |= {"cpu": "100m", "memory": "2Gi", "sharedMemory": "64Mi", "workVolume": "5Gi"}
    return yaml.safe_dump(file)


def pools(text: str) -> str:
    """`Pulumi.prod.yaml`: the lab's GPU, and less for a runner than a real one gets."""
    file = in_the_lab(text)
    (pool,) = file["config"]["gpu-runners:pools"]
    pool["gpu"]["nodeSelector"] = {"nvidia.com/gpu.product": "NVIDIA-A100-SIMULATED"}
    pool |= {"cpu": "100m", "memory": "1Gi", "sharedMemory": "256Mi", "workVolume": "5Gi"}
    return yaml.safe_dump(file)


@dataclass(frozen=True)
class Person:
    """Where somebody works, and in which environment."""

    folder: Path
    variables: Mapping[str, str]


@pytest.fixture
def person(lab: dict[str, str], at_github: GithubRepository, tmp_path: Path) -> Iterator[Person]:
    """Their two repositories are at the forge and on their computer; their programs are on PATH."""
    with httpx2.Client(base_url=daemon.URL, trust_env=False) as http:
        http.put(f"/_lab/repositories/{REPOSITORY}", json={"private": True}).raise_for_status()
    with GiteaApi(gitea.URL, gitea.token()) as api:
        for repository, tree in ((PROGRAM, "HEAD:"), (REPOSITORY, "HEAD:examples/mlops-guide")):
            api.delete(f"/repos/{repository}")
            repositories.publish(api, Source(repository, tree))
        login = git.login(gitea.ADMIN, gitea.token())
        rewritten = {"OWNER/gpu-runners": PROGRAM, "OWNER/REPOSITORY": REPOSITORY}
        for number, (theirs, ours) in enumerate(rewritten.items(), 1):
            login |= {
                f"GIT_CONFIG_KEY_{number}": f"url.{gitea.URL}/{ours}.git.insteadOf",
                f"GIT_CONFIG_VALUE_{number}": f"https://github.com/{theirs}",
            }
        login["GIT_CONFIG_COUNT"] = str(len(rewritten) + 1)
        git.run(tmp_path, "clone", "--quiet", "https://github.com/OWNER/REPOSITORY", "REPOSITORY", environment=login)
        # Theirs has no such workflow yet: they copy it from the example.
        git.run(tmp_path / "REPOSITORY", "rm", "--quiet", "-r", ".github", environment=login)
        git.run(tmp_path / "REPOSITORY", "commit", "--quiet", "-m", "Without a workflow", environment=login)
        git.run(tmp_path / "REPOSITORY", "push", "--quiet", environment=login)
        values = {
            "root": str(paths.REPOSITORY), "name": REPOSITORY, "program": PROGRAM, "git": gitea.URL, "infra": INFRA
        }  # fmt: skip
        programs = write_programs(tmp_path, {"docker": DOCKER, "gh": gh(REPOSITORY, TOKEN, 240, GH.format(**values))})
        mine = {name: value for name, value in lab.items() if name not in (*NOT_THEIRS, *s3.credentials(PLATFORM))}
        variables = {
            **mine, **login, **LOGIN, "PATH": f"{programs}:{lab['PATH']}", "HOME": os.environ["HOME"], "TERM": "dumb",
            "PULUMI_CREDENTIALS_PATH": str(tmp_path / "login"),
        }  # fmt: skip
        yield Person(tmp_path, variables)
        for repository in (PROGRAM, REPOSITORY):
            api.delete(f"/repos/{repository}")


def steps() -> list[str]:
    """The commands as they are run; the exports of the one world come before those of the other."""
    made = list(map(here, commands(LONG)))
    backends = [number for number, command in enumerate(made) if command.startswith("export PULUMI_BACKEND_URL")]
    assert len(backends) == 2
    first_of_dev = backends[1] - 1  # the key stands before the address
    return [exports(command, PLATFORM if number < first_of_dev else DEV) for number, command in enumerate(made)]


def running(api: KubernetesApi) -> list[str]:
    """The pool's pods that still run."""
    pods = api.items(f"/api/v1/namespaces/{NAMESPACES['runners-prod']}/pods")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]


def test_the_long_way_leads_to_a_job_on_a_gpu_that_another_job_brought_up(
    person: Person, api: KubernetesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    written, secrets = files(LONG), repositories.job_secrets()
    assert set(written) == {"Pulumi.platform-prod.yaml", "Pulumi.prod.yaml"}
    took: dict[str, float] = {}
    began = time.monotonic()
    todo = steps()
    # Each waits for Enter: a person reads on, and writes the files in between.
    script = [
        "set -e",
        *(f"echo '== {number}'; read -r _\n{step}" for number, step in enumerate(todo)),
        "echo '== end'",
    ]
    with Terminal(["bash", "-c", "\n".join(script)], person.folder, person.variables) as terminal:
        try:
            for number, step in enumerate(todo):
                terminal.expect(f"== {number}\n", SLOW_SECONDS)
                took[f"{number} {commands(LONG)[number][:50]}"] = round(time.monotonic() - began, 1)
                prepare(step, person.folder / "gpu-runners", written, terminal.text)
                terminal.type("\n")
                if step.startswith("gpu-runners app"):
                    terminal.expect(" in a browser on this machine")
                    browse(terminal.text)
                if step.startswith("gh secret set"):
                    terminal.answer("Paste your secret: ", secrets[step.split()[3]])
            terminal.expect("== end", SLOW_SECONDS)
            assert terminal.end() == 0
            until("the released pool has no pod that runs", lambda: not running(api), RELEASED_SECONDS)
        finally:
            (person.folder / "said.txt").write_text(terminal.text)
            clean_up(person)
    with capsys.disabled():
        print(json.dumps(took, indent=1))
    assert re.search(r"GPUs granted to this job \(GPU-simulated-\d\)", terminal.text), terminal.text[-3000:]
    assert re.findall(r"^(deploy|train|release) (\w+)$", terminal.text, re.MULTILINE) == [
        ("deploy", "success"), ("train", "success"), ("release", "success")
    ]  # fmt: skip
    assert "failed   " not in terminal.text  # of either doctor
    assert "ok       names: pods may ask the cluster's DNS at 10.96.0.10, 10.85.0.1" in terminal.text
    assert "Traceback" not in terminal.text


def prepare(step: str, folder: Path, written: Mapping[str, str], said: str) -> None:
    """What the page says in words before a command: files to write, and the App to install."""
    if step.startswith("pulumi config set"):
        install(said, REPOSITORY)
        (app,) = re.findall(r"githubApp\.appId (\d+)", said)
        add(folder / "Pulumi.platform-prod.yaml", platform(written["Pulumi.platform-prod.yaml"], int(app)))
    if step == "make doctor STACK=prod":
        add(folder / "Pulumi.prod.yaml", pools(written["Pulumi.prod.yaml"]))


def add(file: Path, text: str) -> None:
    """`pulumi stack init` has written the salt of the passphrase into it."""
    file.write_text(file.read_text() + text)


def clean_up(person: Person) -> None:
    """The page ends with a pool that was released; what it declared goes here."""
    for stack, world in (("prod", DEV), ("platform-prod", PLATFORM)):
        variables = {
            **person.variables, **s3.credentials(world), "PULUMI_BACKEND_URL": s3.pulumi_backend(world, STATE),
            "PULUMI_CONFIG_PASSPHRASE": worlds.passphrase(world),
        }  # fmt: skip
        command = f". .venv/bin/activate && pulumi destroy --yes --stack {stack}; pulumi stack rm --yes --force {stack}"
        subprocess.run(
            ["bash", "-c", command], cwd=person.folder / "gpu-runners", env=variables, check=False, timeout=180
        )
