"""Asks GitHub, before anything is declared, whether the registrar will be able to do its work there.

A GitHub that does not answer is no problem of the stack: the registrar waits for it. Reads only; the one thing that is
made is an App's token of one hour, which shows that the App may have it.
"""

from collections.abc import Mapping
from typing import Final

from access.forge_errors import Answers, ForgeRefusedError, ForgeUnreachableError, answers_are_read, refusals_mean
from access.github.client import GitHubClient
from access.github.groups import Group, named_group, runner_groups, selected_repositories
from access.github.tokens import require_classic_scope, token_for, words
from values.contract import GITHUB_MOST_REPOSITORIES
from values.forge_questions import RegistrarQuestion
from values.github import registrar_permissions
from values.problem import Problem
from values.scope import Scope, ScopeKind

CLASSIC_SCOPES: Final = {ScopeKind.REPOSITORY: "repo", ScopeKind.ORGANIZATION: "admin:org"}


def ask_about_registrar(question: RegistrarQuestion) -> Answers:
    """Looks into every scope and group."""
    with GitHubClient.of_scope(question.forge, question.ca) as client:
        look = _Look(client, question)
        for scope, group in dict.fromkeys(question.scopes):
            try:
                with answers_are_read(f"a question about {scope}"):
                    look.into(scope, group)
            except ForgeRefusedError as refusal:
                look.answers.problems += refusal.problems
            except ForgeUnreachableError as error:
                look.answers.unanswered(f"scope {scope}", error)
    return look.answers


class _Look:
    """The questions, one after the other."""

    def __init__(self, client: GitHubClient, question: RegistrarQuestion) -> None:
        self._client, self._question = client, question
        self._forge, self._credential = question.forge, question.credential
        self.answers = Answers()

    def _permissions(self, scope: Scope) -> dict[str, str]:
        return registrar_permissions(scope, reruns=scope in self._question.reruns)

    def into(self, scope: Scope, group: str | None) -> None:
        """Raises ForgeRefusedError at the first thing that is not as it must be."""
        token = token_for(self._client, self._credential, scope, self._permissions(scope))
        headers = self._runners(scope, token)
        require_classic_scope(self._credential, headers, CLASSIC_SCOPES[scope.kind])
        if scope.is_repository:
            self._repository(scope, token)
        else:
            self._group(scope, group, token)

    def _runners(self, scope: Scope, token: str) -> Mapping[str, str]:
        key = f"scope {scope}"
        cure = "check the spelling of the scope"
        if not scope.is_repository:
            cure += "; a user's account is no organization: name one of its repositories"
        meanings = {
            401: Problem(
                "forgeToken",
                "a credential that is not accepted: expired, revoked or of another GitHub",
                f"one of {self._forge.url}",
                "give a new forgeToken",
            ),
            403: lacking(key, f"list the runners of {scope}", words(self._permissions(scope))),
            404: Problem(
                key, f"{scope} does not exist, or the credential may not see it", "a scope that it may see", cure
            ),
        }
        with refusals_mean(meanings):
            return self._client.ask("GET", f"{scope.runners_path}?per_page=1", token=token)[1]

    def _repository(self, scope: Scope, token: str) -> None:
        key, path = f"scope {scope}", scope.api_path
        with refusals_mean({403: lacking(key, f"read {scope}", "metadata: read")}):
            repository = self._client.ask("GET", path, token=token)[0]
        if self._forge.is_hosted and repository.get("visibility") == "public":
            found = f"{scope} is public: anybody's pull request could run code here"
            raise ForgeRefusedError.of(Problem(key, found, "a private repository", "make it private"))
        if self._credential.token and repository.get("permissions", {}).get("admin") is False:
            raise ForgeRefusedError.of(not_administered(scope, "register runners"))
        with refusals_mean({403: lacking(key, f"read the workflow runs of {scope}", "actions: read")}):
            self._client.ask("GET", f"{path}/actions/runs?per_page=1", token=token)

    def _group(self, scope: Scope, name: str | None, token: str) -> None:
        with refusals_mean(
            {403: lacking(f"scope {scope}", f"list the runner groups of {scope}", words(self._permissions(scope)))}
        ):
            groups = runner_groups(self._client, scope, token)
        group = named_group(groups, name)
        if group is None:
            if (scope.path.lower(), name) in self._question.declared_groups:
                return
            cure = "declare it in platform.runnerGroups, create it, or name one of these"
            raise ForgeRefusedError.of(
                Problem("runnerGroup", str(name), f"{', '.join(group['name'] for group in groups)} of {scope}", cure)
            )
        if group["allows_public_repositories"]:
            found = (
                f"the runner group {group['name']} of {scope} allows public repositories: anybody could run code here"
            )
            cure = "switch that off in its settings, or name another runnerGroup"
            raise ForgeRefusedError.of(Problem("runnerGroup", found, "a group for private repositories", cure))
        if (scope.path.lower(), name) not in self._question.declared_groups:  # else this `up` sets it
            _require_restriction(scope, group, self._question.restrictions.get((scope, name)))
        self._note_many(scope, group, token)

    def _note_many(self, scope: Scope, group: Group, token: str) -> None:
        most = GITHUB_MOST_REPOSITORIES
        meaning = lacking(f"scope {scope}", f"list the repositories of {scope}", "metadata: read")
        with refusals_mean({403: meaning}):
            selected = selected_repositories(self._client, scope, group, token, at_most=1)
            if selected is not None:
                count = selected["total_count"]
                found, where = f"{count} repositories", f"{most} of them"
            else:
                url = f"{scope.api_path}/repos?per_page={most + 1}"
                count = len(self._client.ask("GET", url, token=token)[0])
                found, where = "all repositories", f"the {most} that were pushed to last"
        if count > most:
            what = f"the runner group {group['name']} of {scope} is open to {found}"
            looks = f"{what}, but the registrar looks for jobs only in {where}"
            cure = f"use a group of at most {most} repositories (platform.runnerGroups declares one)"
            self.answers.concerns.append(Problem("runnerGroup", looks, f"at most {most}", cure))


def _require_restriction(scope: Scope, group: Group, wanted: frozenset[str] | None) -> None:
    """Raises ForgeRefusedError where other workflows than those that may deploy get to the runners that do."""
    if wanted is None:
        return
    selected = group.get("selected_workflows") or []
    if group.get("restricted_to_workflows") and {text.lower() for text in selected} == {it.lower() for it in wanted}:
        return
    open_to = ", ".join(selected) if group.get("restricted_to_workflows") else "every workflow"
    found = f"the runner group {group['name']} of {scope} is open to {open_to}, and its runners deploy"
    cure = "restrict it in its settings (Workflow access), or declare it in platform.runnerGroups with these workflows"
    allowed = f"a group for {', '.join(sorted(wanted))} alone"
    raise ForgeRefusedError.of(Problem("runnerGroup", found, allowed, cure))


def lacking(key: str, may_not: str, needed: str) -> Problem:
    """A credential that may not do this for want of a permission."""
    return Problem(key, f"the credential may not {may_not}", "a credential that may", f"it needs {needed}")


def not_administered(repository: Scope, do: str) -> Problem:
    """A token of a user who is no administrator of the repository."""
    found = f"a token whose user is no administrator of {repository}"
    return Problem(f"scope {repository}", found, f"one of an administrator: only those may {do}", "use one of theirs")
