"""REST: dispatching a workflow, runs, jobs and their logs."""

from aiohttp import web

from lab.github import documents, runs
from lab.github.clock import timestamp
from lab.github.rest import Asked, Door, no_content, page, required
from lab.github.workflow import Workflow
from lab.github.world import Job, Refusal, Run, World


class RunRoutes:
    """Everything that the permission `actions` opens."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, door: Door) -> list[web.RouteDef]:
        """All of them."""
        actions, permission = "/repos/{owner}/{repo}/actions", "actions"
        return [
            door.route("GET", f"{actions}/workflows", self._workflows, permission),
            door.route("GET", f"{actions}/workflows/{{workflow}}", self._shown_workflow, permission),
            door.route("POST", f"{actions}/workflows/{{workflow}}/dispatches", self._dispatch, permission),
            door.route("GET", f"{actions}/runs", self._list, permission),
            door.route("GET", f"{actions}/runs/{{id}}", self._get, permission),
            door.route("POST", f"{actions}/runs/{{id}}/cancel", self._cancel, permission),
            door.route("GET", f"{actions}/runs/{{id}}/jobs", self._jobs, permission),
            door.route("GET", f"{actions}/runs/{{id}}/pending_deployments", self._waiting, permission),
            door.route("POST", f"{actions}/runs/{{id}}/pending_deployments", self._review, "deployments"),
            door.route("GET", f"{actions}/jobs/{{id}}", self._job, permission),
            door.route("POST", f"{actions}/jobs/{{id}}/rerun", self._rerun, permission),
            door.route("GET", f"{actions}/jobs/{{id}}/logs", self._log, permission),
        ]

    async def _workflows(self, asked: Asked) -> web.Response:
        repository = self._world.repository(asked.scope)
        return page(
            asked,
            "workflows",
            [documents.workflow(self._world, repository, it) for it in repository.workflows.values()],
        )

    async def _shown_workflow(self, asked: Asked) -> web.Response:
        repository = self._world.repository(asked.scope)
        return web.json_response(documents.workflow(self._world, repository, self._workflow(asked)))

    async def _dispatch(self, asked: Asked) -> web.Response:
        body = await asked.body()
        required(body, ref=str)
        repository = self._world.repository(asked.scope)
        workflow = self._workflow(asked)
        ref = body["ref"].removeprefix("refs/heads/")
        if not workflow.is_dispatched:
            raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
        if ref not in repository.branches:
            raise Refusal(422, f"No ref found for: {body['ref']}")
        run = await runs.dispatch(self._world, repository, workflow, ref, body.get("inputs"))
        if not body.get("return_run_details"):
            return no_content()
        shown = documents.run(self._world, run)
        return web.json_response({"workflow_run_id": run.id, "run_url": shown["url"], "html_url": shown["html_url"]})

    def _workflow(self, asked: Asked) -> Workflow:
        wanted = asked.request.match_info["workflow"]
        for name, workflow in self._world.repository(asked.scope).workflows.items():
            if wanted in (name, str(workflow.id)):
                return workflow
        raise Refusal(404, "Not Found")

    async def _list(self, asked: Asked) -> web.Response:
        wanted, until = asked.request.query.get("status"), _until(asked.request.query.get("created"))
        world = self._world
        listed = [
            run
            for run in reversed(self._runs(asked))
            if wanted in (None, world.shown_status_of_run(run), world.shown_conclusion_of_run(run))
            and (until is None or timestamp(run.made) <= until)
        ]
        return page(asked, "workflow_runs", [documents.run(world, run) for run in listed])

    async def _get(self, asked: Asked) -> web.Response:
        return web.json_response(documents.run(self._world, self._run(asked)))

    async def _cancel(self, asked: Asked) -> web.Response:
        run = self._run(asked)
        if run.status == "completed":
            raise Refusal(409, "Cannot cancel a workflow run that is completed.")
        await runs.cancel(self._world, run)
        return web.json_response({}, status=202)

    async def _waiting(self, asked: Asked) -> web.Response:
        """The environments whose reviewers have not spoken yet."""
        run = self._run(asked)
        names = {job.plan.environment for job in run.jobs if job.status == "waiting"}
        return web.json_response(
            [documents.pending_deployment(self._world, run.repository, name) for name in sorted(names)]
        )

    async def _review(self, asked: Asked) -> web.Response:
        body, run = await asked.body(), self._run(asked)
        required(body, environment_ids=list, state=str, comment=str)
        if body["state"] not in ("approved", "rejected"):
            raise Refusal(422, "state: approved or rejected")
        waiting = {job.plan.environment for job in run.jobs if job.status == "waiting"}
        wanted = {it.id: it for it in run.repository.environments.values() if it.name in waiting}
        if not body["environment_ids"] or not set(body["environment_ids"]) <= wanted.keys():
            raise Refusal(422, "No pending deployment requests to approve or reject")
        chosen = [wanted[number] for number in body["environment_ids"]]
        await runs.review(self._world, run, [it.id for it in chosen], approved=body["state"] == "approved")
        return web.json_response([documents.deployment(self._world, run, it) for it in chosen])

    async def _jobs(self, asked: Asked) -> web.Response:
        await runs.expire_locks(self._world)
        return page(asked, "jobs", [documents.job(self._world, job) for job in self._run(asked).jobs])

    async def _job(self, asked: Asked) -> web.Response:
        await runs.expire_locks(self._world)
        return web.json_response(documents.job(self._world, self._found(asked)))

    async def _rerun(self, asked: Asked) -> web.Response:
        await runs.rerun(self._world, self._found(asked))
        return web.json_response({}, status=201)

    async def _log(self, asked: Asked) -> web.Response:
        """At GitHub a redirect to a store; here the store is this very server, behind no token."""
        job = self._found(asked)
        raise web.HTTPFound(f"{self._world.base}/_lab/logs/{job.id}/{job.token.removeprefix('job-')[:16]}")

    def _found(self, asked: Asked) -> Job:
        job = self._world.job(asked.number("id"))
        if self._world.runs[job.run].repository.full_name.lower() != asked.scope.lower():
            raise Refusal(404, "Not Found")
        return job

    def _runs(self, asked: Asked) -> list[Run]:
        name = asked.scope.lower()
        return [run for run in self._world.runs.values() if run.repository.full_name.lower() == name]

    def _run(self, asked: Asked) -> Run:
        for run in self._runs(asked):
            if run.id == asked.number("id"):
                return run
        raise Refusal(404, "Not Found")


def _until(created: str | None) -> str | None:
    """The moment of `created=<=MOMENT`. Of what else GitHub's search knows nothing is served: Refusal 422."""
    if created is None:
        return None
    if not created.startswith("<="):
        raise Refusal(422, f"created: {created}: the stand-in knows <=MOMENT alone")
    return created.removeprefix("<=")
