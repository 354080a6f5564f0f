"""REST: the GitHub App, its installations and their tokens; the owner, the repository and the budget."""

import json

from aiohttp import web

from lab.github import documents
from lab.github.clock import timestamp
from lab.github.credentials import App, Credentials, Installation
from lab.github.documents import Json
from lab.github.limits import Meter
from lab.github.rest import API, Asked, Door, page, refusal
from lab.github.world import Refusal, World

_COUNTS = (
    "public_repos", "public_gists", "followers", "following", "collaborators", "disk_usage", "owned_private_repos",
    "private_gists", "total_private_repos",
)  # fmt: skip

_PRIVATE = {"user_view_type": "private", "two_factor_authentication": True}
_MADE = {"created_at": timestamp(documents.EPOCH), "updated_at": timestamp(documents.EPOCH)}


class AppRoutes:
    """The routes that a JWT opens, and a few that say who and where one is."""

    def __init__(self, world: World, credentials: Credentials, meter: Meter) -> None:
        self._world, self._credentials, self._meter = world, credentials, meter

    def routes(self, door: Door) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get(f"{API}/app", self._app),
            web.get(f"{API}/app/installations", self._installations),
            web.get(f"{API}/app/installations/{{id}}", self._installation),
            web.post(f"{API}/app/installations/{{id}}/access_tokens", self._mint),
            web.get(f"{API}/repos/{{owner}}/{{repo}}/installation", self._installation_of),
            web.get(f"{API}/orgs/{{org}}/installation", self._installation_of),
            web.delete(f"{API}/installation/token", self._revoke),
            web.get(f"{API}/rate_limit", self._rate_limit),
            door.route("GET", "/user", self._user, "metadata"),
            door.route("GET", "/orgs/{org}", self._organization, "metadata"),
            door.route("GET", "/orgs/{org}/repos", self._repositories, "metadata"),
            door.route("GET", "/installation/repositories", self._of_installation, "metadata"),
            door.route("GET", "/repos/{owner}/{repo}", self._repository, "metadata"),
            door.route("GET", "/repositories/{repository_id}", self._repository, "metadata"),
        ]

    async def _app(self, request: web.Request) -> web.Response:
        app = self._signed(request)
        html = f"{self._world.base}/apps/{app.slug}"
        return web.json_response(
            {
                "id": app.id, "slug": app.slug, "client_id": app.client_id, "node_id": "A_1", "name": app.slug,
                "owner": documents.account(self._world, "mlops"), "description": "", "external_url": html,
                "html_url": html, "created_at": timestamp(documents.EPOCH), "updated_at": timestamp(documents.EPOCH),
                "permissions": self._granted(app), "events": [],
            }
        )  # fmt: skip

    async def _installations(self, request: web.Request) -> web.Response:
        app = self._signed(request)
        return web.json_response([self._document(app, installation) for installation in app.installations.values()])

    async def _installation(self, request: web.Request) -> web.Response:
        app = self._signed(request)
        return web.json_response(self._document(app, self._of(app, request.match_info["id"])))

    async def _installation_of(self, request: web.Request) -> web.Response:
        app, parts = self._signed(request), request.match_info
        owner = parts["owner"] if "repo" in parts else parts["org"]
        name = f"{owner}/{parts['repo']}" if "repo" in parts else None
        for installation in app.installations.values():
            if installation.organization.lower() != owner.lower():
                continue
            if name is None or self._sees(installation, name):
                return web.json_response(self._document(app, installation))
        raise Refusal(404, "Not Found")

    def _sees(self, installation: Installation, name: str) -> bool:
        known = name.lower() in self._world.repositories
        return known and (installation.repositories is None or name in installation.repositories)

    async def _mint(self, request: web.Request) -> web.Response:
        app = self._signed(request)
        installation = self._of(app, request.match_info["id"])
        body = json.loads(await request.text() or "{}")
        token = self._credentials.mint(installation, body.get("permissions"), body.get("repositories"))
        answer: Json = {"token": token.value, "expires_at": timestamp(token.expires), "permissions": token.permissions}
        answer["repository_selection"] = "all" if token.repositories is None else "selected"
        if token.repositories is not None:
            shown = [
                documents.repository(self._world, self._world.repository(name)) for name in sorted(token.repositories)
            ]
            answer["repositories"] = shown
        return web.json_response(answer, status=201)

    async def _revoke(self, request: web.Request) -> web.Response:
        token = self._credentials.bearer(request.headers.get("Authorization", ""))
        del self._credentials.tokens[token.value]
        return web.Response(status=204)

    async def _rate_limit(self, request: web.Request) -> web.Response:
        """Costs nothing."""
        token = self._credentials.bearer(request.headers.get("Authorization", ""))
        headers = self._meter.headers(token.owner)
        core = {name: int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset", "used")}
        answer = web.json_response({"resources": {"core": core, "search": core}, "rate": core})
        answer.headers.update(headers)
        return answer

    async def _user(self, asked: Asked) -> web.Response:
        if asked.token.organization is not None:
            return refusal(403, "Resource not accessible by integration")
        user = documents.account(self._world, "mlops-admin", 2, "User")
        nothing = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
        counts = dict.fromkeys(_COUNTS, 0)
        return web.json_response({**user, **nothing, **counts, **_MADE, **_PRIVATE})

    async def _organization(self, asked: Asked) -> web.Response:
        known = {repository.owner.lower() for repository in self._world.repositories.values()}
        if asked.scope.lower() not in known:
            raise Refusal(404, "Not Found")
        document = documents.organization(self._world, asked.scope)
        # GitHub tells the plan to the organization's owners.
        is_owner = asked.token.permissions is None and asked.token.administers
        plan = self._world.plans.get(asked.scope.lower()) if is_owner else None
        if plan is not None:
            document["plan"] = {"name": plan, "space": 976562499, "private_repos": 9999}
        return web.json_response(document)

    async def _of_installation(self, asked: Asked) -> web.Response:
        """What an installation's token sees; no other token is one of an installation."""
        token = asked.token
        if token.organization is None:
            raise Refusal(403, "You must authenticate with an installation access token in order to list repositories.")
        repositories = [
            repository
            for repository in self._world.repositories.values()
            if repository.owner.lower() == token.organization.lower()
            and (token.repositories is None or repository.full_name in token.repositories)
        ]
        more = {"repository_selection": "all" if token.repositories is None else "selected"}
        return page(
            asked, "repositories", [documents.repository(self._world, each) for each in repositories], more=more
        )

    async def _repositories(self, asked: Asked) -> web.Response:
        owner = asked.scope.lower()
        repositories = [
            repository for repository in self._world.repositories.values() if repository.owner.lower() == owner
        ]
        return page(asked, None, [documents.repository(self._world, each) for each in repositories])

    async def _repository(self, asked: Asked) -> web.Response:
        """With what the token's user may do there; an App is nobody's user."""
        may = asked.token.organization is None and asked.token.administers
        permissions = {"admin": may, "maintain": may, "push": may, "triage": may, "pull": True}
        document = documents.repository(self._world, self._world.repository(asked.scope))
        return web.json_response({**document, "permissions": permissions})

    def _signed(self, request: web.Request) -> App:
        return self._credentials.installed_app(request.headers.get("Authorization", ""))

    @staticmethod
    def _of(app: App, identifier: str) -> Installation:
        installation = app.installations.get(int(identifier)) if identifier.isdecimal() else None
        if installation is None:
            raise Refusal(404, "Not Found")
        return installation

    @staticmethod
    def _granted(app: App) -> dict[str, str]:
        return {
            name: level
            for installation in app.installations.values()
            for name, level in installation.permissions.items()
        }

    def _document(self, app: App, installation: Installation) -> Json:
        api, owner = documents.api(self._world), installation.organization
        url = f"{api}/app/installations/{installation.id}"
        # GitHub's description wants an enterprise's fields of every account that an App is installed on.
        account = {**documents.account(self._world, owner), "name": owner, "slug": owner, **_MADE}
        return {
            "id": installation.id, "app_id": app.id, "app_slug": app.slug, "client_id": app.client_id, "target_id": 1,
            "target_type": "Organization", "single_file_name": None, "account": account,
            "repository_selection": "all" if installation.repositories is None else "selected", "events": [],
            "html_url": f"{self._world.base}/organizations/{owner}/settings/installations/{installation.id}",
            "access_tokens_url": f"{url}/access_tokens", "repositories_url": f"{api}/installation/repositories",
            "permissions": installation.permissions, "created_at": timestamp(documents.EPOCH),
            "updated_at": timestamp(documents.EPOCH), "suspended_by": None, "suspended_at": None,
        }  # fmt: skip
