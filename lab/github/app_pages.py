"""The pages on which people make a GitHub App from a manifest and install it, and what GitHub gives for its code.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import json
import secrets
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.github import documents
from lab.github.clock import timestamp
from lab.github.credentials import App, Credentials, Installation
from lab.github.rest import API
from lab.github.world import Refusal, World

Manifest = dict[str, Any]


class AppPages:
    """What a browser sends and gets. Nobody is logged in: it is a stand-in."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world, self._credentials = world, credentials
        self._ordered: dict[str, Manifest] = {}  # by the code, which is good once
        self._made: dict[str, Manifest] = {}  # by the App's slug

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.post("/settings/apps/new", self._order),
            web.post("/organizations/{org}/settings/apps/new", self._order),
            web.post(f"{API}/app-manifests/{{code}}/conversions", self._convert),
            web.post("/apps/{slug}/installations/new", self._install),
        ]

    async def _order(self, request: web.Request) -> web.Response:
        """The form with the manifest; sends the browser back with a code."""
        manifest = json.loads(str((await request.post())["manifest"]))
        code = secrets.token_hex(20)
        self._ordered[code] = {**manifest, "owner": request.match_info.get("org", "mlops-admin")}
        back = f"{manifest['redirect_url']}?code={code}&state={request.query.get('state', '')}"
        return web.Response(status=302, headers={"Location": back})

    async def _convert(self, request: web.Request) -> web.Response:
        manifest = self._ordered.pop(request.match_info["code"], None)
        if manifest is None:
            raise Refusal(404, "Not Found")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        number = self._world.next_id() + 1_000_000  # apart from those that tests name themselves
        slug = f"{manifest['name']}-{number}"
        self._made[slug] = {**manifest, "id": number}
        self._credentials.apps[number] = App(number, f"Iv23lab{number}", slug, key.public_key())
        html, now = f"{self._world.base}/apps/{slug}", timestamp(documents.EPOCH)
        return web.json_response(
            {
                "id": number, "slug": slug, "node_id": f"A_{number}", "client_id": f"Iv23lab{number}", "name": slug,
                "owner": documents.account(self._world, manifest["owner"]), "description": "", "events": [],
                "external_url": html, "html_url": html, "created_at": now, "updated_at": now,
                "permissions": manifest["default_permissions"], "client_secret": "none", "webhook_secret": None,
                "pem": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
            },
            status=201,
        )  # fmt: skip

    async def _install(self, request: web.Request) -> web.Response:
        """The form `repository`: where the App shall be, with what its manifest asks for."""
        manifest = self._made.get(request.match_info["slug"])
        if manifest is None:
            raise Refusal(404, "Not Found")
        repository = str((await request.post())["repository"])
        number = self._world.next_id()
        self._credentials.apps[manifest["id"]].installations[number] = Installation(
            number, repository.partition("/")[0], manifest["default_permissions"], frozenset({repository})
        )
        return web.Response(status=204)
