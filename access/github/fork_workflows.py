"""Workflows that pull requests from forks start at GitHub: a setting that Pulumi's provider has no resource for."""

from access.forge_errors import ForgeUnreachableError
from access.github.client import GitHubClient
from values.problem import Problem
from values.scope import Scope


def open_forks(client: GitHubClient, repository: Scope, *, is_private: bool, token: str) -> Problem | None:
    """What is wrong, with the command against it, where such workflows start unasked; None where not or untold."""
    kind = "fork-pr-workflows-private-repos" if is_private else "fork-pr-contributor-approval"
    path = f"{repository.api_path}/actions/permissions/{kind}"
    try:
        settings = client.ask("GET", path, token=token)[0]
    except ForgeUnreachableError:  # older servers know no such setting, others may not say
        return None
    if is_private:
        runs, asks = "run_workflows_from_fork_pull_requests", "require_approval_for_fork_pr_workflows"
        is_open, setting = settings[runs] and not settings[asks], f"-F {runs}=false"
    else:
        is_open = settings["approval_policy"] != "all_external_contributors"
        setting = "-f approval_policy=all_external_contributors"
    if not is_open:
        return None
    found = "pull requests from forks start its workflows without anybody's approval"
    cure = f"`gh api -X PUT {path.removeprefix('/')} {setting}`"
    return Problem(str(repository), found, "workflows that somebody approves", cure)
