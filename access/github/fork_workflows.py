"""Workflows that pull requests from forks start at GitHub: a setting that Pulumi's provider has no resource for."""

import gidgethub

from access.github.questions import AwayError, Questions


def open_forks(questions: Questions, path: str, *, is_private: bool, token: str) -> str:
    """A warning, with the command against it, where such workflows start unasked; "" where not or untold."""
    kind = "fork-pr-workflows-private-repos" if is_private else "fork-pr-contributor-approval"
    url = f"repos/{path}/actions/permissions/{kind}"
    try:
        found = questions.ask("GET", f"/{url}", token=token)[0]
    except (gidgethub.HTTPException, AwayError):  # older servers know no such setting, others may not say
        return ""
    if is_private:
        runs, asks = "run_workflows_from_fork_pull_requests", "require_approval_for_fork_pr_workflows"
        is_open, cure = found[runs] and not found[asks], f"-F {runs}=false"
    else:
        is_open = found["approval_policy"] != "all_external_contributors"
        cure = "-f approval_policy=all_external_contributors"
    command = f"gh api -X PUT {url} {cure}"
    return (
        f"pull requests from forks start workflows of {path} without anybody's approval; `{command}`" if is_open else ""
    )
