"""Asks GitHub, before anything is declared, whether `pulumi up` will be able to declare what a stack wants there.

As about the registrar: no answer is no problem, and nothing is changed.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from access.forge_errors import (
    Answers,
    ForgeRefusedError,
    ForgeUnreachableError,
    answers_are_read,
    problems_of,
    refusals_mean,
)
from access.github.client import GitHubClient
from access.github.environments import require_environments
from access.github.fork_workflows import open_forks
from access.github.registrar import CLASSIC_SCOPES, lacking, not_administered
from access.github.reviewers import unknown_reviewers
from access.github.tokens import require_classic_scope, token_for
from values.credential import Credential
from values.forge_questions import WiringQuestion
from values.problem import Problem
from values.scope import Scope, ScopeKind
from values.wiring import GroupWiring, RepositoryWiring

GROUPS: Final = {"organization_self_hosted_runners": "write", "metadata": "read"}
# What is asked to see whether a token has a permission, as it does not tell. Nothing can be asked about `environments`
# before there is one.
PROBES: Final = {
    "administration": "actions/permissions",
    "secrets": "actions/secrets/public-key",
    "actions_variables": "actions/variables?per_page=1",
}


def ask_about_wiring(question: WiringQuestion) -> Answers:
    """Looks into every group and repository."""
    answers = Answers()
    with GitHubClient.of_scope(question.forge, question.ca) as client:
        look = _Look(client, question.credential, answers)
        checks: list[tuple[str, Callable[[], Iterator[Problem]]]] = [
            *((f"{group.organization}/{group.name}", partial(look.group, group)) for group in question.groups),
            *((wiring.path, partial(look.repository, wiring)) for wiring in question.repositories),
        ]
        for name, check in checks:
            try:
                with answers_are_read(f"a question about {name}"):
                    answers.problems += check()  # those before an error stay
            except ForgeUnreachableError as error:
                answers.unanswered(name, error)
    return answers


def permissions_for(wiring: RepositoryWiring) -> dict[str, str]:
    """What an App must be allowed in a repository to declare this there."""
    needed = {"metadata": "read"}
    if wiring.environments or wiring.actions_permissions:
        needed["administration"] = "write"
    if wiring.environments:
        needed |= {"actions": "read", "environments": "write"}
    if wiring.variables:
        needed["actions_variables"] = "write"
    if wiring.secrets:
        needed["secrets"] = "write"
    return needed


class _Look:
    """Yields problems; a check ends where going on would only repeat them."""

    def __init__(self, client: GitHubClient, credential: Credential, answers: Answers) -> None:
        self._client, self._credential, self._answers = client, credential, answers

    def group(self, group: GroupWiring) -> Iterator[Problem]:
        """A runner group: may it be declared, and are its repositories there?"""
        organization = Scope(group.organization)
        try:
            token = token_for(self._client, self._credential, organization, GROUPS)
            with refusals_mean(
                _meanings(str(organization), "runner groups", "organization_self_hosted_runners: write")
            ):
                headers = self._client.ask("GET", f"{organization.groups_path}?per_page=1", token=token)[1]
            require_classic_scope(self._credential, headers, CLASSIC_SCOPES[ScopeKind.ORGANIZATION])
        except ForgeRefusedError as refusal:
            yield from refusal.problems
            return
        for repository in group.repositories:
            yield from problems_of(partial(self._read, repository, token))

    def repository(self, wiring: RepositoryWiring) -> Iterator[Problem]:
        """A repository: may all of this be declared in it, and are its reviewers there?"""
        path, needed = Scope(wiring.path), permissions_for(wiring)
        try:
            token = token_for(self._client, self._credential, path, needed)
            repository = self._read(path, token)
        except ForgeRefusedError as refusal:
            yield from refusal.problems
            return
        if self._credential.token:
            if repository.get("permissions", {}).get("admin") is False:
                yield not_administered(path, "change its settings")
            for permission, probe in PROBES.items():
                if permission in needed:
                    yield from problems_of(partial(self._probe, path, permission, probe, token))
        is_private = bool(repository.get("private"))
        if wiring.environments and is_private:
            yield from problems_of(partial(require_environments, self._client, path, token))
        yield from unknown_reviewers(self._client, self._credential, wiring, token)
        concern = open_forks(self._client, path, is_private=is_private, token=token)
        if concern:
            self._answers.concerns.append(concern)

    def _read(self, path: Scope, token: str) -> Any:
        with refusals_mean(_meanings(str(path), "repository", "metadata: read")):
            repository, headers = self._client.ask("GET", path.api_path, token=token)
        require_classic_scope(self._credential, headers, CLASSIC_SCOPES[ScopeKind.REPOSITORY])
        return repository

    def _probe(self, path: Scope, permission: str, probe: str, token: str) -> None:
        with refusals_mean(_meanings(str(path), probe.partition("?")[0], f"{permission}: write")):
            self._client.ask("GET", f"{path.api_path}/{probe}", token=token)


def _meanings(path: str, what: str, needed: str) -> dict[int, Problem]:
    return {
        401: Problem(
            "githubToken",
            "a credential that is not accepted: expired, revoked or of another GitHub",
            "one that is",
            "give a new githubToken",
        ),
        403: lacking(path, f"read {what} of {path}", needed),
        404: Problem(
            path,
            f"{path} does not exist, or the credential may not see its {what}",
            "one that it may see",
            f"check the spelling, and that it has {needed}",
        ),
    }
