"""Gitea's Actions API (tried with 1.26.4), and the `.runner` file of its runner."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from registrar.forges.forge import (
    ForgeError,
    ForgeRefusedError,
    ForgeUnreachableError,
    Job,
    Pace,
    Registration,
    Runner,
)

PAGE_SIZE = 50  # the most a default Gitea gives; a smaller answer is no sign of the last page
REGISTER_PATH = "/api/actions/runner.v1.RunnerService/Register"
RUNNER_VERSION = "gpu-runners"  # overwritten by the runner itself when it declares
PACE = Pace(burst=0.25, active=1.0, idle=2.0, census=15.0)
READS = 3

Observe = Callable[[str, str], None]  # verb, status


class Gitea:
    """The seam for one Gitea. The credential is read again for each request, so rotating it needs no restart."""

    def __init__(self, url: str, *, credential: Callable[[], str], observe: Observe, pace: Pace = PACE) -> None:
        self._url = url
        self._pace = pace
        self._credential = credential
        self._observe = observe
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10, connect=3))

    @property
    def pace(self) -> Pace:
        return self._pace

    async def close(self) -> None:
        await self._session.close()

    async def issue(self, scope: str, *, name: str, labels: tuple[str, ...], group: str | None) -> Registration:
        del group  # Gitea knows no runner groups
        answer = await self._call("issue", "POST", f"{_base(scope)}/actions/runners/registration-token")
        request = {
            "name": name,
            "token": _field(answer, "token"),
            "version": RUNNER_VERSION,
            "labels": [f"{label}:host" for label in labels],
            "ephemeral": True,
        }
        answer = await self._call("register", "POST", REGISTER_PATH, request)
        runner = _field(answer, "runner")
        runner_id = int(_field(runner, "id"))
        body = {
            "id": runner_id,
            "uuid": _field(runner, "uuid"),
            "name": name,
            "token": _field(runner, "token"),
            "address": self._url,
            "labels": request["labels"],
            "ephemeral": True,
        }
        return Registration(runner_id=runner_id, body=json.dumps(body))

    async def list_runners(self, scope: str) -> tuple[Runner, ...]:
        # Gitea orders by last contact, so runners move between pages while they are read: no use to insist on a count.
        entries = await self._pages("list", f"{_base(scope)}/actions/runners", "runners", insist=False)
        return tuple(_runner(entry) for entry in entries)

    async def find(self, scope: str, runner_id: int) -> Runner | None:
        answer = await self._call("find", "GET", _runner_path(scope, runner_id), absent_is_fine=True)
        return _runner(answer) if answer is not None else None

    async def cordon(self, scope: str, runner_id: int) -> None:
        await self._call("cordon", "PATCH", _runner_path(scope, runner_id), {"disabled": True}, absent_is_fine=True)

    async def remove(self, scope: str, runner_id: int) -> None:
        # answers 204 for a busy runner too, and its job's result is lost then: the caller has to look first
        await self._call("remove", "DELETE", _runner_path(scope, runner_id), absent_is_fine=True)

    async def jobs_in_progress(self, scope: str) -> tuple[Job, ...]:
        return await self._jobs("jobs in progress", scope, "in_progress")

    async def queued(self, scope: str) -> tuple[Job, ...]:
        return await self._jobs("queued", scope, "queued")

    async def result(self, scope: str, *, runner_id: int, job_id: str | None) -> Job | None:
        if job_id is not None and job_id.isdecimal() and "/" in scope:
            path = f"{_base(scope)}/actions/jobs/{job_id}"
            answer = await self._call("result", "GET", path, absent_is_fine=True)
            if answer is not None:
                return _job(answer)
        for job in await self.jobs_in_progress(scope):
            if job.runner_id == runner_id:
                return job
        return await self._recently_completed(scope, runner_id)

    async def _recently_completed(self, scope: str, runner_id: int) -> Job | None:
        """Look through the last two pages: the list is oldest first and grows for ever."""
        path = f"{_base(scope)}/actions/jobs"
        first = await self._call("result", "GET", path, query={"status": "completed", "limit": "1"})
        last = max(1, -(-int(_field(first, "total_count")) // PAGE_SIZE))
        for page in (last, last - 1):
            if page < 1:
                continue
            query = {"status": "completed", "limit": str(PAGE_SIZE), "page": str(page)}
            answer = await self._call("result", "GET", path, query=query)
            for job in map(_job, _field(answer, "jobs") or ()):
                if job.runner_id == runner_id:
                    return job
        return None

    async def _jobs(self, verb: str, scope: str, status: str) -> tuple[Job, ...]:
        path = f"{_base(scope)}/actions/jobs"
        return tuple(_job(entry) for entry in await self._pages(verb, path, "jobs", insist=True, status=status))

    async def _pages(self, verb: str, path: str, key: str, *, insist: bool, **query: str) -> list[Mapping[str, Any]]:
        """All entries of a paged list, each id once.

        `insist`: read again until the count fits, because an entry that moved to a page already read would be missed.
        """
        entries: dict[int, Mapping[str, Any]] = {}
        for _ in range(READS if insist else 1):
            entries, total, page = {}, 1, 1
            while len(entries) < total:
                paging = {"limit": str(PAGE_SIZE), "page": str(page)}
                answer = await self._call(verb, "GET", path, query={**query, **paging})
                batch = _field(answer, key) or ()
                if not batch:
                    break
                entries.update({int(_field(entry, "id")): entry for entry in batch})
                total, page = int(_field(answer, "total_count")), page + 1
            else:
                return list(entries.values())
            if not entries or not insist:
                return list(entries.values())
        raise ForgeUnreachableError(f"{verb}: the list changed each of {READS} times while it was read", retry_after=1)

    async def _call(
        self,
        verb: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        absent_is_fine: bool = False,
    ) -> Any:
        """One request. Returns the decoded answer, or None for 204 and, where that is fine, for 404."""
        headers = {} if path == REGISTER_PATH else {"Authorization": f"token {self._credential()}"}
        url = f"{self._url}{path}"
        status = "no answer"
        try:
            async with self._session.request(method, url, json=body, params=query, headers=headers) as response:
                status = str(response.status)
                if response.status == 204 or (response.status == 404 and absent_is_fine):
                    return None
                if response.status >= 400:
                    raise _refusal(verb, path, response.status, response.headers)
                return await response.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise ForgeUnreachableError(f"{verb}: {type(error).__name__} from {self._url}") from error
        finally:
            self._observe(verb, status)


def _base(scope: str) -> str:
    """The API's prefix of a scope: "owner/repository", "owner" (an organization), or "" for the whole instance."""
    if "/" in scope:
        return f"/api/v1/repos/{scope}"
    return f"/api/v1/orgs/{scope}" if scope else "/api/v1/admin"


def _runner_path(scope: str, runner_id: int) -> str:
    return f"{_base(scope)}/actions/runners/{runner_id}"


def _refusal(verb: str, path: str, status: int, headers: Mapping[str, str]) -> ForgeError:
    if status == 429 or status >= 500:
        after = headers.get("Retry-After", "")
        wait = float(after) if after.isdecimal() else 2.0
        return ForgeUnreachableError(f"{verb}: the forge answers {status}", retry_after=wait)
    cure = "check the credential (scopes repository, organization or admin: write) and the grant's scope"
    return ForgeRefusedError(f"{verb}: the forge answers {status} to {path}; {cure}", retry_after=15.0)


def _field(answer: Any, key: str) -> Any:
    try:
        return answer[key]
    except (KeyError, TypeError) as error:
        raise ForgeUnreachableError(f"the forge's answer has no {key!r}: is this a Gitea of 1.26 or newer?") from error


def _runner(entry: Mapping[str, Any]) -> Runner:
    return Runner(
        id=int(_field(entry, "id")),
        name=str(_field(entry, "name")),
        online=entry.get("status") == "online",
        busy=bool(entry.get("busy")),
        cordoned=bool(entry.get("disabled")),
        ephemeral=bool(entry.get("ephemeral")),
        labels=frozenset(_label(label["name"]) for label in entry.get("labels") or ()),
    )


def _label(declared: str) -> str:
    """`cml-gpu:host` and `cml-gpu` are the same label: a runner declares it without the part for its executor."""
    return declared.partition(":")[0]


def _job(entry: Mapping[str, Any]) -> Job:
    return Job(
        id=str(_field(entry, "id")),
        name=str(entry.get("name", "")),
        labels=frozenset(entry.get("labels") or ()),
        runner_id=int(entry["runner_id"]) if entry.get("runner_id") else None,
        in_progress=entry.get("status") == "in_progress",
        conclusion=str(entry.get("conclusion") or ""),
    )
