"""Reviewers of environments at GitHub: whether those that a stack names are there."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from access.github.proof import token_for
from access.github.questions import DeniedError, Questions, denied, told
from values.credential import Credential
from values.wiring import EnvironmentWiring


def unknown_reviewers(
    questions: Questions, proof: Credential, path: str, environments: Sequence[EnvironmentWiring], token: str
) -> Iterator[str]:
    """A problem for each that GitHub does not know; path is owner/repository, token one for it. Raises AwayError."""

    def look(url: str, words: Mapping[int, str], shown: str) -> None:
        with told(words):
            questions.ask("GET", url, token=shown)

    owner = path.partition("/")[0]
    for login in sorted({login for each in environments for login in each.reviewer_users}):
        words = {404: f"reviewers.users of {path}: found {login}; allowed: a user of this GitHub; correct the login"}
        yield from denied(partial(look, f"/users/{login}", words, token))
    teams = sorted({slug for each in environments for slug in each.reviewer_teams})
    if not teams:
        return
    try:
        token = token_for(questions, proof, owner, {"members": "read"})  # an App's for a repository sees none
    except DeniedError as problem:
        yield str(problem)
        return
    for slug in teams:
        found = f"reviewers.teams of {path}: found {slug}"
        words = {
            403: f"{found}, but the credential may not read the teams of {owner}; it needs members: read",
            404: f"{found}; allowed: a team of {owner} that the credential may see; correct the slug",
        }
        yield from denied(partial(look, f"/orgs/{owner}/teams/{slug}", words, token))
