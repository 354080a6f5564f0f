"""What a credential sees of an organization at GitHub: which repositories, and which of them can be read."""

from collections.abc import Iterable, Mapping
from typing import Final

from access.forge_errors import ForgeStatusError
from access.github.client import GitHubClient
from values.scope import Scope

# Answers about one repository: it has moved, is closed to the credential, not seen by it, gone, or blocked by law.
_UNREADABLE: Final = {
    301: "it has moved",
    302: "it has moved",
    307: "it has moved",
    308: "it has moved",
    403: "its runs may not be read",
    404: "it is not seen",
    410: "it is gone",
    451: "it is blocked",
}


def unreadable_repositories(client: GitHubClient, repositories: Iterable[Scope], token: str) -> Mapping[Scope, str]:
    """Those whose workflow runs cannot be read, and why. Raises ForgeUnreachableError where nobody could tell."""
    unreadable: dict[Scope, str] = {}
    for repository in repositories:
        try:
            client.ask("GET", f"{repository.api_path}/actions/runs?per_page=1", token=token)
        except ForgeStatusError as error:
            if error.status not in _UNREADABLE:
                raise
            unreadable[repository] = f"{_UNREADABLE[error.status]} ({error.status})"
    return unreadable


def is_installed_on_some(client: GitHubClient, token: str) -> bool:
    """Whether an App's token is for selected repositories of its owner, and not for all of them."""
    answer = client.ask("GET", "/installation/repositories?per_page=1", token=token)[0]
    return bool(answer.get("repository_selection") == "selected")
