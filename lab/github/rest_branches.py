"""REST: a branch, and how two commits lie to each other. Commits are texts in a row, the branch's newest last."""

from typing import Any

from aiohttp import web

from lab.github import documents
from lab.github.rest import Asked, Door
from lab.github.world import Refusal, Repository, World


class BranchRoutes:
    """What of the permission `contents` tells whether a run's commit is one of a branch."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Both."""
        repository, permission = "/repos/{owner}/{repo}", "contents"
        return [
            door.route("GET", f"{repository}/branches/{{branch:.+}}", self._branch, permission),
            door.route("GET", f"{repository}/compare/{{span}}", self._compare, permission),
        ]

    async def _branch(self, asked: Asked) -> web.Response:
        name, repository = asked.request.match_info["branch"], self._world.repository(asked.scope)
        if name not in repository.branches:
            raise Refusal(404, "Branch not found")
        return web.json_response(documents.branch(self._world, repository, name))

    async def _compare(self, asked: Asked) -> web.Response:
        """Of what is on no common branch, `diverged`: what one side has alone and the other has not."""
        repository = self._world.repository(asked.scope)
        base, _, head = asked.request.match_info["span"].partition("...")
        known = {commit for commits in repository.branches.values() for commit in commits} | repository.tagged
        if not {base, head} <= known:
            raise Refusal(404, "Not Found")
        ahead, behind = _distance(repository, base, head)
        return web.json_response(documents.comparison(self._world, repository, (base, head), ahead, behind))


def _distance(repository: Repository, base: str, head: str) -> tuple[int, int]:
    """By how many commits head is ahead of base, and behind it."""
    for commits in repository.branches.values():
        if base in commits and head in commits:
            steps: Any = commits.index(head) - commits.index(base)
            return (steps, 0) if steps > 0 else (0, -steps)
    return 1, 1
