"""GitHub as a forge: github.com, GitHub with data residency, or a GitHub Enterprise Server.

| the seam | GitHub |
|---|---|
| issue | a just-in-time configuration: single use by its kind; its updates are switched off before it goes out; |
| | a name that is taken is an earlier try of the same pod |
| cordon | DELETE of the registration: there is no cordon, but GitHub refuses to delete a runner that has a job |
| remove | the same DELETE; after a cordon nothing is left of it |
| a runner that is done | GitHub removes it with its job's result; one that stays has no pod, as the next list shows |
| a refused DELETE | any 4xx in JSON but 404 and 401: the runner counts as busy for a while, and its pod is left alone |
| jobs in progress | by runs and their jobs, late by some seconds; the refused DELETE is what protects a job |
"""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

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
    RunnerBusyError,
)
from registrar.forges.github.active_runs import COMPLETED
from registrar.forges.github.client import GitHubRefusedError
from registrar.forges.github.groups import Groups
from registrar.forges.github.jit import without_updates
from registrar.forges.github.job_comments import JobComments
from registrar.forges.github.jobs import QUEUE_PATIENCE_SECONDS, Jobs, repository_of
from registrar.forges.github.origins import Origins
from registrar.forges.github.pace import PACE
from registrar.forges.github.reading import at_work, of, runner
from registrar.forges.github.session import Session
from registrar.forges.github.unreadable import ObserveUnreadable, Unreadable
from registrar.forges.github.versions import ObserveDaysLeft, Versions
from values.scope import Scope

WORK_FOLDER: Final = "_work"  # in the runner's folder, where the pod mounts its work volume
ALLOW_RUNNERS: Final = (
    "allow them in Settings > Actions > General > Runners of the organization, or of the enterprise that owns it"
)
BUSY_SECONDS: Final = 120.0  # after a refused DELETE: longer than the next looks take
REFUSED_SECONDS: Final = 30.0  # until it is asked once more
REMOVED_SECONDS: Final = 120.0  # after a DELETE: until the next census, which no longer has the runner


class GitHub:
    """The seam for one GitHub. `granted`: the runner groups that the grants of each scope name."""

    def __init__(
        self,
        session: Session,
        *,
        granted: Mapping[Scope, Collection[str | None]],
        observe_days_left: ObserveDaysLeft,
        observe_unreadable: ObserveUnreadable,
        pace: Pace = PACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._pace, self._clock = session, pace, clock
        self._groups = Groups(session, granted)
        self._jobs = Jobs(session, self._groups, Unreadable(observe_unreadable))
        self._origins = Origins(session, self._groups, self._jobs)
        self._comments = JobComments(session)
        self._versions = Versions(session, observe_days_left)
        self._refused: dict[int, float] = {}
        self._removed: dict[int, float] = {}

    @property
    def pace(self) -> Pace:
        return self._pace

    @property
    def has_unique_names(self) -> bool:
        return True

    @property
    def forgets_done_runners(self) -> bool:
        return True

    async def close(self) -> None:
        await self._jobs.close()
        await self._session.close()

    async def issue(self, scope: Scope, *, name: str, labels: tuple[str, ...], group: str | None) -> Registration:
        request = {
            "name": name,
            "runner_group_id": await self._groups.number(scope, group),
            "labels": list(labels),
            "work_folder": WORK_FOLDER,
        }
        try:
            answer = await self._generate(scope, request, group)
        except GitHubRefusedError as error:
            if error.status == 422:
                cure = "GitHub refuses the registration: check the pool's labels and the environment's runnerGroup"
                raise ForgeRefusedError(f"{error}; {cure}", retry_after=error.retry_after) from error
            if error.status == 403 and error.is_wordless:
                off = f"self-hosted runners are disabled for {scope} (GitHub answers 403 and says nothing)"
                raise ForgeRefusedError(f"{off}; {ALLOW_RUNNERS}", retry_after=error.retry_after) from error
            if error.status != 409:
                raise
            await self._free(scope, name)
            answer = await self._generate(scope, request, group)
        runner_id = of(answer, lambda entry: entry.entry("runner").identifier("id"))
        try:
            configuration = of(answer, lambda entry: without_updates(entry.text("encoded_jit_config")))
        except ForgeUnreachableError:
            with contextlib.suppress(ForgeError, RunnerBusyError):
                await self.remove(scope, runner_id)  # nobody can ever start it
            raise
        return Registration(runner_id=runner_id, body=configuration)

    async def _generate(self, scope: Scope, request: Mapping[str, Any], group: str | None) -> Any:
        """One registration. A group that was made anew under its name since it was read has another number."""
        path = f"{scope.runners_path}/generate-jitconfig"
        try:
            return await self._session.ask(scope, "issue", "POST", path, request)
        except GitHubRefusedError as error:
            if error.status not in (404, 422):
                raise
            self._groups.forget(scope)
            number = await self._groups.number(scope, group)
            if number == request["runner_group_id"]:
                raise
        return await self._session.ask(scope, "issue", "POST", path, {**request, "runner_group_id": number})

    async def _free(self, scope: Scope, name: str) -> None:
        """Remove the earlier registration of this very pod, whose answer was lost: pod names are never used twice."""
        for entry in await self._session.pages(scope, "find by name", scope.runners_path, "runners", name=name):
            earlier = of(entry, runner)
            if earlier.name != name:
                continue
            if earlier.online or earlier.busy or not earlier.ephemeral:
                state = "online" if earlier.online or earlier.busy else "not single-use, so it is somebody's own,"
                cure = "remove it at GitHub, or let the pool make another pod"
                message = f"a runner named {name} is {state} in {scope} already; {cure}"
                raise ForgeRefusedError(message, retry_after=60.0)
            try:
                await self.remove(scope, earlier.id)
            except RunnerBusyError as error:
                message = f"an earlier registration of {name} is in the way, and GitHub keeps it: {error}"
                raise ForgeUnreachableError(message, retry_after=REFUSED_SECONDS) from error

    async def list_runners(self, scope: Scope) -> tuple[Runner, ...]:
        began = self._clock()
        entries = await self._session.pages(scope, "list", scope.runners_path, "runners")
        self._jobs.note_at_work(scope, frozenset(at_work(entries)), self._clock() - began)
        versions = {of(entry, lambda fields: fields.words("version", most=32)) for entry in entries}
        await self._versions.check(scope, {version for version in versions if version})
        groups: dict[int | None, frozenset[str | None]] = {}  # each asked for once, however many runners are in it
        return tuple([await self._runner(scope, entry, groups) for entry in entries])

    async def find(self, scope: Scope, runner_id: int) -> Runner | None:
        entry = await self._session.find(scope, "find", f"{scope.runners_path}/{runner_id}")
        return None if entry is None else await self._runner(scope, entry, {})

    async def _runner(self, scope: Scope, answer: Any, groups: dict[int | None, frozenset[str | None]]) -> Runner:
        listed = of(answer, runner)
        version, group = of(
            answer, lambda entry: (entry.words("version", most=32), entry.identifier_or_none("runner_group_id"))
        )
        refused = self._within(self._refused, listed.id, BUSY_SECONDS)
        if group not in groups:
            groups[group] = await self._groups.names(scope, group)
        warning = self._versions.warning(version)
        return replace(listed, busy=listed.busy or refused, warning=warning, groups=groups[group])

    async def cordon(self, scope: Scope, runner_id: int) -> None:
        await self.remove(scope, runner_id)

    async def remove(self, scope: Scope, runner_id: int) -> None:
        if self._within(self._removed, runner_id, REMOVED_SECONDS):
            return
        if self._within(self._refused, runner_id, REFUSED_SECONDS):
            raise RunnerBusyError(f"GitHub refused to remove runner {runner_id} a moment ago")
        try:
            await self._session.ask(scope, "remove", "DELETE", f"{scope.runners_path}/{runner_id}")
        except GitHubRefusedError as error:
            if error.status in (301, 302, 307, 308, 401):
                raise
            if error.status != 404:
                self._refused[runner_id] = self._clock()
                raise RunnerBusyError(f"GitHub keeps runner {runner_id} ({error.status}, {error.answer})") from error
        self._removed[runner_id] = self._clock()

    async def jobs_in_progress(self, scope: Scope) -> tuple[Job, ...]:
        return await self._jobs.with_status(scope, "in_progress")

    async def queued(self, scope: Scope) -> tuple[Job, ...]:
        return await self._jobs.with_status(scope, "queued", patience=QUEUE_PATIENCE_SECONDS)

    async def result(self, scope: Scope, *, runner_id: int, job_id: str | None) -> Job | None:
        job = await self._jobs.by_id(scope, job_id) if job_id is not None else None
        if job is not None and job.runner_id == runner_id:
            return job
        return await self._jobs.of_runner(scope, runner_id)

    async def job(self, scope: Scope, job_id: str) -> Job | None:
        return await self._jobs.by_id(scope, job_id)

    async def explain(self, scope: Scope, job: Job, why: str) -> None:
        if job.conclusion:  # a comment stays as it is, so it has to be the last word
            await self._comments.write(scope, job, why)

    async def run_again(self, scope: Scope, job: Job) -> Again:
        repository, number = repository_of(scope, job)
        if job.run_id is None:
            return Again.NEVER
        run = await self._session.find(scope, "run", f"{repository.api_path}/actions/runs/{job.run_id}")
        if run is None or (of(run, lambda entry: entry.identifier_or_none("run_attempt")) or 0) != 1:
            return Again.NEVER
        if of(run, lambda entry: entry.words("status")) != COMPLETED:
            return Again.NOT_YET
        await self._session.ask(scope, "run again", "POST", f"{repository.api_path}/actions/jobs/{number}/rerun")
        return Again.STARTED

    async def origin(self, scope: Scope, runner: Runner, *, job_id: str | None) -> JobOrigin | None:
        return await self._origins.read(scope, runner, job_id=job_id)

    def _within(self, moments: dict[int, float], runner_id: int, seconds: float) -> bool:
        """Whether this runner's moment is that young; forgets the old ones."""
        now = self._clock()
        for old in [old for old, at in moments.items() if now - at > 10 * seconds]:
            del moments[old]
        return runner_id in moments and now - moments[runner_id] < seconds
