"""Which permission of a GitHub App each call needs, and what a recorded conversation needs in all.

GitHub's OpenAPI description, which the tests fetch, names no permissions, and the npm package that does
(`@octokit/app-permissions` 2.1.0) knows neither runners of organizations nor variables. So the table is a reading of
the data behind the page "Permissions required for GitHub Apps": server-to-server-permissions.json in github/docs,
folder src/github-apps/data/fpt-2026-03-10.
Two kinds of calls are not in there: the end of a runner version (GitHub's description asks for the same administrator
as its neighbours), and environments by the repository's number (an older way to the same).
A call that the table does not know is an error, so a new call asks for a new line.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lab.github.server import Exchange

ORDER: Final = ("read", "write")
NOTHING: Final = ""  # signed with the App's key, or open to every token
_RUNNERS: Final = "actions/runners(/downloads|/deprecations/[^/]+|/generate-jitconfig|/\\d+)?"
# path below the scope → the permission; reading takes `read`, all else `write`
REPOSITORY: Final = {
    "installation": NOTHING,
    "": "metadata",
    _RUNNERS: "administration",
    "actions/permissions(/fork-pr-workflows-private-repos|/fork-pr-contributor-approval)?": "administration",
    r"actions/runs(/\d+(/jobs)?)?": "actions",
    "branches/[^/]+": "contents",
    "activity": "contents",
    r"actions/jobs/\d+(/rerun)?": "actions",
    "actions/variables(/[^/]+)?": "actions_variables",
    "actions/secrets(/[^/]+)?": "secrets",
    "environments/[^/]+/(variables|secrets)(/[^/]+)?": "environments",
}
ORGANIZATION: Final = {
    "installation": NOTHING,
    "": "metadata",
    "repos": "metadata",
    _RUNNERS: "organization_self_hosted_runners",
    "teams/[^/]+": "members",
    "actions/permissions/self-hosted-runners": "organization_administration",
    r"actions/runner-groups(/\d+(/repositories|/runners)?)?": "organization_self_hosted_runners",
}
OTHERS: Final = {
    r"app/installations/\d+/access_tokens": NOTHING,
    "rate_limit": NOTHING,
    "installation/repositories": NOTHING,
    "users/[^/]+(/gpg_keys|/keys)?": NOTHING,
}
# Whoever may read the code may comment on a commit, and whoever sees the repository reads the comments.
COMMENTS: Final = re.compile("commits/[^/]+/comments")
# Who may read an environment need not be one who may change it.
ENVIRONMENT: Final = re.compile(r"environments(/[^/]+)?(/deployment-branch-policies(/\d+)?)?")


class UnknownCallError(Exception):
    """Nobody has looked up yet what this call needs."""


def needed(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """The least permissions that every call together takes, as a manifest names them. Raises UnknownCallError."""
    levels: dict[str, str] = {}
    for permission, level in filter(None, map(permission_of, exchanges)):
        levels[permission] = max(levels.get(permission, ORDER[0]), level, key=ORDER.index)
    return dict(sorted(levels.items()))


def permission_of(exchange: Exchange) -> tuple[str, str] | None:
    """The permission and its level, None where none is needed. Raises UnknownCallError."""
    path = exchange.path.removeprefix("/api/v3/")
    level = "read" if exchange.method == "GET" else "write"
    below = re.sub(r"^(repos/[^/]+/[^/]+|repositories/\d+)/?", "", path)
    if below != path and ENVIRONMENT.fullmatch(below):
        return ("actions" if level == "read" else "administration", level)
    if below != path and COMMENTS.fullmatch(below):
        return ("metadata" if level == "read" else "contents", "read")
    for pattern, permission in _table(path):
        if re.fullmatch(pattern, path):
            return (permission, level) if permission else None
    raise UnknownCallError(f"{exchange.method} {exchange.path}: look up what it needs and add it to the table")


def _table(path: str) -> Iterator[tuple[str, str]]:
    scopes = ((REPOSITORY, "(repos/[^/]+/[^/]+|repositories/[0-9]+)"), (ORGANIZATION, "orgs/[^/]+"))
    for table, scope in scopes:
        for below, permission in table.items():
            yield (f"{scope}/{below}" if below else scope), permission
    yield from OTHERS.items()
