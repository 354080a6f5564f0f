"""REST: runners of a repository or an organization, and the groups of an organization."""

from typing import Any

from aiohttp import web

from lab.github import documents, jit
from lab.github.rest import Asked, Door, no_content, page, required
from lab.github.world import Group, Refusal, World

NEWEST_RUNNER = "2.336.0"
MOST_LABELS = 100
LONGEST_LABEL = 256  # letters
VISIBILITIES = ("selected", "all", "private")


class RunnerRoutes:
    """List, find, make by just-in-time configuration, delete; downloads and deprecations."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """For both kinds of scope."""
        scopes = {"/repos/{owner}/{repo}": "administration", "/orgs/{org}": "organization_self_hosted_runners"}
        routes: list[web.RouteDef] = []
        for prefix, permission in scopes.items():
            runners = f"{prefix}/actions/runners"
            routes += [
                door.route("GET", runners, self._list, permission),
                door.route("GET", f"{runners}/downloads", self._downloads, permission),
                door.route("GET", f"{runners}/deprecations/{{version}}", self._deprecation, permission),
                door.route("POST", f"{runners}/generate-jitconfig", self._make, permission),
                door.route("GET", f"{runners}/{{id}}", self._get, permission),
                door.route("DELETE", f"{runners}/{{id}}", self._delete, permission),
                door.route("GET", f"{runners}/{{id}}/labels", self._labels, permission),
                door.route("PUT", f"{runners}/{{id}}/labels", self._label, permission),
            ]
        path = "/orgs/{org}/actions/permissions/self-hosted-runners"
        routes.append(door.route("GET", path, self._allowed, "organization_administration"))
        routes.append(door.route("PUT", path, self._allow, "organization_administration"))
        return routes

    async def _allowed(self, asked: Asked) -> web.Response:
        return web.json_response({"enabled_repositories": self._world.self_hosted.get(asked.scope.lower(), "all")})

    async def _allow(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, enabled_repositories=str)
        self._world.self_hosted[asked.scope.lower()] = body["enabled_repositories"]
        return no_content()

    async def _list(self, asked: Asked) -> web.Response:
        name = asked.request.query.get("name")
        runners = [runner for runner in self._world.runners_of(asked.scope) if name in (None, runner.name)]
        return page(asked, "runners", [documents.runner(self._world, each) for each in runners])

    async def _get(self, asked: Asked) -> web.Response:
        return web.json_response(documents.runner(self._world, self._world.runner_of(asked.scope, asked.number("id"))))

    async def _make(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, name=str, runner_group_id=int, labels=list)
        labels = body["labels"]
        check_labels(labels, least=1)
        runner = self._world.add_runner(asked.scope, body["name"], body["runner_group_id"], tuple(labels))
        group = "Default" if "/" in asked.scope else str(self._world.groups[runner.group].settings["name"])
        answer = {
            "runner": documents.runner(self._world, runner),
            "encoded_jit_config": jit.encoded(runner, base=self._world.base, group=group),
        }
        return web.json_response(answer, status=201)

    async def _delete(self, asked: Asked) -> web.Response:
        self._world.remove_runner(self._world.runner_of(asked.scope, asked.number("id")))
        await self._world.notify()  # its long poll is told at once
        return no_content()

    async def _labels(self, asked: Asked) -> web.Response:
        labels = documents.runner(self._world, self._world.runner_of(asked.scope, asked.number("id")))["labels"]
        return web.json_response({"total_count": len(labels), "labels": labels})

    async def _label(self, asked: Asked) -> web.Response:
        """Sets the custom labels; those that GitHub gives stay."""
        body = await asked.body()
        required(body, labels=list)
        check_labels(body["labels"], least=0)
        runner = self._world.runner_of(asked.scope, asked.number("id"))
        given = tuple(name for name in runner.labels if name.lower() in documents.READ_ONLY_LABELS)
        runner.labels = (*given, *body["labels"])
        labels = documents.runner(self._world, runner)["labels"]
        return web.json_response({"total_count": len(labels), "labels": labels})

    async def _downloads(self, _: Asked) -> web.Response:
        name = f"actions-runner-linux-x64-{NEWEST_RUNNER}.tar.gz"
        url = f"{self._world.base}/downloads/{name}"
        return web.json_response([{"os": "linux", "architecture": "x64", "download_url": url, "filename": name}])

    async def _deprecation(self, asked: Asked) -> web.Response:
        version = asked.request.match_info["version"]
        if version not in self._world.deprecations:
            raise Refusal(404, "Not Found")
        return web.json_response(
            {"runner_version": version, "runtime_deprecates_at": self._world.deprecations[version]}
        )


def check_labels(labels: list[Any], *, least: int) -> None:
    """Raises Refusal 422: GitHub takes so many, each so long, and makes no difference between cases."""
    if not least <= len(labels) <= MOST_LABELS:
        raise Refusal(422, f"labels: between {least} and {MOST_LABELS} are allowed")
    for label in labels:
        if not isinstance(label, str) or not label.strip() or len(label) > LONGEST_LABEL:
            raise Refusal(422, f"labels: each is a text of 1 to {LONGEST_LABEL} characters")
    if len({label.strip().lower() for label in labels}) < len(labels):
        raise Refusal(422, "labels: two of them differ in case alone")


def _check_visibility(body: dict[str, Any]) -> None:
    """Raises Refusal 422."""
    if body.get("visibility") not in (None, *VISIBILITIES):
        raise Refusal(422, f"visibility: one of {', '.join(VISIBILITIES)}")


class GroupRoutes:
    """Runner groups: who may use an organization's runners."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """All need the same permission."""
        groups, permission = "/orgs/{org}/actions/runner-groups", "organization_self_hosted_runners"
        return [
            door.route("GET", groups, self._list, permission),
            door.route("POST", groups, self._make, permission),
            door.route("GET", f"{groups}/{{id}}", self._get, permission),
            door.route("PATCH", f"{groups}/{{id}}", self._change, permission),
            door.route("DELETE", f"{groups}/{{id}}", self._delete, permission),
            door.route("GET", f"{groups}/{{id}}/repositories", self._repositories, permission),
            door.route("PUT", f"{groups}/{{id}}/repositories", self._set_repositories, permission),
            door.route("GET", f"{groups}/{{id}}/runners", self._runners, permission),
            door.route("PUT", f"{groups}/{{id}}/runners/{{runner}}", self._move, permission),
        ]

    async def _list(self, asked: Asked) -> web.Response:
        groups = [group for group in self._world.groups.values() if group.organization.lower() == asked.scope.lower()]
        return page(asked, "runner_groups", [documents.group(self._world, each) for each in groups])

    async def _make(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, name=str)
        self._refuse_known_name(asked.scope, body["name"])
        _check_visibility(body)
        group = Group(self._world.next_id(), asked.scope, {"visibility": "all"})
        self._apply(group, body)
        self._world.groups[group.id] = group
        return web.json_response(documents.group(self._world, group), status=201)

    async def _get(self, asked: Asked) -> web.Response:
        return web.json_response(documents.group(self._world, self._group(asked)))

    async def _change(self, asked: Asked) -> web.Response:
        group, body = self._group(asked), await asked.body()
        if isinstance(body.get("name"), str) and body["name"].lower() != str(group.settings["name"]).lower():
            self._refuse_known_name(asked.scope, body["name"])
        _check_visibility(body)
        self._apply(group, body)
        return web.json_response(documents.group(self._world, group))

    async def _delete(self, asked: Asked) -> web.Response:
        group = self._group(asked)
        if group.default:
            raise Refusal(422, "The default runner group cannot be deleted.")
        self._world.remove_group(group)
        return no_content()

    async def _repositories(self, asked: Asked) -> web.Response:
        wanted = self._group(asked).repositories
        repositories = [repository for repository in self._world.repositories.values() if repository.id in wanted]
        return page(asked, "repositories", [documents.repository(self._world, each) for each in repositories])

    async def _set_repositories(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, selected_repository_ids=list)
        self._group(asked).repositories = list(body["selected_repository_ids"])
        return no_content()

    async def _runners(self, asked: Asked) -> web.Response:
        group = self._group(asked)
        runners = [runner for runner in self._world.runners_of(asked.scope) if runner.group == group.id]
        return page(asked, "runners", [documents.runner(self._world, each) for each in runners])

    async def _move(self, asked: Asked) -> web.Response:
        self._world.runner_of(asked.scope, asked.number("runner")).group = self._group(asked).id
        return no_content()

    def _group(self, asked: Asked) -> Group:
        return self._world.group(asked.scope, asked.number("id"))

    def _refuse_known_name(self, organization: str, name: str) -> None:
        for group in self._world.groups.values():
            is_same = str(group.settings["name"]).lower() == name.lower()
            if is_same and group.organization.lower() == organization.lower():
                raise Refusal(409, "Already exists - A runner group with this name already exists.")

    @staticmethod
    def _apply(group: Group, body: dict[str, Any]) -> None:
        names = ("name", "visibility", "allows_public_repositories", "restricted_to_workflows", "selected_workflows")
        group.settings.update({name: body[name] for name in names if body.get(name) is not None})
        if body.get("selected_repository_ids") is not None:
            group.repositories = list(body["selected_repository_ids"])
