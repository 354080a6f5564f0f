"""Whether GitHub Actions and self-hosted runners are switched on at all where runners are to be registered.

Where they are not, GitHub refuses each registration with 403 and an empty message.
"""

from access.forge_errors import ForgeStatusError
from access.github.client import GitHubClient
from values.problem import Problem
from values.scope import Scope


def switched_off(client: GitHubClient, scope: Scope, token: str) -> Problem | None:
    """What is off; None where all is on or GitHub does not tell. Raises ForgeUnreachableError."""
    path = f"{scope.api_path}/actions/permissions{'' if scope.is_repository else '/self-hosted-runners'}"
    try:
        settings = client.ask("GET", path, token=token)[0]
    except ForgeStatusError as error:
        if error.status in (403, 404):  # it may not see the settings, or the server has none
            return None
        raise
    if scope.is_repository and settings.get("enabled") is False:
        cure = f"`gh api -X PUT {path.removeprefix('/')} -F enabled=true`"
        return Problem(f"scope {scope}", "GitHub Actions is off there", "a repository in which it is on", cure)
    if settings.get("enabled_repositories") == "none":
        found = "self-hosted runners are disabled there: every registration is refused (403, without a word)"
        cure = f"`gh api -X PUT {path.removeprefix('/')} -f enabled_repositories=all`, or `selected` with yours"
        return Problem(f"scope {scope}", found, "an organization that allows them", cure)
    return None
