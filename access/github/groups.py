"""Runner groups of an organization at GitHub: which there are, and who may use one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from access.github.client import GitHubClient
from values.runner_group import is_meant
from values.scope import Scope

PAGE_SIZE: Final = 100  # as many as GitHub gives at once
MOST_PAGES: Final = 100

Group = Mapping[str, Any]


def runner_groups(client: GitHubClient, organization: Scope, token: str) -> list[Group]:
    """All of an organization. Raises ForgeUnreachableError."""
    groups: list[Group] = []
    for number in range(1, MOST_PAGES + 1):
        url = f"{organization.groups_path}?per_page={PAGE_SIZE}&page={number}"
        page: list[Group] = client.ask("GET", url, token=token)[0]["runner_groups"]
        groups += page
        if len(page) < PAGE_SIZE:
            break
    return groups


def named_group(groups: Iterable[Group], name: str | None) -> Group | None:
    """The one that a grant with that name means, None being the one by default."""
    for group in groups:
        if is_meant(name, name=group["name"], is_default=group["default"]):
            return group
    return None


def selected_repositories(
    client: GitHubClient, organization: Scope, group: Group, token: str, *, at_most: int
) -> Mapping[str, Any] | None:
    """The first of a group that names its repositories, and their number; None for one that is open to all."""
    if group["visibility"] != "selected":
        return None
    url = f"{organization.groups_path}/{group['id']}/repositories?per_page={at_most}"
    selected: Mapping[str, Any] = client.ask("GET", url, token=token)[0]
    return selected
