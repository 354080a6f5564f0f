"""A stand-in for GitHub's REST API over real HTTP, as far as the registrar asks it: as its OpenAPI document says.

It counts what costs of the hourly budget (an unchanged answer does not), and holds GitHub's secondary limits against
whoever asks too fast.
"""

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web

from tests.github.app_key import KEY

TOKEN = "github_pat_stand_in"
APP_ID = "4711"
REPOSITORY, ORGANIZATION = "/api/v3/repos/{owner}/{repo}", "/api/v3/orgs/{owner}"


@dataclass
class StandInGitHub:
    """`runners`, `runs`, `jobs` are the JSON that it gives. `fail_next`: (status, headers, message) of next answers."""

    runners: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    repositories: list[str] = field(default_factory=lambda: ["mlops/guide"])
    deprecations: dict[str, Any] = field(default_factory=dict)
    installed: set[str] = field(default_factory=lambda: {"mlops/guide", "mlops"})
    fail_next: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    costs: Counter[str] = field(default_factory=Counter)
    moments: list[tuple[float, str]] = field(default_factory=list)
    minted: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    token_life: float = 3600.0
    busy_status: int = 422
    missing_permission: str = ""
    administers: bool = True
    classic_scopes: str | None = None
    limit: int = 5000
    remaining: int = 5000
    next_id: int = 1
    raw_answer: web.Response | None = None  # what every request gets instead

    def run(self, run_id: int, *jobs: dict[str, Any], status: str = "in_progress", repo: str = "mlops/guide") -> None:
        """Add or replace a run with its jobs."""
        self.runs[run_id] = {"id": run_id, "status": status, "run_attempt": 1, "repo": repo,
                             "updated_at": f"2026-11-24T00:00:{len(self.calls) % 60:02d}Z"}  # fmt: skip
        self.jobs[run_id] = list(jobs)

    def come_online(self, runner_id: int, *, version: str = "2.336.0") -> None:
        """The runner connects: GitHub learns its version, and adds labels that nobody asked for."""
        runner = self.runners[runner_id]
        fixed = [{"id": 0, "name": name, "type": "read-only"} for name in ("Linux", "X64")]
        runner.update(status="online", version=version, labels=[*fixed, *runner["labels"]])

    def application(self) -> web.Application:
        """Its routes."""
        application = web.Application(middlewares=[self._gate])
        add = application.router.add_route
        for base in (REPOSITORY, ORGANIZATION):
            add("GET", f"{base}/installation", self._installation)
            add("POST", f"{base}/actions/runners/generate-jitconfig", self._generate)
            add("GET", f"{base}/actions/runners", self._list)
            add("GET", f"{base}/actions/runners/{{id}}", self._get)
            add("DELETE", f"{base}/actions/runners/{{id}}", self._delete)
            add("GET", f"{base}/actions/runners/deprecations/{{version}}", self._deprecation)
        add("POST", "/api/v3/app/installations/{id}/access_tokens", self._mint)
        add("GET", f"{REPOSITORY}/actions/runs", self._list_runs)
        add("GET", f"{REPOSITORY}/actions/runs/{{run}}/jobs", self._list_jobs)
        add("GET", f"{REPOSITORY}/actions/jobs/{{job}}", self._get_job)
        add("GET", f"{ORGANIZATION}/actions/runner-groups", self._list_groups)
        add("GET", f"{ORGANIZATION}/actions/runner-groups/{{id}}/repositories", self._list_repositories)
        add("GET", f"{ORGANIZATION}/repos", self._list_repositories)
        add("GET", REPOSITORY, self._get_repository)
        return application

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3")
        self.calls.append(f"{request.method} {path}")
        self.moments.append((time.monotonic(), request.method))
        if self.raw_answer is not None:
            return web.Response(body=self.raw_answer.body, headers=self.raw_answer.headers)
        if self.fail_next:
            status, headers, message = self.fail_next.pop(0)
            return web.json_response({"message": message}, status=status, headers=self._limits() | headers)
        seen = request.headers.get("Authorization", "")
        if seen.startswith("bearer "):
            if not _signed(seen.removeprefix("bearer ")):
                return web.json_response({"message": "A JSON web token could not be decoded"}, status=401)
        elif seen.removeprefix("token ") not in self.tokens:
            return web.json_response({"message": "Bad credentials"}, status=401)
        elif self.missing_permission:
            headers = {"X-Accepted-GitHub-Permissions": self.missing_permission}
            message = "Resource not accessible by integration"
            return web.json_response({"message": message}, status=403, headers=headers)
        answer: web.StreamResponse = await handler(request)
        return self._conditional(request, path, answer)

    def _conditional(self, request: web.Request, path: str, answer: web.StreamResponse) -> web.StreamResponse:
        if request.method == "GET" and answer.status == 200 and isinstance(answer, web.Response):
            text = f"{answer.text}{request.headers.get('Authorization')}"
            tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
            if request.headers.get("If-None-Match") == tag:
                answer = web.Response(status=304)
            answer.headers["ETag"] = tag
        if answer.status != 304:
            self.remaining -= 1
            self.costs[f"{request.method} {path}"] += 1
        answer.headers.update(self._limits())
        if self.classic_scopes is not None:
            answer.headers["X-OAuth-Scopes"] = self.classic_scopes
        return answer

    def _limits(self) -> dict[str, str]:
        reset = str(int(time.time()) + 1800)
        return {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining),
                "X-RateLimit-Reset": reset}  # fmt: skip

    async def _installation(self, request: web.Request) -> web.Response:
        name = "/".join(part for part in (request.match_info["owner"], request.match_info.get("repo")) if part)
        return web.json_response({"id": 99}) if name in self.installed else _refusal(404, "Not Found")

    async def _mint(self, request: web.Request) -> web.Response:
        self.minted.append(await request.json())
        token = f"ghs_{len(self.minted)}"
        self.tokens.add(token)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.token_life))
        return web.json_response({"token": token, "expires_at": expires}, status=201)

    async def _generate(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if not asked["labels"] or not isinstance(asked["runner_group_id"], int):
            return _refusal(422, "Invalid request")
        if any(runner["name"] == asked["name"] for runner in self.runners.values()):
            return _refusal(409, "Already exists - A runner with this name already exists.")
        number, self.next_id = self.next_id, self.next_id + 1
        labels = [{"id": n, "name": name, "type": "custom"} for n, name in enumerate(asked["labels"])]
        self.runners[number] = {
            "id": number, "name": asked["name"], "os": "unknown", "status": "offline", "busy": False,
            "ephemeral": True, "version": None, "runner_group_id": asked["runner_group_id"], "labels": labels,
        }  # fmt: skip
        answer = {"runner": self.runners[number], "encoded_jit_config": f"jit-secret-{number}"}
        return web.json_response(answer, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        name = request.query.get("name")
        return _page(request, "runners", [one for one in self.runners.values() if name in (None, one["name"])])

    async def _get(self, request: web.Request) -> web.Response:
        runner = self.runners.get(int(request.match_info["id"]))
        return web.json_response(runner) if runner else _refusal(404, "Not Found")

    async def _delete(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        working = any(
            job.get("runner_id") == number and job["status"] == "in_progress"
            for jobs in self.jobs.values()
            for job in jobs
        )
        if number not in self.runners:
            return _refusal(404, "Not Found")
        if working or self.runners[number]["busy"]:
            return _refusal(self.busy_status, f"Runner {number} is currently running a job and cannot be deleted.")
        del self.runners[number]
        return web.Response(status=204)

    async def _deprecation(self, request: web.Request) -> web.Response:
        version = request.match_info["version"]
        known = self.deprecations.get(version)
        return web.json_response({"runner_version": version, **known}) if known else _refusal(404, "Not Found")

    async def _list_runs(self, request: web.Request) -> web.Response:
        repo, status = f"{request.match_info['owner']}/{request.match_info['repo']}", request.query.get("status")
        runs = [run for run in self.runs.values() if status in (None, run["status"]) and run["repo"] == repo]
        return _page(request, "workflow_runs", sorted(runs, key=lambda run: -run["id"]))

    async def _list_jobs(self, request: web.Request) -> web.Response:
        return _page(request, "jobs", self.jobs[int(request.match_info["run"])])

    async def _get_job(self, request: web.Request) -> web.Response:
        number = int(request.match_info["job"])
        job = next((one for jobs in self.jobs.values() for one in jobs if one["id"] == number), None)
        return web.json_response(job) if job else _refusal(404, "Not Found")

    async def _get_repository(self, request: web.Request) -> web.Response:
        return web.json_response({"visibility": "private", "permissions": {"admin": self.administers}})

    async def _list_groups(self, request: web.Request) -> web.Response:
        return _page(request, "runner_groups", self.groups)

    async def _list_repositories(self, request: web.Request) -> web.Response:
        entries = [{"full_name": name} for name in self.repositories]
        return (
            _page(request, "repositories", entries) if "runner-groups" in request.path else web.json_response(entries)
        )


def job(number: int, *, runner_id: int | None = None, status: str = "in_progress", **more: Any) -> dict[str, Any]:
    """A job as GitHub lists it."""
    entry = {"id": number, "name": "train", "labels": ["cml-gpu"], "status": status, "conclusion": None}
    return {**entry, "runner_id": runner_id, **more}


def _signed(token: str) -> bool:
    try:
        claims = jwt.decode(token, KEY.public_key(), algorithms=["RS256"], options={"require": ["iat", "exp", "iss"]})
    except jwt.PyJWTError:
        return False
    return bool(claims["iss"] == APP_ID and claims["exp"] - time.time() <= 600)


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _page(request: web.Request, key: str, entries: list[dict[str, Any]]) -> web.Response:
    size, page = min(100, int(request.query.get("per_page", "30"))), int(request.query.get("page", "1"))
    shown = entries[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(entries):
        following = request.url.update_query(page=str(page + 1))
        headers["Link"] = f'<{following}>; rel="next"'
    body = json.dumps({key: shown, "total_count": len(entries)})
    return web.Response(text=body, content_type="application/json", headers=headers)
