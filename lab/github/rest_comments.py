"""REST: comments on a commit."""

from aiohttp import web

from lab.github import documents
from lab.github.rest import Asked, Door, page, required
from lab.github.world import Comment, Refusal, Repository, World

LONGEST_BODY = 65536  # letters, as GitHub takes them


class CommentRoutes:
    """Whoever may read the code may comment on a commit; whoever sees the repository reads the comments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Both."""
        path = "/repos/{owner}/{repo}/commits/{sha}/comments"
        return [
            door.route("GET", path, self._list, "metadata"),
            door.route("POST", path, self._create, "contents", level="read"),
        ]

    async def _list(self, asked: Asked) -> web.Response:
        """Oldest first."""
        repository, sha = self._commit(asked)
        comments = [comment for comment in repository.comments if comment.commit == sha]
        shown = [documents.comment(self._world, repository, comment) for comment in comments]
        return page(asked, None, shown)

    async def _create(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, body=str)
        repository, sha = self._commit(asked)
        if not 0 < len(body["body"].strip()) <= LONGEST_BODY:
            raise Refusal(422, "Validation Failed")
        comment = Comment(self._world.next_id(), sha, body["body"], asked.token.owner, self._world.clock.now())
        repository.comments.append(comment)
        return web.json_response(documents.comment(self._world, repository, comment), status=201)

    def _commit(self, asked: Asked) -> tuple[Repository, str]:
        """Raises Refusal 422 where the repository has no such commit."""
        repository, sha = self._world.repository(asked.scope), asked.request.match_info["sha"]
        known = {commit for commits in repository.branches.values() for commit in commits} | repository.tagged
        if sha not in known | {run.commit for run in self._world.runs.values() if run.repository is repository}:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        return repository, sha
