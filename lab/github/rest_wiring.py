"""REST: what is wired in a repository: variables, secrets, environments with branch policies, Actions permissions."""

import base64
import re
from typing import Any

from aiohttp import web
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from lab.github import documents
from lab.github.clock import timestamp
from lab.github.rest import Asked, Door, no_content, page, required
from lab.github.world import FORK_WORKFLOWS, Environment, Refusal, Repository, World

KEY_ID = "568250167242549743"
# https://docs.github.com/actions/reference/secrets-reference and /variables-reference
NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")
MOST_BYTES = 48 * 1024
MOST_SECRETS = 100  # of a repository and of an environment
MOST_VARIABLES = {Repository: 500, Environment: 100}
MOST_REVIEWERS = 6
LONGEST_WAIT_MINUTES = 43200
# Plans below that for enterprises have these in public repositories only, whatever their value is: left out, or 422.
PROTECTION_RULES = ("wait_timer", "reviewers", "prevent_self_review")
PERMISSION_FIELDS = ("enabled", "allowed_actions", "sha_pinning_required")


class WiringRoutes:
    """Clients seal the values of secrets for this server's key. It opens them for jobs; nobody reads them back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = PrivateKey.generate()

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Of the repository and of its environments."""
        repo = "/repos/{owner}/{repo}"
        environment = f"{repo}/environments/{{environment}}"
        return [
            *self._named(door, f"{repo}/actions", variables="actions_variables", secrets="secrets"),
            *self._named(door, environment, variables="environments", secrets="environments"),
            # An older way to the same, which GitHub's Go client still goes.
            *self._named(
                door,
                "/repositories/{repository_id}/environments/{environment}",
                variables="environments",
                secrets="environments",
            ),
            door.route("GET", f"{repo}/environments", self._environments, "actions"),
            door.route("GET", environment, self._environment, "actions"),
            door.route("PUT", environment, self._set_environment, "administration"),
            door.route("DELETE", environment, self._delete_environment, "administration"),
            *self._policies(door, f"{environment}/deployment-branch-policies"),
            door.route("GET", f"{repo}/actions/permissions", self._permissions, "administration"),
            door.route("PUT", f"{repo}/actions/permissions", self._set_permissions, "administration"),
            *self._forks(door, f"{repo}/actions/permissions"),
        ]

    def _named(self, door: Door, prefix: str, *, variables: str, secrets: str) -> list[web.RouteDef]:
        return [
            door.route("GET", f"{prefix}/variables", self._variables, variables),
            door.route("POST", f"{prefix}/variables", self._make_variable, variables),
            door.route("GET", f"{prefix}/variables/{{name}}", self._variable, variables),
            door.route("PATCH", f"{prefix}/variables/{{name}}", self._change_variable, variables),
            door.route("DELETE", f"{prefix}/variables/{{name}}", self._delete_variable, variables),
            door.route("GET", f"{prefix}/secrets", self._secrets, secrets),
            door.route("GET", f"{prefix}/secrets/public-key", self._public_key, secrets),
            door.route("GET", f"{prefix}/secrets/{{name}}", self._secret, secrets),
            door.route("PUT", f"{prefix}/secrets/{{name}}", self._set_secret, secrets),
            door.route("DELETE", f"{prefix}/secrets/{{name}}", self._delete_secret, secrets),
        ]

    def _policies(self, door: Door, prefix: str) -> list[web.RouteDef]:
        return [
            door.route("GET", prefix, self._list_policies, "actions"),
            door.route("POST", prefix, self._make_policy, "administration"),
            door.route("GET", f"{prefix}/{{id}}", self._policy, "actions"),
            door.route("DELETE", f"{prefix}/{{id}}", self._delete_policy, "administration"),
        ]

    def _forks(self, door: Door, prefix: str) -> list[web.RouteDef]:
        approval, private = f"{prefix}/fork-pr-contributor-approval", f"{prefix}/fork-pr-workflows-private-repos"
        return [
            door.route("GET", approval, self._approval, "administration"),
            door.route("PUT", approval, self._set_approval, "administration"),
            door.route("GET", private, self._fork_workflows, "administration"),
            door.route("PUT", private, self._set_fork_workflows, "administration"),
        ]

    async def _environments(self, asked: Asked) -> web.Response:
        repository, held = self._repository(asked), self._held(asked)
        shown = [documents.environment(self._world, repository, it) for it in held.values()]
        return page(asked, "environments", shown)

    async def _variables(self, asked: Asked) -> web.Response:
        return page(asked, "variables", list(self._holder(asked).variables.values()))

    async def _make_variable(self, asked: Asked) -> web.Response:
        body, held = await asked.body(), self._holder(asked).variables
        required(body, name=str, value=str)
        if body["name"].upper() in held:
            raise Refusal(409, "Already exists - Variable already exists")
        _check(body["name"], body["value"])
        if len(held) >= MOST_VARIABLES[type(self._holder(asked))]:
            raise Refusal(422, "Variable limit reached")
        held[body["name"].upper()] = {**self._times(), "name": body["name"].upper(), "value": body["value"]}
        return web.json_response({}, status=201)

    async def _variable(self, asked: Asked) -> web.Response:
        return web.json_response(_entry(self._holder(asked).variables, asked))

    async def _change_variable(self, asked: Asked) -> web.Response:
        entry, body = _entry(self._holder(asked).variables, asked), await asked.body()
        _check(entry["name"], str(body.get("value", entry["value"])))
        entry.update({"value": str(body.get("value", entry["value"])), "updated_at": self._times()["updated_at"]})
        return no_content()

    async def _delete_variable(self, asked: Asked) -> web.Response:
        held = self._holder(asked).variables
        del held[_entry(held, asked)["name"]]
        return no_content()

    async def _secrets(self, asked: Asked) -> web.Response:
        return page(asked, "secrets", [_without_value(entry) for entry in self._holder(asked).secrets.values()])

    async def _public_key(self, _: Asked) -> web.Response:
        key = base64.b64encode(bytes(self._key.public_key)).decode()
        return web.json_response({"key_id": KEY_ID, "key": key})

    async def _secret(self, asked: Asked) -> web.Response:
        return web.json_response(_without_value(_entry(self._holder(asked).secrets, asked)))

    async def _set_secret(self, asked: Asked) -> web.Response:
        body, held = await asked.body(), self._holder(asked).secrets
        required(body, encrypted_value=str, key_id=str)
        if body["key_id"] != KEY_ID:
            raise Refusal(422, "key_id is not the current public key's")
        name = asked.request.match_info["name"].upper()
        known = held.get(name)
        made = known["created_at"] if known else self._times()["created_at"]
        value = self._opened(body["encrypted_value"])
        _check(name, value)
        if not known and len(held) >= MOST_SECRETS:
            raise Refusal(422, "Secret limit reached")
        held[name] = {**self._times(), "created_at": made, "name": name, "value": value}
        return no_content() if known else web.json_response({}, status=201)

    def _opened(self, sealed: str) -> str:
        try:
            return SealedBox(self._key).decrypt(base64.b64decode(sealed, validate=True)).decode()
        except (ValueError, CryptoError):
            raise Refusal(422, "encrypted_value was not sealed for the current public key") from None

    async def _delete_secret(self, asked: Asked) -> web.Response:
        held = self._holder(asked).secrets
        del held[_entry(held, asked)["name"]]
        return no_content()

    async def _environment(self, asked: Asked) -> web.Response:
        repository = self._repository(asked)
        return web.json_response(documents.environment(self._world, repository, self._of(asked)))

    async def _set_environment(self, asked: Asked) -> web.Response:
        repository, name = self._repository(asked), asked.request.match_info["environment"]
        made = Environment(self._world.next_id(), name, made=self._world.clock.now())
        held, settings = self._held(asked), await asked.body()
        if self._world.lacks(repository, "free", "pro", "team") and set(PROTECTION_RULES) & set(settings):
            why = "Please ensure the billing plan supports the required reviewers protection rule."
            raise Refusal(422, f"Failed to create the environment protection rule. {why}")
        _check_settings(settings)
        environment = held.setdefault(name, made)
        environment.settings = settings
        return web.json_response(documents.environment(self._world, repository, environment))

    async def _delete_environment(self, asked: Asked) -> web.Response:
        del self._held(asked)[self._of(asked).name]
        return no_content()

    async def _list_policies(self, asked: Asked) -> web.Response:
        held = self._of(asked).policies.items()
        return page(asked, "branch_policies", [{"id": number, "node_id": "GA_4", **policy} for number, policy in held])

    async def _make_policy(self, asked: Asked) -> web.Response:
        body, environment = await asked.body(), self._of(asked)
        required(body, name=str)
        policy: Any = environment.settings.get("deployment_branch_policy") or {}
        if not policy.get("custom_branch_policies"):
            return web.Response(status=404)
        if any(held["name"] == body["name"] for held in environment.policies.values()):
            return web.Response(status=303)
        identifier = self._world.next_id()
        environment.policies[identifier] = {"name": body["name"], "type": body.get("type", "branch")}
        return web.json_response({"id": identifier, "node_id": "GA_4", **environment.policies[identifier]})

    async def _policy(self, asked: Asked) -> web.Response:
        policy = self._of(asked).policies.get(asked.number("id"))
        if policy is None:
            raise Refusal(404, "Not Found")
        return web.json_response({"id": asked.number("id"), "node_id": "GA_4", **policy})

    async def _delete_policy(self, asked: Asked) -> web.Response:
        if self._of(asked).policies.pop(asked.number("id"), None) is None:
            raise Refusal(404, "Not Found")
        return no_content()

    async def _permissions(self, asked: Asked) -> web.Response:
        return web.json_response(self._repository(asked).permissions)

    async def _set_permissions(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, enabled=bool)
        self._repository(asked).permissions = {name: body[name] for name in PERMISSION_FIELDS if name in body}
        return no_content()

    async def _approval(self, asked: Asked) -> web.Response:
        return web.json_response({"approval_policy": self._repository(asked).fork_approval})

    async def _set_approval(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, approval_policy=str)
        self._repository(asked).fork_approval = body["approval_policy"]
        return no_content()

    async def _fork_workflows(self, asked: Asked) -> web.Response:
        return web.json_response(self._repository(asked).fork_workflows)

    async def _set_fork_workflows(self, asked: Asked) -> web.Response:
        body, held = await asked.body(), self._repository(asked).fork_workflows
        required(body, run_workflows_from_fork_pull_requests=bool)
        held.update({name: bool(body[name]) for name in FORK_WORKFLOWS if name in body})
        return no_content()

    def _repository(self, asked: Asked) -> Repository:
        return self._world.repository(asked.scope)

    def _held(self, asked: Asked) -> dict[str, Environment]:
        """Raises Refusal 404 where the plan has none: GitHub tells it in no other way."""
        repository = self._repository(asked)
        if self._world.lacks(repository, "free"):
            raise Refusal(404, "Not Found")
        return repository.environments

    def _of(self, asked: Asked) -> Environment:
        environment = self._held(asked).get(asked.request.match_info["environment"])
        if environment is None:
            raise Refusal(404, "Not Found")
        return environment

    def _holder(self, asked: Asked) -> Repository | Environment:
        return self._of(asked) if "environment" in asked.request.match_info else self._repository(asked)

    def _times(self) -> dict[str, str]:
        now = timestamp(self._world.clock.now())
        return {"created_at": now, "updated_at": now}


def _check(name: str, value: str) -> None:
    """Raises Refusal 422 for what is no name of a variable or a secret, and for a value that is too long."""
    if NAME.fullmatch(name.upper()) is None:
        raise Refusal(422, f"{name} is invalid: letters, digits and _, the first no digit, and not GITHUB_ before them")
    if not 0 < len(value.encode()) <= MOST_BYTES:
        raise Refusal(422, f"The value of {name} is empty or larger than {MOST_BYTES} bytes")


def _check_settings(settings: dict[str, Any]) -> None:
    """Raises Refusal 422 for what GitHub takes in no environment."""
    wait, reviewers = settings.get("wait_timer") or 0, settings.get("reviewers") or []
    if not isinstance(wait, int) or not 0 <= wait <= LONGEST_WAIT_MINUTES:
        raise Refusal(422, f"wait_timer: minutes from 0 to {LONGEST_WAIT_MINUTES}")
    if len(reviewers) > MOST_REVIEWERS or any(
        it.get("type") not in ("User", "Team") or not isinstance(it.get("id"), int) for it in reviewers
    ):
        raise Refusal(422, f"reviewers: up to {MOST_REVIEWERS} users or teams, each by its id")
    policy = settings.get("deployment_branch_policy")
    if policy is not None and bool(policy.get("protected_branches")) == bool(policy.get("custom_branch_policies")):
        raise Refusal(422, "protected_branches and custom_branch_policies cannot have the same value")


def _entry(held: dict[str, dict[str, str]], asked: Asked) -> dict[str, str]:
    entry = held.get(asked.request.match_info["name"].upper())
    if entry is None:
        raise Refusal(404, "Not Found")
    return entry


def _without_value(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "value"}
