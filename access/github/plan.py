"""What an organization's plan at GitHub allows, as far as GitHub tells: it tells the plan to administrators only.

The limits are those of https://docs.github.com/actions/reference/deployments-and-environments (required reviewers in
private repositories) and of the runner groups' page there (policies for workflows), as of November 2026.
"""

from typing import Final

from access.forge_errors import ForgeStatusError
from access.github.client import GitHubClient
from values.scope import Scope

# As `plan.name` has them; what else there is, e.g. business or enterprise, is one for enterprises.
BELOW_ENTERPRISE: Final = ("free", "pro", "team")


def plan_of(client: GitHubClient, organization: Scope, token: str) -> str:
    """Its name, "" where GitHub does not tell it. Raises ForgeUnreachableError."""
    try:
        answer = client.ask("GET", f"/orgs/{organization.owner}", token=token)[0]
    except ForgeStatusError as error:
        if error.status in (403, 404):  # a user's account is no organization
            return ""
        raise
    return str((answer.get("plan") or {}).get("name") or "").lower()
