"""REST: a branch, and where it has been. Commits are texts in a row, the branch's newest last."""

from aiohttp import web

from lab.github import documents
from lab.github.rest import Asked, Door
from lab.github.world import Refusal, World

NOTHING = "0" * 40  # where a branch was before it was made


class BranchRoutes:
    """What of the permission `contents` tells whether a run's commit is one of a branch."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Both."""
        repository, permission = "/repos/{owner}/{repo}", "contents"
        return [
            door.route("GET", f"{repository}/branches/{{branch:.+}}", self._branch, permission),
            door.route("GET", f"{repository}/activity", self._activity, permission),
        ]

    async def _branch(self, asked: Asked) -> web.Response:
        name, repository = asked.request.match_info["branch"], self._world.repository(asked.scope)
        if name not in repository.branches:
            raise Refusal(404, "Branch not found")
        return web.json_response(documents.branch(self._world, repository, name))

    async def _activity(self, asked: Asked) -> web.Response:
        """Each commit of a branch as one push of it, newest first."""
        repository, ref = self._world.repository(asked.scope), asked.request.query.get("ref", "")
        most = int(asked.request.query.get("per_page", "30"))
        commits = repository.branches.get(ref.removeprefix("refs/heads/"), [])
        moves = [documents.move(self._world, ref, pair) for pair in zip((NOTHING, *commits), commits, strict=False)]
        return web.json_response(moves[::-1][:most])
