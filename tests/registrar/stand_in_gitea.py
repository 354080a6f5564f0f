"""A stand-in for Gitea 1.26's Actions API, over real HTTP: it answers what was seen at a real one, errors included."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from registrar.forges.gitea import Gitea

TOKEN = "forge-credential"
COMMIT = "c0ffee" + 34 * "0"


@dataclass
class StandInGitea:
    """`runners` and `jobs` are the JSON that it gives; `failing` makes every answer this status."""

    runners: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)  # of every commit, the oldest first
    calls: list[str] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    tokens_seen: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    failing: int | None = None
    failing_headers: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN
    next_id: int = 1
    delay: float = 0.0  # seconds before each answer
    slow: dict[str, float] = field(default_factory=dict)  # seconds before answers to paths with this in them
    broken: str = ""  # paths with this in them answer 500
    refused: str = ""  # paths with this in them answer 403, as to a token without the scope for them
    minted: int = 0
    most_items: int = 50  # on a page, as [api] MAX_RESPONSE_ITEMS has it
    after_register: Callable[[], Awaitable[None]] | None = None  # what happens between Gitea's commit and its answer

    def job(self, job_id: int, *, runner_id: int | None = None, status: str = "in_progress", **more: Any) -> None:
        """Add or replace a job."""
        self.jobs = [job for job in self.jobs if job["id"] != job_id]
        url = f"https://forge.invalid/api/v1/repos/mlops/guide/actions/jobs/{job_id}"
        entry = {
            "id": job_id,
            "url": url,
            "name": "train",
            "labels": ["cml-gpu"],
            "status": status,
            "steps": [],
            "run_id": 1,
            "run_attempt": 1,
            "head_sha": COMMIT,
            **more,
        }
        if runner_id is not None:
            entry["runner_id"] = runner_id
        self.jobs.append(entry)

    def run(self, run_id: int, path: str = "deploy.yml@refs/heads/main", event: str = "push") -> None:
        """Add or replace a run of mlops/guide; a job of it has it as `run_id`."""
        repository = {"id": 1, "name": "guide", "full_name": "mlops/guide"}
        branch = path.partition("@refs/heads/")[2]
        self.runs[run_id] = {
            "id": run_id, "path": path, "event": event, "head_branch": branch, "repository": repository,
            "status": "in_progress", "head_sha": "0" * 40,
        }  # fmt: skip

    def write_status(self, job_id: int, status: str, description: str) -> None:
        """As Gitea itself writes one whenever a job of a push or a pull request moves on."""
        target, context = f"/mlops/guide/actions/runs/1/jobs/{job_id}", f"lab / train-{job_id} (push)"
        entry = {"status": status, "context": context, "target_url": target, "description": description}
        self.statuses.append({"id": len(self.statuses) + 1, "sha": COMMIT, **entry})

    def shown_statuses(self) -> dict[str, tuple[str, str]]:
        """State and description by context: of each the newest, as people see them."""
        return {status["context"]: (status["status"], status["description"]) for status in self.statuses}

    def pull(self, number: int, head: str | None) -> None:
        """Add or replace a pull request whose branch is in the repository `head`, None of one that is gone."""
        self.pulls[number] = {"number": number, "head": {"repo": None if head is None else {"full_name": head}}}

    def come_online(self, runner_id: int) -> None:
        """The runner declares: its labels lose the part that names the executor."""
        runner = self.runners[runner_id]
        runner["status"] = "online"
        runner["labels"] = [{**label, "name": label["name"].split(":")[0]} for label in runner["labels"]]

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._gate])
        for base in ("/api/v1/repos/{owner}/{repo}", "/api/v1/orgs/{owner}", "/api/v1/admin"):
            application.router.add_post(f"{base}/actions/runners/registration-token", self._registration_token)
            application.router.add_get(f"{base}/actions/runners", self._list)
            application.router.add_get(f"{base}/actions/runners/{{id}}", self._get)
            application.router.add_patch(f"{base}/actions/runners/{{id}}", self._patch)
            application.router.add_delete(f"{base}/actions/runners/{{id}}", self._delete)
            application.router.add_get(f"{base}/actions/jobs", self._list_jobs)
        application.router.add_get("/api/v1/repos/{owner}/{repo}/actions/jobs/{id}", self._get_job)
        application.router.add_get("/api/v1/repos/{owner}/{repo}/actions/runs/{id}", self._get_run)
        application.router.add_get("/api/v1/repos/{owner}/{repo}/pulls/{id}", self._get_pull)
        application.router.add_get("/api/v1/repos/{owner}/{repo}/commits/{sha}/status", self._get_status)
        application.router.add_post("/api/v1/repos/{owner}/{repo}/statuses/{sha}", self._post_status)
        path = "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/jobs/{id}/rerun"
        application.router.add_post(path, self._rerun)
        application.router.add_post("/api/actions/runner.v1.RunnerService/Register", self._register)
        return application

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        wait = self.delay + sum(seconds for part, seconds in self.slow.items() if part in request.path)
        if wait:
            await asyncio.sleep(wait)
        if self.broken and self.broken in request.path:
            return web.Response(status=500)
        if self.refused and self.refused in request.path:
            return web.json_response({"message": "token does not have at least one of required scope(s)"}, status=403)
        if self.failing is not None:
            return web.Response(status=self.failing, headers=self.failing_headers)
        if request.path.startswith("/api/v1/"):
            seen = request.headers.get("Authorization", "")
            self.tokens_seen.append(seen)
            if seen != f"token {self.token}":
                return web.Response(status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _registration_token(self, request: web.Request) -> web.Response:
        return web.json_response({"token": "registration-token"})

    async def _register(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert asked["token"] == "registration-token"
        assert asked["ephemeral"] is True
        number, self.next_id = self.next_id, self.next_id + 1
        self.minted += 1
        labels = [{"id": n, "name": name, "type": "custom"} for n, name in enumerate(asked["labels"])]
        self.runners[number] = {
            "id": number, "name": asked["name"], "status": "offline", "busy": False, "disabled": False,
            "ephemeral": True, "labels": labels,
        }  # fmt: skip
        secret = f"runner-secret-{number}"
        self.secrets.append(secret)
        if self.after_register is not None:
            await self.after_register()
        # protojson writes 64-bit numbers as text
        return web.json_response({"runner": {"id": str(number), "uuid": f"uuid-{number}", "token": secret}})

    async def _list(self, request: web.Request) -> web.Response:
        return self._page(request, "runners", list(self.runners.values()))

    async def _get(self, request: web.Request) -> web.Response:
        runner = self.runners.get(int(request.match_info["id"]))
        return web.json_response(runner) if runner else web.Response(status=404)

    async def _patch(self, request: web.Request) -> web.Response:
        runner = self.runners.get(int(request.match_info["id"]))
        if runner is None:
            return web.Response(status=404)
        runner.update(await request.json())
        return web.json_response(runner)

    async def _delete(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if self.runners.pop(number, None) is None:
            return web.Response(status=404)
        self.removed.append(number)
        return web.Response(status=204)

    async def _list_jobs(self, request: web.Request) -> web.Response:
        status = request.query["status"]
        return self._page(request, "jobs", [job for job in self.jobs if job["status"] == status])

    def _page(self, request: web.Request, key: str, entries: list[dict[str, Any]]) -> web.Response:
        limit, page = min(self.most_items, int(request.query.get("limit", "30"))), int(request.query.get("page", "1"))
        return web.json_response({key: entries[(page - 1) * limit : page * limit], "total_count": len(entries)})

    async def _get_job(self, request: web.Request) -> web.Response:
        job = next((candidate for candidate in self.jobs if candidate["id"] == int(request.match_info["id"])), None)
        return web.json_response(job) if job else web.Response(status=404)

    async def _get_run(self, request: web.Request) -> web.Response:
        run = self.runs.get(int(request.match_info["id"]))
        return web.json_response(run) if run else web.Response(status=404)

    async def _get_status(self, request: web.Request) -> web.Response:
        newest = {status["context"]: status for status in self.statuses if status["sha"] == request.match_info["sha"]}
        entries = list(newest.values())[: min(self.most_items, int(request.query.get("limit", "30")))]
        return web.json_response({"state": "pending", "total_count": len(newest), "statuses": entries or None})

    async def _post_status(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert asked["state"] in ("pending", "success", "error", "failure", "warning", "skipped")
        entry = {key: asked[key] for key in ("context", "target_url", "description")}
        sha = request.match_info["sha"]
        self.statuses.append({"id": len(self.statuses) + 1, "sha": sha, "status": asked["state"], **entry})
        return web.json_response(self.statuses[-1], status=201)

    async def _rerun(self, request: web.Request) -> web.Response:
        """The job keeps its number; its runner is unknown until another one takes it."""
        number, run = int(request.match_info["id"]), int(request.match_info["run"])
        jobs = [job for job in self.jobs if job["run_id"] == run]
        job = next((job for job in jobs if job["id"] == number), None)
        if job is None:
            return web.Response(status=404)
        if any(other["status"] != "completed" for other in jobs):
            return web.json_response({"message": "this workflow run is not done"}, status=400)
        job.update(status="queued", conclusion="")
        job.pop("runner_id", None)
        return web.json_response(job, status=201)

    async def _get_pull(self, request: web.Request) -> web.Response:
        pull = self.pulls.get(int(request.match_info["id"]))
        return web.json_response(pull) if pull else web.Response(status=404)


@asynccontextmanager
async def asked(gitea: StandInGitea) -> AsyncIterator[Gitea]:
    """The registrar's own client of it, over a real port."""
    async with TestServer(gitea.application()) as server:
        forge = Gitea(str(server.make_url("")).rstrip("/"), credential=lambda: TOKEN, observe=lambda *_: None)
        yield forge
        await forge.close()
