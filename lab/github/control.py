"""The tests' and the demo's own door, under /_lab: what no user of GitHub can do, and what people do by hand there."""

from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lab.github.clock import timestamp
from lab.github.credentials import App, Credentials, Installation
from lab.github.faults import Fault, Faults
from lab.github.limits import Limits, Meter
from lab.github.workflow import WorkflowError, parse
from lab.github.world import Refusal, World

PREFIX = "/_lab"


class Control:
    """Bodies are the fields of the values that they make. Nothing here is behind a token: it is a stand-in."""

    def __init__(self, world: World, credentials: Credentials, meter: Meter, faults: Faults) -> None:
        self._world, self._credentials, self._meter, self._faults = world, credentials, meter, faults

    def routes(self) -> list[web.RouteDef]:
        """Everything below /_lab."""
        repository = f"{PREFIX}/repositories/{{owner}}/{{repo}}"
        return [
            web.get(f"{PREFIX}/health", self._health),
            web.put(f"{PREFIX}/app", self._set_app),
            web.put(f"{PREFIX}/tokens/{{value}}", self._set_token),
            web.put(f"{PREFIX}/plans/{{org}}", self._set_plan),
            web.put(repository, self._set_repository),
            web.put(f"{repository}/secrets/{{name}}", self._set_secret),
            web.put(f"{repository}/variables/{{name}}", self._set_variable),
            web.put(f"{repository}/workflows/{{file}}", self._set_workflow),
            web.get(f"{PREFIX}/logs/{{job}}/{{key}}", self._log),
            web.post(f"{PREFIX}/faults", self._add_fault),
            web.delete(f"{PREFIX}/faults", self._clear_faults),
            web.put(f"{PREFIX}/limits", self._set_limits),
            web.put(f"{PREFIX}/clock", self._set_clock),
            web.put(f"{PREFIX}/expire-tokens", self._expire_tokens),
            web.put(f"{PREFIX}/deprecations/{{version}}", self._deprecate),
            web.get(f"{PREFIX}/counters", self._counters),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"stand-in": "GitHub"})

    async def _set_app(self, request: web.Request) -> web.Response:
        """{"id", "client_id", "slug", "public_key": PEM, "installations": [{"id", "organization", "permissions"}]}."""
        body = await request.json()
        key = load_pem_public_key(body["public_key"].encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise Refusal(400, "public_key: an RSA key is wanted")
        installations = {
            entry["id"]: Installation(
                entry["id"], entry["organization"], entry["permissions"],
                frozenset(entry["repositories"]) if entry.get("repositories") is not None else None,
            )
            for entry in body["installations"]
        }  # fmt: skip
        self._credentials.apps[body["id"]] = App(body["id"], body["client_id"], body["slug"], key, installations)
        return web.Response(status=204)

    async def _set_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._credentials.add_personal(request.match_info["value"], body.get("permissions"))
        return web.Response(status=204)

    async def _set_plan(self, request: web.Request) -> web.Response:
        self._world.plans[request.match_info["org"].lower()] = (await request.json())["name"]
        return web.Response(status=204)

    async def _set_repository(self, request: web.Request) -> web.Response:
        repository = self._world.add_repository(_name(request))
        repository.private = bool((await request.json()).get("private", True))
        return web.json_response({"id": repository.id})

    async def _set_secret(self, request: web.Request) -> web.Response:
        """In plain text, for tests that are not about sealing."""
        now = timestamp(self._world.clock.now())
        name = request.match_info["name"].upper()
        entry = {"name": name, "value": (await request.json())["value"], "created_at": now, "updated_at": now}
        self._world.repository(_name(request)).secrets[name] = entry
        return web.Response(status=204)

    async def _set_variable(self, request: web.Request) -> web.Response:
        now = timestamp(self._world.clock.now())
        name = request.match_info["name"].upper()
        entry = {"name": name, "value": (await request.json())["value"], "created_at": now, "updated_at": now}
        self._world.repository(_name(request)).variables[name] = entry
        return web.Response(status=204)

    async def _set_workflow(self, request: web.Request) -> web.Response:
        """A workflow file, as if it had been pushed."""
        repository, file = self._world.repository(_name(request)), request.match_info["file"]
        path = f".github/workflows/{file}"
        try:
            repository.workflows[file] = parse(self._world.next_id(), path, await request.text())
        except WorkflowError as why:
            raise Refusal(422, str(why)) from None
        return web.json_response({"id": repository.workflows[file].id})

    async def _log(self, request: web.Request) -> web.Response:
        job = self._world.job(int(request.match_info["job"]))
        if not job.token.startswith(f"job-{request.match_info['key']}"):
            raise Refusal(404, "Not Found")
        return web.Response(text="".join(f"{line}\n" for line in job.lines))

    async def _add_fault(self, request: web.Request) -> web.Response:
        self._faults.add(Fault(**await request.json()))
        return web.Response(status=204)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def _set_limits(self, request: web.Request) -> web.Response:
        """The fields of Limits, and `exhausted_seconds`: every budget is empty for so long."""
        body: dict[str, Any] = await request.json()
        exhausted = body.pop("exhausted_seconds", None)
        self._meter.limits = Limits(**body)
        if exhausted is not None:
            self._meter.exhaust(float(exhausted))
        return web.Response(status=204)

    async def _set_clock(self, request: web.Request) -> web.Response:
        """{"skew", "token_seconds": of new installation tokens, "conclusion_seconds": until a job's end shows}."""
        body = await request.json()
        self._world.clock.skew = float(body.get("skew", 0))
        self._world.conclusion_seconds = float(body.get("conclusion_seconds", 0))
        self._credentials.token_seconds = float(body.get("token_seconds", self._credentials.token_seconds))
        return web.Response(status=204)

    async def _expire_tokens(self, _: web.Request) -> web.Response:
        """Every installation token ends now, as if an hour had passed."""
        tokens = self._credentials.tokens
        for value in [token.value for token in tokens.values() if token.organization is not None]:
            del tokens[value]
        return web.Response(status=204)

    async def _deprecate(self, request: web.Request) -> web.Response:
        self._world.deprecations[request.match_info["version"]] = (await request.json())["at"]
        return web.Response(status=204)

    async def _counters(self, _: web.Request) -> web.Response:
        return web.json_response({"most_running": self._meter.most_running, "turned_away": self._meter.turned_away})


def _name(request: web.Request) -> str:
    return f"{request.match_info['owner']}/{request.match_info['repo']}"
