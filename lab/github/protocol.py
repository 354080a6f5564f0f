"""The runner's side of Actions, first version: sign in, session, poll for a job, report.

As far as one third-party runner uses it. Field names are read without regard to case: runners write them in either. A
runner's token ends with the runner; a job's token lives as long as its job and may report for no other.
"""

import asyncio
import json
import time
import uuid
from typing import Any

import jwt
from aiohttp import web

from lab.github import jit, job_message, runs
from lab.github.world import LOCK_SECONDS, Job, Refusal, Runner, World

TENANT = "/tenant"
TASKS = f"{TENANT}/_apis/distributedtask"
HUB = f"{TENANT}/{{scope}}/_apis/distributedtask/hubs/{{hub}}/plans/{{plan}}"
POLL_SECONDS = 50.0
RUNNER_VERSION = "3.0.0"  # what the third-party runner calls itself

_POOLS = "_apis/distributedtask/pools/{poolId}"
_PLANS = "{scopeIdentifier}/_apis/distributedtask/hubs/{hubName}/plans/{planId}"
# The runner looks these up by id; the paths behind them are ours to choose.
LOCATIONS = {
    "134e239e-2df3-4794-a6f6-24f1f19ec8dc": f"{_POOLS}/sessions/{{sessionId}}",
    "c3a054f6-7a8a-49c0-944e-3a8e5d7adfd7": f"{_POOLS}/messages/{{messageId}}",
    "fc825784-c92a-4299-9221-998a02d1b54f": f"{_POOLS}/jobrequests/{{requestId}}",
    "8893bc5b-35b2-4be7-83cb-99e683551db4": f"{_PLANS}/timelines/{{timelineId}}/records",
    "46f5667d-263a-4684-91b1-dff7fdcf64e2": f"{_PLANS}/logs/{{logId}}",
    "858983e4-19bd-4c5e-864c-507b59b58b12": f"{_PLANS}/timelines/{{timelineId}}/records/{{recordId}}/feed",
    "557624af-b29e-4c20-8ab0-0399d2204f3f": f"{_PLANS}/events",
}


def lowered(value: Any) -> Any:
    """The same JSON with every key in lower case."""
    if isinstance(value, dict):
        return {str(key).lower(): lowered(item) for key, item in value.items()}
    return [lowered(item) for item in value] if isinstance(value, list) else value


class Protocol:
    """The handlers. `secret` signs runners' tokens, so that nobody makes one up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secret = uuid.uuid4().hex + uuid.uuid4().hex

    def routes(self) -> list[web.RouteDef]:
        """Everything below /tenant."""
        pool = f"{TASKS}/pools/{{pool}}"
        return [
            web.get(f"{TENANT}/_apis/connectionData", self._connection_data),
            web.post(f"{TENANT}/_apis/oauth2/token", self._token),
            web.post(f"{pool}/sessions", self._open_session),
            web.delete(f"{pool}/sessions/{{session}}", self._close_session),
            web.get(f"{pool}/messages", self._poll),
            web.delete(f"{pool}/messages/{{message}}", self._acknowledge),
            web.patch(f"{pool}/jobrequests/{{job}}", self._renew),
            web.patch(f"{HUB}/timelines/{{timeline}}/records", self._records),
            web.post(f"{HUB}/logs", self._make_log),
            web.post(f"{HUB}/logs/{{log}}", self._write_log),
            web.post(f"{HUB}/timelines/{{timeline}}/records/{{record}}/feed", self._feed),
            web.post(f"{HUB}/events", self._event),
        ]

    async def _connection_data(self, _: web.Request) -> web.Response:
        """Anonymous: a runner whose registration is gone then ends at its session, and does not ask here for ever."""
        definitions = [
            {
                "serviceType": "distributedtask", "identifier": identifier, "displayName": "distributedtask",
                "relativeToSetting": "fullyQualified", "relativePath": path, "description": "", "resourceVersion": 6,
                "minVersion": "1.0", "maxVersion": "12.0",
            }
            for identifier, path in LOCATIONS.items()
        ]  # fmt: skip
        return web.json_response({"locationServiceData": {"serviceDefinitions": definitions}})

    async def _token(self, request: web.Request) -> web.Response:
        """A runner proves with its key that it is the one of the JIT configuration."""
        form = await request.post()
        assertion = str(form.get("client_assertion", ""))
        try:
            client = jwt.decode(assertion, options={"verify_signature": False})["sub"]
            runner = next(candidate for candidate in self._world.runners.values() if candidate.client_id == client)
            jwt.decode(
                assertion, runner.key.public_key(), algorithms=["RS256", "PS256"], issuer=client, leeway=300,
                audience=jit.token_url(self._world.base),
            )  # fmt: skip
        except (jwt.PyJWTError, KeyError, StopIteration):
            return web.json_response({"error": "invalid_client"}, status=400)
        token = jwt.encode({"runner": runner.id, "exp": int(time.time()) + 3600}, self._secret, algorithm="HS256")
        return web.json_response({"access_token": token, "expires_in": 3600, "token_type": "JWT"})

    async def _open_session(self, request: web.Request) -> web.Response:
        runner = self._runner(request)
        if runner.session and self._world.is_online(runner):
            raise Refusal(409, "The runner has a session already.")
        agent = lowered(await request.json()).get("agent", {})
        runner.session, runner.seen = str(uuid.uuid4()), self._world.clock.now()
        runner.version = str(agent.get("version") or RUNNER_VERSION)
        await self._world.notify()
        return web.json_response(
            {
                "sessionId": runner.session, "ownerName": "RUNNER", "useFipsEncryption": False,
                "agent": {"id": runner.id, "name": runner.name, "version": runner.version},
                "encryptionKey": {"encrypted": False, "value": ""},
            }
        )  # fmt: skip

    async def _close_session(self, request: web.Request) -> web.Response:
        runner = self._runner(request)
        if runner.session == request.match_info["session"]:
            runner.session = ""
        return web.Response(status=204)

    async def _poll(self, request: web.Request) -> web.Response:
        """Waits for a job, or for the cancellation of the one that runs; 204 when nothing came."""
        end = asyncio.get_running_loop().time() + POLL_SECONDS
        while True:
            runner = self._runner(request)
            if runner.session != request.query.get("sessionId"):
                return web.json_response({"typeName": "TaskAgentSessionExpiredException"}, status=404)
            runner.seen = self._world.clock.now()
            message = self._message(runner)
            if message is not None:
                return web.json_response(message)
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return web.Response(status=204)
            async with self._world.changed:
                try:
                    await asyncio.wait_for(self._world.changed.wait(), left)
                except TimeoutError:
                    return web.Response(status=204)

    def _message(self, runner: Runner) -> dict[str, Any] | None:
        """The same job again until it is acknowledged; then only that it is cancelled."""
        job = self._world.job(runner.job) if runner.job is not None else runs.next_job(self._world, runner)
        if job is None:
            return None
        if not job.acknowledged:
            content = job_message.body(self._world.base, self._world.runs[job.run], job)
            return _envelope(job.message, "PipelineAgentJobRequest", content)
        if job.cancelled:
            return _envelope(job.message + 1_000_000, "JobCancellation", {"jobId": job.request, "timeout": "00:05:00"})
        return None

    async def _acknowledge(self, request: web.Request) -> web.Response:
        runner = self._runner(request)
        if runner.job is not None:
            job = self._world.job(runner.job)
            job.acknowledged = job.acknowledged or job.message == int(request.match_info["message"])
        return web.Response(status=204)

    async def _renew(self, request: web.Request) -> web.Response:
        runner = self._runner(request)
        job = self._world.job(int(request.match_info["job"]))
        if runner.job != job.id:
            raise Refusal(404, "TaskAgentJobTokenExpiredException")
        runner.seen = self._world.clock.now()
        job.locked_until = runner.seen + LOCK_SECONDS
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(job.locked_until))
        return web.json_response({"requestId": job.id, "lockedUntil": until})

    async def _records(self, request: web.Request) -> web.Response:
        job = self._job(request)
        value = lowered(await request.json())["value"]
        for record in value:
            if str(record.get("type")).lower() == "task":
                known = job.steps.setdefault(str(record["name"]), {})
                known.update({key: record[key] for key in ("state", "result") if record.get(key)})
        return web.json_response({"count": len(value), "value": value})

    async def _make_log(self, request: web.Request) -> web.Response:
        job, given = self._job(request), lowered(await request.json())
        number = self._world.next_id()
        job.logs[number] = ""
        return web.json_response({"id": number, "path": given.get("path")}, status=201)

    async def _write_log(self, request: web.Request) -> web.Response:
        job = self._job(request)
        job.logs[int(request.match_info["log"])] += (await request.read()).decode(errors="replace")
        return web.json_response({})

    async def _feed(self, request: web.Request) -> web.Response:
        """Lines as they are printed; each gets the time at which it came, as in GitHub's own logs."""
        job, lines = self._job(request), lowered(await request.json())["value"]
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 100 % 10_000_000:07d}Z"
        job.lines += [f"{at} {line}" for line in lines]
        return web.json_response({})

    async def _event(self, request: web.Request) -> web.Response:
        """The end of the job. A runner that crashed and came back reports it with its own token."""
        event = lowered(await request.json())
        if str(event.get("name")).lower() != "jobcompleted":
            return web.json_response({})
        job = self._job(request, event.get("jobid"))
        if job.status != "completed":
            await runs.finish(self._world, job, _result(event.get("result")))
        return web.json_response({})

    def _runner(self, request: web.Request) -> Runner:
        """The runner of a token. A token of a runner that is gone is refused in the words that end the runner."""
        try:
            claims = jwt.decode(_bearer(request), self._secret, algorithms=["HS256"])
        except jwt.PyJWTError:
            raise Refusal(401, "the runner's token is not valid") from None
        runner = self._world.runners.get(int(claims["runner"]))
        if runner is None:
            raise Refusal(403, "AccessDeniedException: the registration has been deleted")
        return runner

    def _job(self, request: web.Request, named: object = None) -> Job:
        """The job that a token may report for."""
        token = _bearer(request)
        for job in self._world.jobs():
            if job.plan_id == request.match_info["plan"]:
                mine = job.token == token
                if not mine and named == job.request:
                    mine = self._runner(request).job == job.id
                if not mine:
                    raise Refusal(401, "this token may not report for this job")
                return job
        raise Refusal(404, "no such plan")


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").partition(" ")[2].strip()


def _envelope(number: int, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"messageId": number, "messageType": kind, "iv": "", "body": json.dumps(content)}


def _result(value: object) -> str:
    """Runners write the result as a word or as its number."""
    numbers = ("succeeded", "succeededwithissues", "failed", "canceled", "skipped", "abandoned")
    return numbers[value] if isinstance(value, int) and value < len(numbers) else str(value)
