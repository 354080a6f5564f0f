"""Asks GitHub, before anything is declared, whether `pulumi up` will be able to declare what a stack wants there.

Like github_access: one message lists every problem with its cure, no answer is no problem, and nothing is changed.
Warns of forks whose pull requests start workflows unasked: Pulumi's provider has no resource for that.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import gidgethub
import pulumi

from components.forge_scope import ForgeScope
from components.github_access import CLASSIC_SCOPES, ForgeAccessError, Warn
from components.github_proof import Proof, token_for
from components.github_questions import AwayError, DeniedError, Questions, told
from components.repository_wiring import ForgeRepositoryArgs

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
    repositories: Mapping[str, ForgeRepositoryArgs],
    proof: Proof,
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


def permissions_for(wiring: ForgeRepositoryArgs) -> dict[str, str]:
    """What an App must be allowed in a repository to declare this there."""
    environments = wiring["environments"]
    needed = {"metadata": "read"}
    if environments or "actions_permissions" in wiring:
        needed["administration"] = "write"
    if environments:
        needed |= {"actions": "read", "environments": "write"}
    if wiring["variables"]:
        needed["actions_variables"] = "write"
    if wiring["secrets"]:
        needed["secrets"] = "write"
    return needed


class _Look:
    """Yields problems; a check ends where going on would only repeat them."""

    def __init__(self, questions: Questions, proof: Proof, warn: Warn) -> None:
        self._questions, self._proof, self._warn = questions, proof, warn

    def group(self, organization: str, repositories: tuple[str, ...]) -> Iterator[str]:
        """A runner group: may it be declared, and are its repositories there?"""
        try:
            token = token_for(self._questions, self._proof, organization, GROUPS)
            with told(_refused(organization, "runner groups", "organization_self_hosted_runners: write")):
                url = f"/orgs/{organization}/actions/runner-groups?per_page=1"
                headers = self._questions.ask("GET", url, token=token)[1]
            self._require_scope(headers, CLASSIC_SCOPES[False])
        except DeniedError as problem:
            yield str(problem)
            return
        for path in repositories:
            yield from self._problems(partial(self._read, path, token))

    def repository(self, path: str, wiring: ForgeRepositoryArgs) -> Iterator[str]:
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
                    yield from self._problems(partial(self._probe, path, permission, probe, token))
        yield from self._reviewers(path, wiring, token)
        self._warn_of_forks(path, is_private=bool(found.get("private")), token=token)

    def _problems(self, check: Callable[[], object]) -> Iterator[str]:
        try:
            check()
        except DeniedError as problem:
            yield str(problem)

    def _read(self, path: str, token: str) -> Any:
        with told(_refused(path, "repository", "metadata: read")):
            found, headers = self._questions.ask("GET", f"/repos/{path}", token=token)
        self._require_scope(headers, CLASSIC_SCOPES[True])
        return found

    def _probe(self, path: str, permission: str, probe: str, token: str) -> None:
        with told(_refused(path, probe.partition("?")[0], f"{permission}: write")):
            self._questions.ask("GET", f"/repos/{path}/{probe}", token=token)

    def _require_scope(self, headers: Mapping[str, str], scope: str) -> None:
        classic = headers.get("x-oauth-scopes")
        if classic is not None and self._proof.token and scope not in [one.strip() for one in classic.split(",")]:
            raise DeniedError(f"the token has the scopes {classic or 'none'}; allowed: {scope}; give it that one")

    def _reviewers(self, path: str, wiring: ForgeRepositoryArgs, token: str) -> Iterator[str]:
        owner = path.partition("/")[0]
        users = {login for each in wiring["environments"] for login in each.get("reviewer_users", ())}
        teams = {slug for each in wiring["environments"] for slug in each.get("reviewer_teams", ())}
        for login in sorted(users):
            words = {
                404: f"reviewers.users of {path}: found {login}; allowed: a user of this GitHub; correct the login"
            }
            yield from self._problems(partial(self._person, f"/users/{login}", words, token))
        if not teams:
            return
        try:
            # An App's token for a repository sees no teams.
            token = token_for(self._questions, self._proof, owner, {"members": "read"})
        except DeniedError as problem:
            yield str(problem)
            return
        for slug in sorted(teams):
            found = f"reviewers.teams of {path}: found {slug}"
            words = {
                403: f"{found}, but the credential may not read the teams of {owner}; it needs members: read",
                404: f"{found}; allowed: a team of {owner} that the credential may see; correct the slug",
            }
            url = f"/orgs/{owner}/teams/{slug}"
            yield from self._problems(partial(self._person, url, words, token))

    def _person(self, url: str, words: Mapping[int, str], token: str) -> None:
        with told(words):
            self._questions.ask("GET", url, token=token)

    def _warn_of_forks(self, path: str, *, is_private: bool, token: str) -> None:
        kind = "fork-pr-workflows-private-repos" if is_private else "fork-pr-contributor-approval"
        url = f"repos/{path}/actions/permissions/{kind}"
        try:
            found = self._questions.ask("GET", f"/{url}", token=token)[0]
        except (gidgethub.HTTPException, AwayError):  # older servers know no such setting, others may not say
            return
        if is_private:
            is_open = (
                found["run_workflows_from_fork_pull_requests"] and not found["require_approval_for_fork_pr_workflows"]
            )
            cure = f"gh api -X PUT {url} -F run_workflows_from_fork_pull_requests=false"
        else:
            is_open = found["approval_policy"] != "all_external_contributors"
            cure = f"gh api -X PUT {url} -f approval_policy=all_external_contributors"
        if is_open:
            self._warn(f"pull requests from forks start workflows of {path} without anybody's approval; `{cure}`")


def _refused(path: str, what: str, needed: str) -> dict[int, str]:
    return {
        401: "the credential is not accepted: expired, revoked or of another GitHub; give a new githubToken",
        403: f"the credential may not read {what} of {path}; it needs {needed}",
        404: f"{path} does not exist, or the credential may not see its {what}; check the spelling, and {needed}",
    }
