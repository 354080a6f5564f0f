"""Asks GitHub which repositories may use an organization's runner group."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from access.forge_errors import AGAIN, ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from access.github.groups import Group, named_group, runner_groups, selected_repositories
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.scope import Scope

SHOWN: Final = 5


def visibility(client: GitHubClient, organization: Scope, name: str | None, token: str) -> Iterator[Finding]:
    """Who may use it, None being the default one; nothing where the group cannot be read, which its scope tells."""
    check = f"visibility of runner group {name or 'by default'} of {organization}"
    try:
        group = named_group(runner_groups(client, organization, token), name)
        if group is not None:
            selected = selected_repositories(client, organization, group, token, at_most=SHOWN)
            yield _judged(check, group, selected)
    except ForgeRefusedError:
        return
    except ForgeUnreachableError as error:
        if not (isinstance(error, ForgeStatusError) and error.status in (403, 404)):
            yield unknown(check, str(error), AGAIN)


def _judged(check: str, group: Group, selected: Mapping[str, Any] | None) -> Finding:
    if selected is None:
        kind = "private " if group["visibility"] == "private" else ""
        who = f"all {kind}repositories may use it"
    elif not selected["total_count"]:
        return failed(check, "no repository may use it", "select your repositories in the settings of the group")
    else:
        names = ", ".join(repository["full_name"] for repository in selected["repositories"])
        more = ", …" if selected["total_count"] > len(selected["repositories"]) else ""
        who = f"{names}{more} may use it"
    workflows = ", ".join(group.get("selected_workflows") or ())
    return ok(check, f"{who}, in {workflows} only" if group.get("restricted_to_workflows") else who)
