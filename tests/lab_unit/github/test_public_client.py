"""A client of GitHub that nobody here wrote, PyGithub, does with the stand-in what it does with GitHub.

Its every exchange is held against GitHub's own description as well.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import github
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github import workflow
from lab.github.credentials import App, Installation
from lab.github.server import Exchange, StandIn
from lab.github.world import Environment
from tests.github import description as github_description
from tests.gpu_runners.serving import serving

TOKEN = "ghp_everything"
WORKFLOW = "name: train\non: workflow_dispatch\njobs: {train: {runs-on: cml-gpu, steps: [{run: make}]}}\n"
PERMISSIONS = {"metadata": "read", "administration": "write", "actions": "read"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Scene:
    """The stand-in at a URL, and PyGithub in front of it."""

    stand_in: StandIn
    url: str

    def client(self, auth: Any = None) -> github.Github:
        """Without its own pauses: the stand-in counts requests itself."""
        return github.Github(
            auth=auth or github.Auth.Token(TOKEN), base_url=f"{self.url}/api/v3", retry=None,
            seconds_between_requests=None, seconds_between_writes=None,
        )  # fmt: skip


@pytest.fixture
def scene() -> Iterator[Scene]:
    exchanges: list[Exchange] = []
    stand_in = StandIn(observe=exchanges.append, new_key=lambda: KEY)
    repository = stand_in.world.add_repository("mlops/guide")
    repository.workflows["train.yml"] = workflow.parse(9, ".github/workflows/train.yml", WORKFLOW)
    stand_in.credentials.add_personal(TOKEN)
    installation = Installation(7, "mlops", PERMISSIONS)
    stand_in.credentials.apps[1] = App(1, "Iv23stand-in", "gpu-runners", KEY.public_key(), {7: installation})
    with serving(stand_in.application()) as url:
        stand_in.world.base = url
        yield Scene(stand_in, url)
    assert any(exchange.agent.startswith("PyGithub") for exchange in exchanges)
    wrong = [problem for exchange in exchanges for problem in github_description.problems(exchange)]
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


def test_it_finds_people_organizations_and_repositories(scene: Scene) -> None:
    client = scene.client()
    assert client.get_user().login == "mlops-admin"
    assert client.get_user("octocat").id == 5
    organization = client.get_organization("mlops")
    assert [repository.full_name for repository in organization.get_repos()] == ["mlops/guide"]
    repository = client.get_repo("mlops/guide")
    assert (repository.private, repository.permissions.admin) == (True, True)
    assert client.get_repo(repository.id).full_name == "mlops/guide"


def test_it_registers_lists_and_removes_runners_of_an_organization(scene: Scene) -> None:
    organization = scene.client().get_organization("mlops")
    made = organization.create_self_hosted_runner_jitconfig("r1", 1, ["self-hosted", "cml-gpu"])
    assert made.encoded_jit_config
    runners = list(organization.get_self_hosted_runners())
    assert [(runner.name, runner.status, runner.busy) for runner in runners] == [("r1", "offline", False)]
    assert list(organization.get_self_hosted_runners(name="other")) == []
    assert {label["name"] for label in organization.get_self_hosted_runner(runners[0].id).labels} == {
        "self-hosted",
        "cml-gpu",
    }
    organization.delete_self_hosted_runner(runners[0].id)
    assert scene.stand_in.world.runners == {}


def test_a_name_that_is_taken_and_bad_labels_are_its_errors(scene: Scene) -> None:
    organization = scene.client().get_organization("mlops")
    organization.create_self_hosted_runner_jitconfig("r1", 1, ["cml-gpu"])
    with pytest.raises(github.GithubException) as taken:
        organization.create_self_hosted_runner_jitconfig("R1", 1, ["cml-gpu"])
    with pytest.raises(github.GithubException) as bad:
        organization.create_self_hosted_runner_jitconfig("r2", 1, ["gpu", "GPU"])
    assert (taken.value.status, bad.value.status) == (409, 422)


def test_it_reads_every_page_of_a_repositorys_runners_and_removes_one(scene: Scene) -> None:
    for number in range(70):
        scene.stand_in.world.add_runner("mlops/guide", f"r{number}", 1, ("cml-gpu",))
    repository = scene.client().get_repo("mlops/guide")
    runners = list(repository.get_self_hosted_runners())
    assert len(runners) == 70
    assert repository.remove_self_hosted_runner(runners[0])
    assert not repository.remove_self_hosted_runner(runners[0].id)


def test_it_dispatches_a_workflow_and_follows_and_cancels_its_run(scene: Scene) -> None:
    repository = scene.client().get_repo("mlops/guide")
    assert [it.path for it in repository.get_workflows()] == [".github/workflows/train.yml"]
    assert repository.get_workflow("train.yml").create_dispatch("main")
    (run,) = repository.get_workflow_runs(status="queued")
    (job,) = run.jobs()
    assert (run.name, run.head_branch, job.name, job.status) == ("train", "main", "train", "queued")
    assert run.cancel()
    again = repository.get_workflow_run(run.id)
    assert (again.status, again.conclusion) == ("completed", "cancelled")


def test_it_wires_secrets_variables_and_environments(scene: Scene) -> None:
    repository = scene.client().get_repo("mlops/guide")
    repository.create_secret("KEY", "hush")
    repository.create_variable("STACK", "dev")
    assert [secret.name for secret in repository.get_secrets()] == ["KEY"]
    assert repository.get_variable("STACK").value == "dev"
    repository.get_variable("STACK").edit("prod")
    environment = repository.create_environment("dev", wait_timer=0)
    environment.create_variable("COLOR", "green")
    environment.create_secret("TOKEN", "hush")
    assert [it.name for it in repository.get_environments()] == ["dev"]
    held = scene.stand_in.world.repository("mlops/guide")
    assert (held.variables["STACK"]["value"], held.environments["dev"].variables["COLOR"]["value"]) == ("prod", "green")
    repository.delete_secret("KEY")
    repository.delete_environment("dev")
    assert (held.secrets, held.environments) == ({}, {})


def test_what_waits_for_a_reviewer_is_found_and_approved(scene: Scene) -> None:
    repository = scene.stand_in.world.repository("mlops/guide")
    repository.environments["prod"] = Environment(700, "prod", settings={"reviewers": [{"type": "User", "id": 5}]})
    text = "on: [push, workflow_dispatch]\njobs: {deploy: {runs-on: base, environment: prod, steps: [{run: make}]}}\n"
    repository.workflows["deploy.yml"] = workflow.parse(10, ".github/workflows/deploy.yml", text)
    client = scene.client().get_repo("mlops/guide")
    client.get_workflow("deploy.yml").create_dispatch("main")
    (run,) = client.get_workflow_runs(status="waiting")
    (environment,) = [it for it in client.get_environments() if it.name == "prod"]
    (rule,) = environment.protection_rules
    assert (rule.type, [reviewer.type for reviewer in rule.reviewers]) == ("required_reviewers", ["User"])
    assert run.status == "waiting"


def test_a_branch_is_read(scene: Scene) -> None:
    branch = scene.client().get_repo("mlops/guide").get_branch("main")
    assert (branch.name, branch.commit.sha) == ("main", "0" * 40)


def test_an_app_signs_and_gets_a_token_that_is_narrowed_to_it(scene: Scene) -> None:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    auth = github.Auth.AppAuth(1, KEY.private_bytes(*form).decode())
    integration = github.GithubIntegration(
        auth=auth, base_url=f"{scene.url}/api/v3", seconds_between_requests=None, seconds_between_writes=None
    )
    assert integration.get_app().slug == "gpu-runners"
    installation = integration.get_repo_installation("mlops", "guide")
    assert [it.id for it in integration.get_installations()] == [installation.id] == [7]
    token = integration.get_access_token(installation.id, permissions={"administration": "read"})
    assert token.expires_at > datetime.datetime.now(datetime.UTC)
    narrow = scene.client(github.Auth.Token(token.token))
    assert list(narrow.get_repo("mlops/guide").get_self_hosted_runners()) == []
    with pytest.raises(github.GithubException) as refused:
        narrow.get_repo("mlops/guide").create_variable("STACK", "dev")
    assert refused.value.status == 403


def test_it_reads_its_budget_and_is_refused_without_a_token(scene: Scene) -> None:
    client = scene.client()
    client.get_repo("mlops/guide")
    assert client.get_rate_limit().resources.core.limit == 5000
    with pytest.raises(github.BadCredentialsException):
        scene.client(github.Auth.Token("ghp_wrong")).get_repo("mlops/guide")
