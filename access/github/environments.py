"""Environments of a repository at GitHub: whether its owner's plan has any there.

Public repositories have them on every plan, private and internal ones on GitHub Pro, Team and Enterprise:
https://docs.github.com/rest/deployments/environments as of November 2026. Where there are none GitHub answers 404 to
the list of them, as to whatever would make one (issue 1043 of microsoft/AL-Go, pull request 2611 of google/go-github).
"""

from access.forge_errors import refusals_mean
from access.github.client import GitHubClient
from access.github.registrar import lacking
from values.problem import Problem
from values.scope import Scope


def require_environments(client: GitHubClient, repository: Scope, token: str) -> None:
    """Raises ForgeRefusedError where a private repository that the token sees can have none, or the token not see them.

    Also ForgeUnreachableError.
    """
    cure = (
        f"move {repository.owner} to GitHub Pro, Team or Enterprise, or take `environments` of {repository} out of "
        "platform.repositories (docs/stacks.md says what is lost)"
    )
    found = f"GitHub has no environments in {repository}: it is private, and its owner's plan has them in public ones"
    meanings = {
        403: lacking(str(repository), f"read the environments of {repository}", "actions: read"),
        404: Problem(str(repository), found, "`environments` where the plan has them", cure),
    }
    with refusals_mean(meanings):
        client.ask("GET", f"{repository.api_path}/environments?per_page=1", token=token)
