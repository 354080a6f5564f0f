"""Asks GitHub which repositories may use an organization's runner group, and whether the registrar sees them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from access.forge_errors import AGAIN, ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from access.github.groups import Group, named_group, runner_groups, selected_repositories
from access.github.reach import is_installed_on_some, unreadable_repositories
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.contract import GITHUB_MOST_REPOSITORIES
from values.scope import Scope, is_repository

SHOWN: Final = 5
_INSTALL: Final = (
    "select them in the App's installation (or give the token access), or take them out of the group: a repository "
    "that cannot be read costs only itself, but its waiting jobs wake no pool"
)


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


def reach(
    client: GitHubClient, organization: Scope, name: str | None, token: str, *, of_app: bool
) -> Iterator[Finding]:
    """Whether the credential sees every repository that may use the group: jobs of others are not seen.

    Nothing where the group cannot be read, which its scope tells. of_app: the token is one of an installation.
    """
    check = f"repositories of runner group {name or 'by default'} of {organization}"
    try:
        group = named_group(runner_groups(client, organization, token), name)
        if group is None:
            return
        selected = selected_repositories(client, organization, group, token, at_most=GITHUB_MOST_REPOSITORIES)
        if selected is None:
            if of_app and is_installed_on_some(client, token):
                yield failed(
                    check, "the group is open to all, and the App is installed on selected ones alone", _INSTALL
                )
            return
        names = [entry["full_name"] for entry in selected["repositories"]]
        unreadable = unreadable_repositories(client, [Scope(path) for path in names if is_repository(path)], token)
        if unreadable:
            found = ", ".join(f"{repository}: {why}" for repository, why in unreadable.items())
            yield failed(check, f"jobs of these are not seen: {found}", _INSTALL)
        elif names:
            many = f"the {len(names)} of {selected['total_count']} in which jobs are looked for"
            all_of_them = "all" if len(names) > 1 else "it"
            yield ok(check, f"the credential sees {many if len(names) < selected['total_count'] else all_of_them}")
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
