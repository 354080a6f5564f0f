"""REST: users and teams as an administrator's program looks them up. Nobody logs in; these few are known everywhere."""

from aiohttp import web

from lab.github import documents
from lab.github.clock import timestamp
from lab.github.documents import Json
from lab.github.rest import Asked, Door
from lab.github.world import Refusal, World

USERS = {"mlops-admin": 2, "octocat": 5}
TEAMS = {"platform": 9}
_MADE = {"created_at": timestamp(documents.EPOCH), "updated_at": timestamp(documents.EPOCH)}
_NOTHING = ("name", "company", "blog", "location", "email", "hireable", "bio")
_COUNTS = ("public_repos", "public_gists", "followers", "following")


class PeopleRoutes:
    """Reads only."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """All of them."""
        return [
            door.route("GET", "/users/{login}", self._user, "metadata"),
            door.route("GET", "/users/{login}/gpg_keys", self._keys, "metadata"),
            door.route("GET", "/users/{login}/keys", self._keys, "metadata"),
            door.route("GET", "/orgs/{org}/teams/{slug}", self._team, "members"),
        ]

    async def _user(self, asked: Asked) -> web.Response:
        login, number = _known(USERS, asked, "login")
        user = documents.account(self._world, login, number, "User")
        rest: Json = {**dict.fromkeys(_NOTHING), **dict.fromkeys(_COUNTS, 0), **_MADE, "user_view_type": "public"}
        return web.json_response({**user, **rest})

    async def _keys(self, asked: Asked) -> web.Response:
        _known(USERS, asked, "login")
        return web.json_response([])

    async def _team(self, asked: Asked) -> web.Response:
        slug, number = _known(TEAMS, asked, "slug")
        organization = documents.organization(self._world, asked.scope)
        counts = {"members_count": 1, "repos_count": 0, "organization": organization}
        return web.json_response({**documents.team(self._world, asked.scope, slug, number), **counts, **_MADE})


def _known(people: dict[str, int], asked: Asked, part: str) -> tuple[str, int]:
    name = asked.request.match_info[part].lower()
    if name not in people:
        raise Refusal(404, "Not Found")
    return name, people[name]
