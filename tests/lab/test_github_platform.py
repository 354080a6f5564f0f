"""The whole product with GitHub as its forge: App, registrar, pool, a dispatched job. GitHub is the lab's stand-in."""

import copy
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gpu_runners.app.manifest import permissions
from lab.github import daemon, parts
from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.stack import Stack
from tests.github import description as github_description
from tests.github import permissions as github_permissions
from tests.lab.github_forge import INSTALLATION, REPOSITORY, Exchanges, GithubRepository, platform_config

NAMESPACE = "gpu-runners-github"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CONFIG: Json = {**platform_config(NAMESPACE, REPOSITORY), "gpu-runners:githubApp": {"appId": 1}}
WORKFLOW = """
name: train
on: workflow_dispatch
jobs:
  train:
    runs-on: cml-gpu
    env: {KEY: "${{ secrets.FROM_CONFIG }}"}
    steps:
      - run: 'echo "trained on GPU $NVIDIA_VISIBLE_DEVICES with a key of ${#KEY} letters"'
"""
# Its end is told how long it waited once the registrar and the kubelet have told its pod.
TOLD = (
    WORKFLOW
    + """      - run: |
          for second in $(seq 60); do [ -s "$GPU_RUNNERS_QUEUE_TIME" ] && break; sleep 1; done
          echo "told after $second s"
"""
)
# What GitHub's own runner does for a job with `container:`, by hand: the lab's runner knows no hooks.
IN_A_CONTAINER = """
name: contained
on: workflow_dispatch
jobs:
  train:
    runs-on: cml-gpu
    steps:
      - run: |
          mkdir -p /runner/_work/guide/guide /runner/_work/_temp/_github_home
          cd /runner/_work/guide/guide
          echo "workspace $(pwd -P)"
          step=/runner/_work/_temp/step.sh
          printf %s 'echo "contained in $(pwd -P) at home in $HOME $WORD"; touch "$HOME/mine"' > $step
          ask() { printf %s "$1" | bash -e "$ACTIONS_RUNNER_CONTAINER_HOOKS" || echo "refused with $?"; }
          state='{"environmentVariables":{"HOME":"/github/home","WORD":"of both"}}'
          container='"environmentVariables":{"HOME":"/github/home","WORD":"of both"}'
          prepare() {
              args='{"container":{"image":"'$1'",'"$container"'}}'
              ask '{"command":"prepare_job","responseFile":"/tmp/r","args":'"$args"'}'
          }
          prepare lab.local/cuda-mlops:lab
          cat /tmp/r
          step='"entryPoint":"sh","entryPointArgs":["-e","/__w/_temp/step.sh"],"workingDirectory":"/__w/guide/guide"'
          ask '{"command":"run_script_step","state":'"$state"',"args":{'"$step"'}}'
          ls /runner/_work/_temp/_github_home
          prepare nvidia/cuda:12.4
"""

SECRETS = {"config": "hush-hush-4711", "environment": "hush-hush-4712"}
GROUP = "lab-tests-gpus"
GROUPS = "actions/runner-groups"
FILE = ".github/workflows/test.yml"


def wired() -> Json:
    """The same for an organization, whose group and repository the stack declares itself."""
    config = copy.deepcopy(CONFIG)
    config["gpu-runners:githubApp"]["installationId"] = INSTALLATION
    config["github:writeDelayMs"] = 1  # the provider's second between two writes protects a real GitHub's limits
    platform = config["gpu-runners:platform"]
    platform["scope"] = f"{daemon.URL}/{REPOSITORY.partition('/')[0]}"
    platform["environments"][0]["runnerGroup"] = GROUP
    platform["runnerGroups"] = [
        {"name": GROUP, "repositories": [REPOSITORY], "workflows": [f"{REPOSITORY}/{FILE}@refs/heads/main"]}
    ]
    platform["repositories"] = [
        {
            "name": REPOSITORY,
            "variables": {"PULUMI_BACKEND_URL": "s3://state"},
            "secrets": ["FROM_CONFIG"],
            "actionsPermissions": {"allowedActions": "all", "shaPinningRequired": True},
            "environments": [
                {
                    "name": "dev",
                    "branches": ["main", "release/*"],
                    "reviewers": {"users": ["octocat"], "teams": ["platform"]},
                    "variables": {"STACK": "dev"},
                    "secrets": [{"name": "FROM_CONFIG", "from": "FROM_ENVIRONMENT"}],
                }
            ],
        }
    ]
    return config


def test_a_dispatched_job_runs_on_a_gpu_pool_that_an_app_registered(
    at_github: GithubRepository,
    api: KubernetesApi,
    backend: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    environment = with_app(at_github, backend)
    exchanges = Exchanges()
    stack = Stack.make("github", CONFIG, tmp_path_factory.mktemp("github"), environment)
    try:
        stack.up().succeeded()
        online = {name for name, runner in at_github.runners().items() if runner["status"] == "online"}
        assert len(online) == 1
        stack.preview().succeeded()
        stack.refresh().succeeded()
        with ThreadPoolExecutor() as threads:
            printed = threads.submit(api.text, f"{PODS}/{next(iter(online))}/log?container=runner&follow=true")
            run = at_github.dispatch(TOLD)
            job = until("the job has ended", lambda: _ended(at_github, run), 90, seen=lambda: at_github.jobs(run))
            assert (job["conclusion"], {job["runner_name"]}) == ("success", online)
            log = at_github.log(job["id"])
            assert "trained on GPU " in log
            assert re.search(r"told after \d+ s", log), log
            summary = re.findall("^summary: (.*)$", printed.result(), re.MULTILINE)
        assert summary[:3] == ["| GPU runner |  |", "| --- | --- |", f"| Pool | {NAMESPACE}/cuda |"]
        assert re.fullmatch(r"\| GPU \| 1 (x|nvidia).* \|", summary[3]), summary
        assert all(
            re.fullmatch(rf"\| {name} \| (\d+ min )?\d+ s \|", row)
            for name, row in zip(("For", "Waited"), summary[4:], strict=True)
        ), summary
        until("the next runner is online", lambda: _others(at_github, online), 40, seen=at_github.runners)
        contained = at_github.dispatch(IN_A_CONTAINER)
        job = until("it has ended", lambda: _ended(at_github, contained), 40, seen=lambda: at_github.jobs(contained))
        log = at_github.log(job["id"])
        assert "workspace /runner/_work/guide/guide" in log
        assert "contained in /__w/guide/guide at home in /github/home of both" in log
        assert "mine" in log.split("contained in", 1)[1]
        assert '"state":{"environmentVariables":{"HOME":"/github/home","WORD":"of both"}}' in log
        assert (
            "asks for the image nvidia/cuda:12.4, and this pool runs jobs in its own image lab.local/cuda-mlops" in log
        )
        assert "refused with 1" in log
    finally:
        stack.destroy().succeeded()
    agrees_with_the_description(exchanges)


def test_a_platform_declares_its_group_and_its_repository_once_and_no_secret_shows(
    at_github: GithubRepository, backend: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts.install_provider(print)
    more = ("secrets", "actions_variables", "environments", "members")
    environment = {
        **with_app(at_github, backend, *more), "GPU_RUNNERS_SECRET_FROM_ENVIRONMENT": SECRETS["environment"]
    }  # fmt: skip
    exchanges = Exchanges()
    stack = Stack.make("github-wired", wired(), tmp_path_factory.mktemp("github-wired"), environment)
    stack.run("config", "set", "--secret", "FROM_CONFIG", SECRETS["config"]).succeeded()
    try:
        said = [stack.up().succeeded().output]
        (group,) = [runner_group for runner_group in at_github.organization(GROUPS)["runner_groups"]
                    if runner_group["name"] == GROUP]  # fmt: skip
        assert (group["visibility"], group["allows_public_repositories"]) == ("selected", False)
        (runner,) = at_github.organization(f"{GROUPS}/{group['id']}/runners")["runners"]
        assert runner["status"] == "online"
        assert at_github.read("actions/permissions")["sha_pinning_required"] is True
        rules = {rule["type"]: rule for rule in at_github.read("environments/dev")["protection_rules"]}
        reviewers = rules["required_reviewers"]["reviewers"]
        assert {(reviewer["type"], reviewer["reviewer"]["id"]) for reviewer in reviewers} == {("User", 5), ("Team", 9)}
        said += [stack.preview().succeeded().output, stack.refresh().succeeded().output]
        said.append(stack.outputs().succeeded().output)
        run = at_github.dispatch(WORKFLOW)
        job = until("the job has ended", lambda: _ended(at_github, run), 30, seen=lambda: _seen(at_github, run))
        assert (job["conclusion"], job["runner_name"]) == ("success", runner["name"])
        assert f"with a key of {len(SECRETS['config'])} letters" in at_github.log(job["id"])
    finally:
        stack.destroy().succeeded()
    state = Path(backend["PULUMI_BACKEND_URL"].removeprefix("file://"))
    said += [file.read_text() for file in state.rglob("*.json*")]
    asked = [exchange for exchange in exchanges.all() if exchange.method in ("POST", "PUT", "PATCH")]
    said.append(json.dumps([exchange.request for exchange in asked]))  # sealed for GitHub's key
    hidden = [*SECRETS.values(), environment["GITHUB_APP_PRIVATE_KEY"].splitlines()[1]]
    assert "github:index/actionsRunnerGroup" in "".join(said)
    assert not [text for text in said for secret in hidden if secret in text]
    provider = [exchange for exchange in exchanges.all() if exchange.agent.startswith("go-github")]
    assert github_permissions.needed(provider) == permissions("wiring")
    agrees_with_the_description(exchanges)


def with_app(at_github: GithubRepository, backend: Mapping[str, str], *more: str) -> dict[str, str]:
    """Installs an App; the environment of a command that holds its key, and no token of the lab's other forge."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    at_github.install_app(key.public_key(), *more)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    without_token = {name: value for name, value in backend.items() if name != "FORGE_TOKEN"}
    return {**without_token, "GITHUB_APP_PRIVATE_KEY": key.private_bytes(*form).decode()}


def agrees_with_the_description(exchanges: Exchanges) -> None:
    wrong = sorted({problem for exchange in exchanges.all() for problem in github_description.problems(exchange)})
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


def _seen(at_github: GithubRepository, run: int) -> object:
    return at_github.jobs(run), at_github.organization("actions/runners"), at_github.organization(GROUPS)


def _ended(at_github: GithubRepository, run: int) -> Json | None:
    job = at_github.jobs(run)["train"]
    return job if job["status"] == "completed" else None


def _others(at_github: GithubRepository, before: set[str]) -> set[str]:
    """Online runners that were not there before."""
    return {name for name, runner in at_github.runners().items() if runner["status"] == "online"} - before
