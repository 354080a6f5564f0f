"""What is said about GitHub, against the lab's stand-in over HTTP, whose exchanges GitHub's description judges."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gpu_runners.doctor.core.findings import Finding, State
from gpu_runners.doctor.github import registrar, wiring
from lab.github.server import Exchange, StandIn
from tests.github import description as github_description
from tests.gpu_runners.serving import serving
from values.credential import Credential
from values.forge_questions import RegistrarQuestion, WiringQuestion
from values.scope import ForgeScope, Scope
from values.wiring import ActionsPermissions, EnvironmentWiring, GroupWiring, RepositoryWiring

REPOSITORY, ORGANIZATION = "mlops/guide", "mlops"
MANIFESTS = Path(__file__).parents[3] / "gpu_runners/app"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
APP, TOKEN = Credential(app_id="1", private_key=PEM), Credential(token="ghp_everything")


def manifest(name: str) -> dict[str, str]:
    default_permissions: dict[str, str] = json.loads((MANIFESTS / f"{name}.json").read_text())["default_permissions"]
    return default_permissions


class Bench:
    """The stand-in, and the doctor in front of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.workflows: frozenset[str] = frozenset()
        self.http = httpx2.Client(base_url=f"{url}/_lab", trust_env=False)
        self.arrange("PUT", "/tokens/ghp_everything", {})
        self.arrange("PUT", f"/repositories/{REPOSITORY}", {})
        self.install(manifest("repository") | manifest("organization"))

    def arrange(self, method: str, path: str, body: Any) -> None:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text

    def install(
        self, permissions: dict[str, str], organization: str = ORGANIZATION, repositories: list[str] | None = None
    ) -> None:
        """The App, on all repositories unless some are named."""
        key = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        installation: dict[str, Any] = {"id": 7, "organization": organization, "permissions": permissions}
        installation["repositories"] = repositories
        app = {"id": 1, "client_id": "Iv23", "slug": "gpu-runners", "public_key": key, "installations": [installation]}
        self.arrange("PUT", "/app", app)

    def group(self, **settings: Any) -> None:
        """A runner group `gpu`, open to the repository alone unless the settings say otherwise."""
        headers = {"Authorization": "Bearer ghp_everything"}
        repository = httpx2.get(f"{self.url}/api/v3/repos/{REPOSITORY}", headers=headers, trust_env=False).json()
        body = {"name": "gpu", "visibility": "selected", "selected_repository_ids": [repository["id"]]} | settings
        url = f"{self.url}/api/v3/orgs/{ORGANIZATION}/actions/runner-groups"
        assert httpx2.post(url, json=body, headers=headers, trust_env=False).is_success

    def self_hosted(self, enabled: str) -> None:
        """For whose repositories the organization allows self-hosted runners."""
        url = f"{self.url}/api/v3/orgs/{ORGANIZATION}/actions/permissions/self-hosted-runners"
        headers = {"Authorization": "Bearer ghp_everything"}
        assert httpx2.put(url, json={"enabled_repositories": enabled}, headers=headers, trust_env=False).is_success

    def repository(self, path: str) -> int:
        """Makes one; returns its id."""
        answer = self.http.put(f"/repositories/{path}", json={})
        return int(answer.json()["id"])

    def found(self, scope: str = REPOSITORY, group: str | None = None, proof: Credential = APP) -> list[Finding]:
        return list(registrar(self.question(scope, group, proof)))

    def question(self, scope: str, group: str | None, proof: Credential = APP) -> RegistrarQuestion:
        restrictions: dict[tuple[Scope, str | None], frozenset[str]] = {}
        if self.workflows:
            restrictions[Scope(ORGANIZATION), "gpu"] = self.workflows
        forge = ForgeScope("github", self.url, "")
        return RegistrarQuestion(forge, proof, ((Scope(scope), group),), restrictions=restrictions)

    def problem(self, state: State, check: str, **more: Any) -> Finding:
        """The one finding of that state; it is about this check and has a cure."""
        (found,) = (one for one in self.found(**more) if one.state is state)
        assert check in found.check
        assert found.cure
        return found


@pytest.fixture
def exchanges() -> list[Exchange]:
    """Everything that was asked of the stand-in's API."""
    return []


@pytest.fixture
def bench(exchanges: list[Exchange]) -> Iterator[Bench]:
    stand_in = StandIn(observe=exchanges.append)
    with serving(stand_in.application()) as url:
        stand_in.world.base = url
        found = Bench(url)
        yield found
        found.http.close()
    wrong = [problem for exchange in exchanges for problem in github_description.problems(exchange)]
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


@pytest.mark.parametrize("proof", [APP, TOKEN], ids=["App", "token"])
@pytest.mark.parametrize("scope", [REPOSITORY, ORGANIZATION])
def test_where_all_is_well_everything_is_ok(bench: Bench, scope: str, proof: Credential) -> None:
    if scope == ORGANIZATION:
        bench.group()
    found = bench.found(scope, "gpu" if scope == ORGANIZATION else None, proof)
    assert [str(one) for one in found if one.state is not State.OK] == []
    checks = " ".join(one.check for one in found)
    assert all(word in checks for word in ("credential", "rate budget", f"scope {scope}"))


def test_an_app_that_is_not_installed_is_told_where_to_install_it(bench: Bench) -> None:
    bench.install(manifest("repository"), "others")
    found = bench.problem(State.FAILED, "credential")
    assert "not installed on mlops/guide" in found.found
    assert "install it there" in found.cure


@pytest.mark.parametrize("missing", ["administration", "actions"])
def test_an_app_without_a_permission_is_told_which(bench: Bench, missing: str) -> None:
    bench.install({name: level for name, level in manifest("repository").items() if name != missing})
    found = bench.problem(State.FAILED, "credential")
    assert f"{missing}: " in found.found
    assert "give it these permissions" in found.cure


def test_a_token_that_is_not_accepted_is_not_shown(bench: Bench) -> None:
    found = bench.problem(State.FAILED, "credential", proof=Credential(token="hunter2"))
    assert "not accepted" in found.found
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(("permissions", "failed"), [("read", 1), ("write", 0)])
def test_a_token_that_may_only_read_runners_is_found_out(bench: Bench, permissions: str, failed: int) -> None:
    granted = {"administration": permissions, "actions": "read", "metadata": "read"}
    bench.arrange("PUT", "/tokens/github_pat_narrow", {"permissions": granted})
    found = bench.found(proof=Credential(token="github_pat_narrow"))
    problems = [one for one in found if one.state is State.FAILED]
    assert len(problems) == failed
    if problems:
        assert "may not remove runners" in problems[0].found
        assert "administration: write" in problems[0].found + problems[0].cure


def test_a_group_of_runners_that_deploy_fails_where_other_workflows_get_to_it(bench: Bench) -> None:
    bench.workflows = frozenset({f"{REPOSITORY}/.github/workflows/deploy.yml@refs/heads/main"})
    bench.group()
    found = bench.problem(State.FAILED, "runner group gpu", scope=ORGANIZATION, group="gpu")
    assert "open to every workflow, and its runners deploy" in found.found
    assert "Workflow access" in found.cure


def test_a_group_of_runners_that_deploy_is_ok_where_no_other_workflow_gets_to_it(bench: Bench) -> None:
    bench.workflows = frozenset({f"{REPOSITORY}/.github/workflows/deploy.yml@refs/heads/main"})
    bench.group(restricted_to_workflows=True, selected_workflows=sorted(bench.workflows))
    assert [str(one) for one in bench.found(ORGANIZATION, "gpu") if one.state is not State.OK] == []


def test_a_group_that_allows_public_repositories_fails(bench: Bench) -> None:
    bench.group(allows_public_repositories=True)
    found = bench.problem(State.FAILED, "scope mlops, runner group gpu", scope=ORGANIZATION, group="gpu")
    assert "allows public repositories" in found.found
    assert "switch that off" in found.found + found.cure


def test_a_group_that_no_repository_may_use_fails(bench: Bench) -> None:
    bench.group(selected_repository_ids=[])
    found = bench.problem(State.FAILED, "visibility", scope=ORGANIZATION, group="gpu")
    assert "no repository may use it" in found.found


def test_an_unknown_group_is_told_with_those_that_there_are(bench: Bench) -> None:
    found = bench.problem(State.FAILED, "runner group gpus", scope=ORGANIZATION, group="gpus")
    assert "runnerGroup: gpus; allowed: Default" in found.found
    assert found.cure == "declare it in platform.runnerGroups, create it, or name one of these"


def test_a_group_that_the_stack_itself_makes_need_not_be_there(bench: Bench) -> None:
    question = replace(bench.question(ORGANIZATION, "gpus"), declared_groups=frozenset({(ORGANIZATION, "gpus")}))
    assert {finding.state for finding in registrar(question)} == {State.OK}


def test_whoever_may_use_a_group_is_named(bench: Bench) -> None:
    workflow = f"{REPOSITORY}/.github/workflows/train.yml@refs/heads/main"
    bench.group(restricted_to_workflows=True, selected_workflows=[workflow])
    (visible,) = (one for one in bench.found(ORGANIZATION, "gpu") if "visibility" in one.check)
    assert f"{REPOSITORY} may use it, in {workflow} only" in visible.found


def test_a_low_rate_budget_fails_and_says_until_when(bench: Bench) -> None:
    bench.found()
    bench.arrange("PUT", "/limits", {"exhausted_seconds": 1800})
    found = {one.check: one for one in bench.found()}
    budget = found[f"rate budget for {REPOSITORY}"]
    assert (budget.state, "0 of 5000" in budget.found, "wait until" in budget.cure) == (State.FAILED, True, True)
    assert found[f"scope {REPOSITORY}"].state is State.UNKNOWN


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"status": 500}])
def test_a_github_that_does_not_answer_is_unknown_and_no_verdict(bench: Bench, fault: dict[str, Any]) -> None:
    bench.arrange("POST", "/faults", {"pattern": "/api/v3/", "times": None, **fault})
    states = {one.state for one in bench.found()}
    assert states == {State.UNKNOWN}


def test_nothing_is_changed_but_for_a_token_of_one_hour(bench: Bench, exchanges: list[Exchange]) -> None:
    bench.found()
    bench.found(proof=TOKEN)
    changes = {(exchange.method, exchange.path, exchange.status) for exchange in exchanges if exchange.method != "GET"}
    assert changes == {
        ("POST", "/api/v3/app/installations/7/access_tokens", 201),
        ("DELETE", f"/api/v3/repos/{REPOSITORY}/actions/runners/0", 404),
    }


RIGHTS = {**manifest("repository"), **manifest("organization")}


def of_check(findings: list[Finding], words: str) -> list[Finding]:
    return [finding for finding in findings if words in finding.check]


def test_a_repository_of_the_group_that_the_app_is_not_installed_on_is_named(bench: Bench) -> None:
    ids = [bench.repository(REPOSITORY), bench.repository("mlops/other")]
    bench.install(RIGHTS, repositories=[REPOSITORY])
    bench.group(selected_repository_ids=ids)
    (found,) = of_check(bench.found(ORGANIZATION, "gpu"), "repositories of runner group gpu")
    assert (found.state, found.found) == (State.FAILED, "jobs of these are not seen: mlops/other: it is not seen (404)")
    assert "select them in the App's installation" in found.cure


def test_a_group_of_more_repositories_than_jobs_are_looked_for_in_is_told(bench: Bench) -> None:
    bench.group(selected_repository_ids=[bench.repository(f"mlops/r{number}") for number in range(25)])
    (reached,) = of_check(bench.found(ORGANIZATION, "gpu", TOKEN), "repositories of runner group gpu")
    assert reached.found == "the credential sees the 20 of 25 in which jobs are looked for"
    (scope,) = of_check(bench.found(ORGANIZATION, "gpu", TOKEN), "scope mlops")
    assert scope.state is not State.OK
    assert "open to 25 repositories, but the registrar looks for jobs only in 20 of them" in scope.found


@pytest.mark.parametrize("status", [301, 403, 410, 451])
def test_a_repository_of_the_group_that_cannot_be_read_is_named(bench: Bench, status: int) -> None:
    ids = [bench.repository(REPOSITORY), bench.repository("mlops/other")]
    bench.group(selected_repository_ids=ids)
    bench.arrange("POST", "/faults", {"pattern": "/repos/mlops/other/actions", "times": None, "status": status})
    (found,) = of_check(bench.found(ORGANIZATION, "gpu", TOKEN), "repositories of runner group gpu")
    assert found.state is State.FAILED
    assert "mlops/other: it" in found.found
    assert f"({status})" in found.found


def test_a_group_for_all_and_an_app_for_some_are_told_apart(bench: Bench) -> None:
    bench.install(RIGHTS, repositories=[REPOSITORY])
    (found,) = of_check(bench.found(ORGANIZATION), "repositories of runner group by default")
    assert found.state is State.FAILED
    assert "the App is installed on selected ones alone" in found.found
    bench.install(RIGHTS)
    assert of_check(bench.found(ORGANIZATION), "repositories of runner group by default") == []


def test_an_organization_that_disables_self_hosted_runners_fails(bench: Bench) -> None:
    bench.self_hosted("none")
    (found,) = of_check(bench.found(ORGANIZATION, proof=TOKEN), f"switches of {ORGANIZATION}")
    assert found.state is State.FAILED
    assert "self-hosted runners are disabled there" in found.found
    assert "gh api -X PUT orgs/mlops/actions/permissions/self-hosted-runners" in found.cure


def test_a_repository_without_actions_fails(bench: Bench) -> None:
    headers = {"Authorization": "Bearer ghp_everything"}
    url = f"{bench.url}/api/v3/repos/{REPOSITORY}/actions/permissions"
    assert httpx2.put(url, json={"enabled": False}, headers=headers, trust_env=False).is_success
    (found,) = of_check(bench.found(), f"switches of {REPOSITORY}")
    assert (found.state, "GitHub Actions is off there" in found.found) == (State.FAILED, True)


WIRING = RepositoryWiring(
    REPOSITORY,
    variables={"STATE": "s3://state"},
    secrets={"KEY": "hush"},
    environments=(EnvironmentWiring("dev", ("main",)),),
    actions_permissions=ActionsPermissions("all", sha_pinning_required=True),
)


def wired(bench: Bench) -> list[Finding]:
    group = GroupWiring(ORGANIZATION, "gpu", (Scope(REPOSITORY),))
    return list(wiring(WiringQuestion(ForgeScope("github", bench.url, ""), APP, (group,), (WIRING,))))


def test_the_app_for_wiring_may_declare_everything(bench: Bench) -> None:
    bench.install(manifest("wiring"))
    assert [str(one) for one in wired(bench) if one.state is State.FAILED] == []


GUARDED = RepositoryWiring(REPOSITORY, environments=(EnvironmentWiring("dev", ("main",), ("octocat",)),))
RESTRICTED = GroupWiring(ORGANIZATION, "gpu", (Scope(REPOSITORY),), ("mlops/guide/.github/workflows/t.yml@main",))
PLAIN_GROUP = GroupWiring(ORGANIZATION, "gpu", (Scope(REPOSITORY),))


def plans_of(bench: Bench, group: GroupWiring, repository: RepositoryWiring, url: str = "") -> list[Finding]:
    question = WiringQuestion(ForgeScope("github", url or bench.url, ""), TOKEN, (group,), (repository,))
    return of_check(list(wiring(question)), f"plan of {ORGANIZATION}")


@pytest.mark.parametrize("plan", ["free", "team"])
def test_what_the_plan_does_not_allow_is_told_with_the_plan(bench: Bench, plan: str) -> None:
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": plan})
    (found,) = plans_of(bench, RESTRICTED, GUARDED)
    assert found.state is State.FAILED
    assert f"GitHub {plan.capitalize()} does not allow `workflows` of runner group gpu, reviewers of" in found.found
    assert "GitHub Enterprise" in found.cure


def test_a_public_repository_has_reviewers_on_every_plan(bench: Bench) -> None:
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": "free"})
    bench.arrange("PUT", f"/repositories/{REPOSITORY}", {"private": False})
    assert plans_of(bench, PLAIN_GROUP, GUARDED) == []
    (found,) = plans_of(bench, RESTRICTED, GUARDED)
    assert (found.state, "reviewers" in found.found) == (State.FAILED, False)


def test_a_private_repository_on_the_free_plan_has_no_environments_whoever_asks(bench: Bench) -> None:
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": "free"})
    bench.install(manifest("wiring"))  # to an App GitHub does not tell the plan
    (found,) = [finding for finding in wired(bench) if finding.state is State.FAILED]
    assert f"GitHub has no environments in {REPOSITORY}: it is private" in found.found
    assert f"move {ORGANIZATION} to GitHub Pro, Team or Enterprise" in found.cure
    assert "platform.repositories" in found.cure


@pytest.mark.parametrize(("plan", "private"), [("free", False), ("team", True), ("pro", True), ("enterprise", True)])
def test_environments_are_found_wherever_the_plan_has_them(bench: Bench, plan: str, private: bool) -> None:
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": plan})
    bench.arrange("PUT", f"/repositories/{REPOSITORY}", {"private": private})
    bench.install(manifest("wiring"))
    assert [str(finding) for finding in wired(bench) if finding.state is State.FAILED] == []


def test_a_plan_for_enterprises_allows_it(bench: Bench) -> None:
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": "enterprise"})
    assert [found.state for found in plans_of(bench, RESTRICTED, GUARDED)] == [State.OK]


def test_a_server_of_ones_own_has_no_plan_and_what_every_plan_allows_needs_none(bench: Bench) -> None:
    assert plans_of(bench, RESTRICTED, GUARDED) == []
    bench.arrange("PUT", f"/plans/{ORGANIZATION}", {"name": "free"})
    assert plans_of(bench, PLAIN_GROUP, WIRING) == []


@pytest.mark.parametrize("missing", ["organization_self_hosted_runners", "secrets", "environments"])
def test_an_app_for_wiring_that_lacks_a_permission_is_told_which(bench: Bench, missing: str) -> None:
    bench.install({name: level for name, level in manifest("wiring").items() if name != missing})
    problems = [one for one in wired(bench) if one.state is State.FAILED]
    assert problems
    assert all(f"{missing}: write" in problem.found and problem.cure for problem in problems)
