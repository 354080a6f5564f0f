"""Reviewers of environments at GitHub: whether those that a stack names are there."""

from collections.abc import Iterator, Mapping
from functools import partial

from access.forge_errors import ForgeRefusedError, problems_of, refusals_mean
from access.github.client import GitHubClient
from access.github.tokens import token_for
from values.credential import Credential
from values.problem import Problem
from values.scope import Scope
from values.wiring import RepositoryWiring


def unknown_reviewers(
    client: GitHubClient, credential: Credential, wiring: RepositoryWiring, token: str
) -> Iterator[Problem]:
    """A problem for each that GitHub does not know; token is one for the repository. Raises ForgeUnreachableError."""

    def look(url: str, meanings: Mapping[int, Problem], shown: str) -> None:
        with refusals_mean(meanings):
            client.ask("GET", url, token=shown)

    path, owner = wiring.path, Scope(wiring.owner)
    for login in sorted({login for environment in wiring.environments for login in environment.reviewer_users}):
        absent = Problem(f"reviewers.users of {path}", login, "a user of this GitHub", "correct the login")
        yield from problems_of(partial(look, f"/users/{login}", {404: absent}, token))
    teams = sorted({slug for environment in wiring.environments for slug in environment.reviewer_teams})
    if not teams:
        return
    try:
        token = token_for(client, credential, owner, {"members": "read"})  # an App's for a repository sees none
    except ForgeRefusedError as refusal:
        yield from refusal.problems
        return
    for slug in teams:
        key = f"reviewers.teams of {path}"
        hidden = Problem(
            key,
            f"{slug}, but the credential may not read the teams of {owner}",
            "a credential that may",
            "it needs members: read",
        )
        absent = Problem(key, slug, f"a team of {owner} that the credential may see", "correct the slug")
        yield from problems_of(partial(look, f"{owner.api_path}/teams/{slug}", {403: hidden, 404: absent}, token))
