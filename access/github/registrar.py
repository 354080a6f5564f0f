"""Asks GitHub, before anything is declared, whether the registrar will be able to do its work there.

One message lists every problem with its cure. A GitHub that does not answer is no problem of the stack: the registrar
waits for it. Reads only; the one thing it makes is an App's token of one hour, which shows that the App may have it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import pulumi

from access.github.proof import require_classic_scope, token_for
from access.github.questions import AwayError, DeniedError, Questions, told
from values.contract import (
    GITHUB_MOST_REPOSITORIES,
    GITHUB_ORGANIZATION_PERMISSIONS,
    GITHUB_REPOSITORY_PERMISSIONS,
)
from values.credential import Credential
from values.scope import ForgeScope

# By whether the scope is a repository; else it is an organization.
NEEDED: Final = {True: GITHUB_REPOSITORY_PERMISSIONS, False: GITHUB_ORGANIZATION_PERMISSIONS}
CLASSIC_SCOPES: Final = {True: "repo", False: "admin:org"}

Warn = Callable[[str], object]


class ForgeAccessError(pulumi.RunError):
    """Everything that keeps the stack from its work at the forge, in one message."""


def require_github_access(
    forge: ForgeScope,
    wanted: Iterable[tuple[str, str | None]],
    proof: Credential,
    ca: str = "",
    warn: Warn = pulumi.warn,
    *,
    declared: Collection[tuple[str, str]] = (),
) -> None:
    """Checks every (scope's path, runner group). Raises ForgeAccessError; warns where GitHub gives no answer.

    declared: the (organization, runner group)s that the stack itself declares, which need not exist yet.
    """
    problems: list[str] = []
    with Questions(forge, ca) as questions:
        look = _Look(questions, forge, proof, declared, warn)
        for path, group in dict.fromkeys(wanted):
            try:
                look.check(path, group)
            except DeniedError as problem:
                problems.append(str(problem))
            except AwayError as error:
                warn(f"whether runners can be registered at {path} is not known: {error}")
    if problems:
        lines = [f"the registrar could not work at {forge.url}; nothing was changed:", *dict.fromkeys(problems)]
        raise ForgeAccessError("\n  ".join(lines))


def require_all(*checks: Callable[[], object]) -> None:
    """Makes every check, and raises what they found as one ForgeAccessError."""
    refusals: list[str] = []
    for check in checks:
        try:
            check()
        except ForgeAccessError as refusal:
            refusals.append(str(refusal))
    if refusals:
        raise ForgeAccessError("\n".join(refusals))


class _Look:
    """The questions, one after the other."""

    def __init__(
        self,
        questions: Questions,
        forge: ForgeScope,
        proof: Credential,
        declared: Collection[tuple[str, str]],
        warn: Warn,
    ) -> None:
        self._questions, self._forge, self._proof = questions, forge, proof
        self._declared, self._warn = declared, warn

    def check(self, path: str, group: str | None) -> None:
        """Raises DeniedError at the first thing that is not as it must be."""
        is_repository = "/" in path
        base = f"/repos/{path}" if is_repository else f"/orgs/{path}"
        token = token_for(self._questions, self._proof, path, NEEDED[is_repository])
        headers = self._runners(path, base, token)
        require_classic_scope(self._proof, headers, CLASSIC_SCOPES[is_repository])
        if is_repository:
            self._repository(path, token)
        else:
            self._group(path, base, group, token)

    def _runners(self, path: str, base: str, token: str) -> Mapping[str, str]:
        needed = ", ".join(f"{name}: {level}" for name, level in NEEDED["/" in path].items())
        unknown = f"{path} does not exist, or the credential may not see it; check the spelling of the scope"
        if "/" not in path:
            unknown += "; a user's account is no organization: name one of its repositories"
        with told({
            401: "the credential is not accepted: expired, revoked or of another GitHub; give a new forgeToken",
            403: f"the credential may not list the runners of {path}; it needs {needed}",
            404: unknown,
        }):  # fmt: skip
            return self._questions.ask("GET", f"{base}/actions/runners?per_page=1", token=token)[1]

    def _repository(self, path: str, token: str) -> None:
        with told({403: f"the credential may not read {path}; it needs metadata: read"}):
            repository = self._questions.ask("GET", f"/repos/{path}", token=token)[0]
        if self._forge.is_hosted and repository.get("visibility") == "public":
            raise DeniedError(f"{path} is public: anybody's pull request could run code here; make it private")
        if self._proof.token and repository.get("permissions", {}).get("admin") is False:
            raise DeniedError(f"the token's user is no administrator of {path}; only those may register runners")
        with told({403: f"the credential may not read the workflow runs of {path}; it needs actions: read"}):
            self._questions.ask("GET", f"/repos/{path}/actions/runs?per_page=1", token=token)

    def _group(self, path: str, base: str, name: str | None, token: str) -> None:
        with told({403: f"the credential may not list the runner groups of {path}"}):
            url = f"{base}/actions/runner-groups?per_page=100"
            groups: list[Any] = self._questions.ask("GET", url, token=token)[0]["runner_groups"]
        group = next((one for one in groups if (one["default"] if name is None else one["name"] == name)), None)
        is_declared = name is not None and (path, name) in self._declared
        if group is None:
            if is_declared:
                return
            names = ", ".join(one["name"] for one in groups)
            cure = "declare it in platform.runnerGroups, create it, or name one of these"
            raise DeniedError(f"runnerGroup: found {name}; allowed: {names} of {path}; {cure}")
        if group["allows_public_repositories"]:
            raise DeniedError(
                f"the runner group {group['name']} of {path} allows public repositories: anybody could run code here; "
                "switch that off in its settings, or name another runnerGroup"
            )
        self._warn_of_many(path, base, group, token)

    def _warn_of_many(self, path: str, base: str, group: Any, token: str) -> None:
        most = GITHUB_MOST_REPOSITORIES
        with told({403: f"the credential may not list the repositories of {path}; it needs metadata: read"}):
            if group["visibility"] == "selected":
                url = f"{base}/actions/runner-groups/{group['id']}/repositories?per_page=1"
                count = self._questions.ask("GET", url, token=token)[0]["total_count"]
                found, where = f"{count} repositories", f"{most} of them"
            else:
                count = len(self._questions.ask("GET", f"{base}/repos?per_page={most + 1}", token=token)[0])
                found, where = "all repositories", f"the {most} that were pushed to last"
        if count > most:
            self._warn(
                f"the runner group {group['name']} of {path} is open to {found}, but the registrar looks for jobs only "
                f"in {where}; use a group of at most {most} repositories (platform.runnerGroups declares one)"
            )
