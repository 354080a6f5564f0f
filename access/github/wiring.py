"""Asks GitHub, before anything is declared, whether `pulumi up` will be able to declare what a stack wants there.

Like github_access: one message lists every problem with its cure, no answer is no problem, and nothing is changed.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pulumi

from access.github.fork_workflows import open_forks
from access.github.proof import require_classic_scope, token_for
from access.github.questions import AwayError, DeniedError, Questions, denied, told
from access.github.registrar import CLASSIC_SCOPES, ForgeAccessError, Warn
from access.github.reviewers import unknown_reviewers
from values.credential import Credential
from values.scope import ForgeScope
from values.wiring import RepositoryWiring

Group = tuple[str, tuple[str, ...]]  # its organization, and its repositories as owner/repository
GROUPS: Final = {"organization_self_hosted_runners": "write", "metadata": "read"}
# What is asked to see whether a token has a permission, as it does not tell. Nothing can be asked about `environments`
# before there is one.
PROBES: Final = {
    "administration": "actions/permissions",
    "secrets": "actions/secrets/public-key",
    "actions_variables": "actions/variables?per_page=1",
}


def require_wiring_access(
    forge: ForgeScope,
    groups: Mapping[str, Group],
    repositories: Mapping[str, RepositoryWiring],
    proof: Credential,
    ca: str = "",
    *,
    warn: Warn = pulumi.warn,
) -> None:
    """Checks runner groups by organization/name and repositories by owner/repository. Raises ForgeAccessError."""
    problems: list[str] = []
    with Questions(forge, ca) as questions:
        look = _Look(questions, proof, warn)
        checks = [
            *((name, look.group(*group)) for name, group in groups.items()),
            *((path, look.repository(path, wiring)) for path, wiring in repositories.items()),
        ]
        for name, check in checks:
            try:
                problems += check
            except AwayError as error:
                warn(f"whether {name} can be declared at GitHub is not known: {error}")
    if problems:
        start = f"what the stack declares at {forge.url} could not be declared; nothing was changed:"
        raise ForgeAccessError("\n  ".join([start, *dict.fromkeys(problems)]))


def permissions_for(wiring: RepositoryWiring) -> dict[str, str]:
    """What an App must be allowed in a repository to declare this there."""
    environments = wiring.environments
    needed = {"metadata": "read"}
    if environments or wiring.actions_permissions:
        needed["administration"] = "write"
    if environments:
        needed |= {"actions": "read", "environments": "write"}
    if wiring.variables:
        needed["actions_variables"] = "write"
    if wiring.secrets:
        needed["secrets"] = "write"
    return needed


class _Look:
    """Yields problems; a check ends where going on would only repeat them."""

    def __init__(self, questions: Questions, proof: Credential, warn: Warn) -> None:
        self._questions, self._proof, self._warn = questions, proof, warn

    def group(self, organization: str, repositories: tuple[str, ...]) -> Iterator[str]:
        """A runner group: may it be declared, and are its repositories there?"""
        try:
            token = token_for(self._questions, self._proof, organization, GROUPS)
            with told(_refused(organization, "runner groups", "organization_self_hosted_runners: write")):
                url = f"/orgs/{organization}/actions/runner-groups?per_page=1"
                headers = self._questions.ask("GET", url, token=token)[1]
            require_classic_scope(self._proof, headers, CLASSIC_SCOPES[False])
        except DeniedError as problem:
            yield str(problem)
            return
        for path in repositories:
            yield from denied(partial(self._read, path, token))

    def repository(self, path: str, wiring: RepositoryWiring) -> Iterator[str]:
        """A repository: may all of this be declared in it, and are its reviewers there?"""
        needed = permissions_for(wiring)
        try:
            token = token_for(self._questions, self._proof, path, needed)
            found = self._read(path, token)
        except DeniedError as problem:
            yield str(problem)
            return
        if self._proof.token:
            if found.get("permissions", {}).get("admin") is False:
                yield f"the token's user is no administrator of {path}; only those may change its settings"
            for permission, probe in PROBES.items():
                if permission in needed:
                    yield from denied(partial(self._probe, path, permission, probe, token))
        yield from unknown_reviewers(self._questions, self._proof, path, wiring.environments, token)
        warning = open_forks(self._questions, path, is_private=bool(found.get("private")), token=token)
        if warning:
            self._warn(warning)

    def _read(self, path: str, token: str) -> Any:
        with told(_refused(path, "repository", "metadata: read")):
            found, headers = self._questions.ask("GET", f"/repos/{path}", token=token)
        require_classic_scope(self._proof, headers, CLASSIC_SCOPES[True])
        return found

    def _probe(self, path: str, permission: str, probe: str, token: str) -> None:
        with told(_refused(path, probe.partition("?")[0], f"{permission}: write")):
            self._questions.ask("GET", f"/repos/{path}/{probe}", token=token)


def _refused(path: str, what: str, needed: str) -> dict[int, str]:
    return {
        401: "the credential is not accepted: expired, revoked or of another GitHub; give a new githubToken",
        403: f"the credential may not read {what} of {path}; it needs {needed}",
        404: f"{path} does not exist, or the credential may not see its {what}; check the spelling, and {needed}",
    }
