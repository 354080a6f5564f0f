"""Gitea's Actions API (tried with 1.26.4), and the `.runner` file of its runner."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp

from registrar.forges.answers import LONGEST_WAIT_SECONDS, MOST_PAGES, read_body, read_job
from registrar.forges.forge import (
    Again,
    ForgeError,
    ForgeRefusedError,
    ForgeUnreachableError,
    Job,
    JobOrigin,
    Pace,
    Registration,
    Runner,
)
from registrar.forges.gitea_archive import Archive
from registrar.forges.gitea_statuses import LossStatuses
from registrar.untrusted import Entry, MalformedError, document, seconds
from values.scope import Scope, ScopeKind
from values.workflow import PULL_REQUEST_EVENT, TARGET_EVENT

PAGE_SIZE = 50  # the most a default Gitea gives; a smaller answer is no sign of the last page
API = "/api/v1"
REGISTER_PATH = "/api/actions/runner.v1.RunnerService/Register"
RUNNER_VERSION = "gpu-runners"  # overwritten by the runner itself when it declares
# However many there are: four pages of jobs a second, and a page of runners in three.
PACE = Pace(burst=0.25, active=1.0, idle=2.0, census=15.0, census_each=3 / PAGE_SIZE, job_age=0.25 / PAGE_SIZE)
READS = 3
PAGES_AT_ONCE = 4
_PULL_REF = re.compile(r"refs/pull/(?P<number>[1-9][0-9]{0,18})/head", re.ASCII)
_JOB_URL = re.compile(rf"{API}/repos/(?P<owner>[^/]+)/(?P<repository>[^/]+)/actions/jobs/[0-9]+$")

Answer = TypeVar("Answer")

Observe = Callable[[str, str], None]  # verb, status


class Gitea:
    """The seam for one Gitea. The credential is read again for each request, so rotating it needs no restart."""

    def __init__(
        self, url: str, *, credential: Callable[[], str], observe: Observe, pace: Pace = PACE, proxy: str = ""
    ) -> None:
        self._url = url
        self._pace = pace
        self._credential = credential
        self._observe = observe
        self._archive = Archive()
        self._given = 0  # completed jobs on a page, as [api] MAX_RESPONSE_ITEMS lets them be; 0 where that is not known
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=10, connect=3), proxy=proxy or None,
            cookie_jar=aiohttp.DummyCookieJar(),  # a token says who asks, and what a proxy sets would only pile up
        )  # fmt: skip

    @property
    def pace(self) -> Pace:
        return self._pace

    @property
    def has_unique_names(self) -> bool:
        return False

    @property
    def forgets_done_runners(self) -> bool:
        return False  # it does, some time later; looks cost nothing here

    async def close(self) -> None:
        await self._session.close()

    async def issue(self, scope: Scope, *, name: str, labels: tuple[str, ...], group: str | None) -> Registration:
        del group  # Gitea knows no runner groups
        answer = await self._call("issue", "POST", f"{API}{scope.runners_path}/registration-token")
        request = {
            "name": name,
            "token": _of(answer, lambda entry: entry.text("token")),
            "version": RUNNER_VERSION,
            "labels": [f"{label}:host" for label in labels],
            "ephemeral": True,
        }
        answer = await self._call("register", "POST", REGISTER_PATH, request)
        runner = _of(answer, lambda entry: entry.entry("runner"))
        runner_id = _of(runner, lambda entry: entry.identifier("id"))
        body = {
            "id": runner_id,
            "uuid": _of(runner, lambda entry: entry.text("uuid")),
            "name": name,
            "token": _of(runner, lambda entry: entry.text("token")),
            "address": self._url,
            "labels": request["labels"],
            "ephemeral": True,
        }
        return Registration(runner_id=runner_id, body=json.dumps(body))

    async def list_runners(self, scope: Scope) -> tuple[Runner, ...]:
        # Gitea orders by last contact, so runners move between pages while they are read: no use to insist on a count.
        entries = await self._pages("list", f"{API}{scope.runners_path}", "runners", insist=False)
        return tuple(_of(entry, _runner) for entry in entries)

    async def find(self, scope: Scope, runner_id: int) -> Runner | None:
        answer = await self._call("find", "GET", f"{API}{scope.runners_path}/{runner_id}", absent_is_fine=True)
        return _of(answer, _runner) if answer is not None else None

    async def cordon(self, scope: Scope, runner_id: int) -> None:
        await self._call(
            "cordon", "PATCH", f"{API}{scope.runners_path}/{runner_id}", {"disabled": True}, absent_is_fine=True
        )

    async def remove(self, scope: Scope, runner_id: int) -> None:
        # answers 204 for a busy runner too, and its job's result is lost then: the caller has to look first
        await self._call("remove", "DELETE", f"{API}{scope.runners_path}/{runner_id}", absent_is_fine=True)

    async def jobs_in_progress(self, scope: Scope) -> tuple[Job, ...]:
        return await self._jobs("jobs in progress", scope, "in_progress")

    async def queued(self, scope: Scope) -> tuple[Job, ...]:
        return await self._jobs("queued", scope, "queued")

    async def result(self, scope: Scope, *, runner_id: int, job_id: str | None) -> Job | None:
        job = await self._by_id(scope, job_id) if job_id is not None else None
        if job is not None and job.runner_id == runner_id:
            return job
        for job in await self.jobs_in_progress(scope):
            if job.runner_id == runner_id:
                return job
        return await self._completed(scope, runner_id)

    async def job(self, scope: Scope, job_id: str) -> Job | None:
        return await self._by_id(scope, job_id)

    async def explain(self, scope: Scope, job: Job, why: str) -> None:
        repository, number = self._where(scope, job.id)
        if repository is not None and job.commit:
            await LossStatuses(self._call, self._url).write(repository, number, job, why)

    async def run_again(self, scope: Scope, job: Job) -> Again:
        repository, number = self._where(scope, job.id)
        if repository is None or job.run_id is None:
            return Again.NEVER
        path = f"{API}{repository.api_path}/actions/runs/{job.run_id}"
        run = await self._call("run", "GET", path, absent_is_fine=True)
        if run is None:
            return Again.NEVER
        if _of(run, lambda entry: entry.words("status")) != "completed":
            return Again.NOT_YET
        now = await self._by_id(scope, job.id)
        if now is None or (now.attempt, now.conclusion) != (job.attempt, job.conclusion):
            return Again.NEVER  # somebody did so since the job was looked at, which a slow forge makes long ago
        await self._call("run again", "POST", f"{path}/jobs/{number}/rerun", absent_is_fine=True)
        return Again.STARTED

    async def origin(self, scope: Scope, runner: Runner, *, job_id: str | None) -> JobOrigin | None:
        job = await self._by_id(scope, job_id) if job_id is not None else None
        if job is None or job.runner_id != runner.id:
            job = next((it for it in await self.jobs_in_progress(scope) if it.runner_id == runner.id), None)
        if job is None or not job.in_progress:
            return None
        repository, _ = self._where(scope, job.id)
        if repository is None or job.run_id is None:
            raise ForgeUnreachableError(
                f"origin: {job} names no run of a repository; is this a Gitea of 1.26 or newer?"
            )
        run = await self._call("run", "GET", f"{API}{repository.api_path}/actions/runs/{job.run_id}")
        origin = _of(run, lambda entry: _origin(entry, job))
        pull = _PULL_REF.fullmatch(origin.ref)
        if pull is None or origin.event not in (PULL_REQUEST_EVENT, TARGET_EVENT):
            return origin
        # A run does not say which repository its pull request comes from.
        path = f"{API}{repository.api_path}/pulls/{pull['number']}"
        answer = await self._call("pull request", "GET", path, absent_is_fine=True)
        return origin if answer is None else replace(origin, head=_of(answer, _head))

    def _where(self, scope: Scope, job_id: str) -> tuple[Scope | None, str]:
        """The repository of a job by the id that `Job.id` gave, and the job's number there; None for no such id."""
        where, _, number = job_id.rpartition("/")
        try:
            repository = scope.within(where) if where else scope
        except ValueError:
            return None, ""
        return (repository, number) if number.isdecimal() and repository.is_repository else (None, "")

    async def _by_id(self, scope: Scope, job_id: str) -> Job | None:
        """A job by the id that `Job.id` gave: a repository is asked, whatever the scope is."""
        repository, number = self._where(scope, job_id)
        if repository is None:
            return None
        path = f"{API}{repository.api_path}/actions/jobs/{number}"
        answer = await self._call("result", "GET", path, absent_is_fine=True)
        return None if answer is None else _of(answer, lambda entry: _job(entry, scope))

    async def _completed(self, scope: Scope, runner_id: int) -> Job | None:
        path = f"{API}{scope.api_path}/actions/jobs"
        limit = 1 if self._given else PAGE_SIZE
        first = await self._call("result", "GET", path, query={"status": "completed", "limit": str(limit)})
        total = _of(first, lambda entry: entry.count("total_count"))
        shown = len(_of(first, lambda entry: entry.entries("jobs")))
        if not self._given and shown < total:
            self._given = min(PAGE_SIZE, shown)
        size = self._given or PAGE_SIZE

        async def read(page: int) -> list[Entry]:
            query = {"status": "completed", "limit": str(PAGE_SIZE), "page": str(page)}
            answer = await self._call("result", "GET", path, query=query)
            jobs = _of(answer, lambda fields: fields.entries("jobs"))
            if len(jobs) < min(size, total - (page - 1) * size):
                self._given = 0  # else what is behind these pages would count as nothing
                raise ForgeUnreachableError("result: a page of completed jobs has less than it had", retry_after=1)
            return jobs

        def has_it(job: Entry) -> bool:
            return _of(job, lambda fields: fields.identifier_or_none("runner_id")) == runner_id

        last = max(1, -(-total // size))
        job = await self._archive.find(scope, runner_id, last=last, read=read, has_it=has_it)
        return None if job is None else _of(job, lambda fields: _job(fields, scope))

    async def _jobs(self, verb: str, scope: Scope, status: str) -> tuple[Job, ...]:
        path = f"{API}{scope.api_path}/actions/jobs"
        entries = await self._pages(verb, path, "jobs", insist=True, status=status)
        return tuple(_of(entry, lambda fields: _job(fields, scope)) for entry in entries)

    async def _pages(self, verb: str, path: str, key: str, *, insist: bool, **query: str) -> list[Entry]:
        """All entries of a paged list, each id once; the pages after the first side by side.

        `insist`: read again until the count fits, because an entry that moved to a page already read would be missed.
        """
        for _ in range(READS if insist else 1):
            batch, total = await self._page(verb, path, key, 1, query)
            entries = dict(batch)
            pages = min(MOST_PAGES, -(-total // len(batch)) if batch else 1)
            slots = asyncio.Semaphore(PAGES_AT_ONCE)

            async def read(page: int, slots: asyncio.Semaphore = slots) -> dict[int, Entry]:
                async with slots:
                    return (await self._page(verb, path, key, page, query))[0]

            for more in await asyncio.gather(*map(read, range(2, pages + 1))):
                entries.update(more)
            if len(entries) >= total or pages == MOST_PAGES or not insist:
                return list(entries.values())
        raise ForgeUnreachableError(f"{verb}: the list changed each of {READS} times while it was read", retry_after=1)

    async def _page(
        self, verb: str, path: str, key: str, page: int, query: Mapping[str, str]
    ) -> tuple[dict[int, Entry], int]:
        """One page by the ids of its entries, and how many entries there are in all."""
        paging = {"limit": str(PAGE_SIZE), "page": str(page)}
        answer = await self._call(verb, "GET", path, query={**query, **paging})
        entries = _of(answer, lambda fields: fields.entries(key))
        total = _of(answer, lambda fields: fields.count("total_count"))
        return {_of(entry, lambda fields: fields.identifier("id")): entry for entry in entries}, total

    async def _call(
        self,
        verb: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        absent_is_fine: bool = False,
    ) -> Entry | None:
        """One request. Returns the decoded answer, or None for 204 and, where that is fine, for 404."""
        url = f"{self._url}{path}"
        status = "no answer"
        try:
            headers = {} if path == REGISTER_PATH else {"Authorization": f"token {self._credential()}"}
            async with self._session.request(
                method, url, json=body, params=query, headers=headers, allow_redirects=False
            ) as response:
                status = str(response.status)
                if response.status == 204 or (response.status == 404 and absent_is_fine):
                    return None
                if response.status >= 300:
                    raise _refusal(verb, path, response.status, response.headers)
                return Entry(document(await read_body(response)))
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise ForgeUnreachableError(f"{verb}: {type(error).__name__} from {self._url}") from error
        finally:
            self._observe(verb, status)


def _refusal(verb: str, path: str, status: int, headers: Mapping[str, str]) -> ForgeError:
    if status == 429 or status >= 500:
        wait = seconds(headers.get("Retry-After"), most=LONGEST_WAIT_SECONDS)
        return ForgeUnreachableError(f"{verb}: the forge answers {status}", retry_after=2.0 if wait is None else wait)
    if status < 400:
        return ForgeRefusedError(f"{verb}: {path} has moved ({status}); write its new name into the scope")
    cure = "check the credential (scopes repository, organization or admin: write) and the grant's scope"
    return ForgeRefusedError(f"{verb}: the forge answers {status} to {path}; {cure}", retry_after=15.0)


def _of(answer: Any, read: Callable[[Entry], Answer]) -> Answer:
    """What `read` takes out of an answer. Raises ForgeUnreachableError where it is not there."""
    try:
        return read(answer if isinstance(answer, Entry) else Entry(answer))
    except MalformedError as error:
        message = f"the forge's answer cannot be used: {error}; is this a Gitea of 1.26 or newer?"
        raise ForgeUnreachableError(message) from error


def _runner(entry: Entry) -> Runner:
    return Runner(
        id=entry.identifier("id"),
        name=entry.words("name"),
        online=entry.words("status") == "online",
        busy=entry.flag("busy"),
        cordoned=entry.flag("disabled"),
        ephemeral=entry.flag("ephemeral"),
        labels=frozenset(map(_label, entry.label_names("labels"))),
    )


def _label(declared: str) -> str:
    """`cml-gpu:host` and `cml-gpu` are the same label: a runner declares it without the part for its executor."""
    return declared.partition(":")[0]


def _job(entry: Entry, scope: Scope) -> Job:
    job = read_job(entry, _place(entry, scope))
    # One that is run again keeps its number and the time of its creation, which may be days ago.
    return job if job.attempt <= 1 else replace(job, queued_seconds=None)


def _origin(run: Entry, job: Job) -> JobOrigin:
    """`path` is FILE@REF with the file's name alone: Gitea reads the first of its folders that a commit has."""
    if run.identifier("id") != job.run_id:
        raise MalformedError("it is another run")
    file, _, ref = run.text("path").partition("@")
    return JobOrigin(
        job=job,
        repository=run.entry("repository").text("full_name"),
        file=file,
        has_folder=False,
        ref=ref,
        event=run.text("event"),
    )


def _head(pull: Entry) -> str:
    """The repository that a pull request comes from; "" of one that is gone."""
    try:
        return pull.entry("head").entry("repo").text("full_name")
    except MalformedError:
        return ""


def _place(entry: Entry, scope: Scope) -> str:
    """Where a job of a wide scope is: "repository/" of an organization, "owner/repository/" of the instance."""
    match = _JOB_URL.search(entry.words("url", most=1024))
    if match is None or scope.is_repository:
        return ""
    if scope.kind == ScopeKind.INSTANCE:
        return f"{match['owner']}/{match['repository']}/"
    return f"{match['repository']}/" if match["owner"].lower() == scope.owner.lower() else ""
