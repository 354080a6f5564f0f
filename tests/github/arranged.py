"""The lab's stand-in for GitHub as a test arranges it: what is there, what is refused next, and what was asked.

Nothing here answers as GitHub: every answer is the stand-in's, but for `raw_answer`, which is no answer of GitHub's.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from lab.github.credentials import App, Installation
from lab.github.faults import Fault
from lab.github.server import Exchange, StandIn
from lab.github.workflow import JobPlan, Workflow
from lab.github.world import DEFAULT_GROUP, LOCK_SECONDS, Group, Job, Run, Runner
from tests.github import description
from tests.github.app_key import KEY

TOKEN = "github_pat_stand_in"
APP_ID, INSTALLATION_ID = "4711", 99
PERMISSIONS = {
    "metadata": "read", "administration": "write", "actions": "read", "contents": "read",
    "organization_self_hosted_runners": "write",
}  # fmt: skip
API = "/api/v3"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Json = dict[str, Any]


class ArrangedGitHub(StandIn):
    """`mlops/guide`, a token that may do everything, and App 4711 on `mlops`.

    `fail_next`: (status, headers, message) of the next answers. `calls`: "METHOD /path" of each request, `moments` when
    it came; `exchanges`: what was answered.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        super().__init__(observe=self.exchanges.append, new_key=lambda: KEY)
        self.fail_next: list[tuple[int, dict[str, str], str]] = []
        self.raw_answer: web.Response | None = None
        self.delay = 0.0  # seconds before each answer
        # By the end of a path how many such requests have to wait together before the first of them is answered.
        self.crowds: dict[str, asyncio.Barrier] = {}
        self._arranged_statuses: set[int] = set()
        self.calls: list[str] = []
        self.moments: list[tuple[float, str]] = []
        self.world.add_repository("mlops/guide")
        self.credentials.add_personal(TOKEN)
        self.install("mlops")

    def application(self) -> web.Application:
        """The stand-in's own, behind what the test arranged."""
        application = super().application()
        application.middlewares.insert(0, self._arranged)
        return application

    @web.middleware
    async def _arranged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path.removeprefix(API)}")
        self.moments.append((time.monotonic(), request.method))
        if self.delay:
            await asyncio.sleep(self.delay)
        crowd = next((crowd for end, crowd in self.crowds.items() if request.path.endswith(end)), None)
        if crowd is not None:
            with contextlib.suppress(asyncio.BrokenBarrierError):  # they have come: whoever comes now passes
                await crowd.wait()
                await crowd.abort()
        if self.raw_answer is not None:
            raw = self.raw_answer
            return web.Response(status=raw.status, body=raw.body, headers=raw.headers)
        if self.fail_next:
            status, headers, message = self.fail_next.pop(0)
            reset = {"X-RateLimit-Reset": str(int(time.time()) + 1800)} if "X-RateLimit-Remaining" in headers else {}
            self._arranged_statuses.add(status)
            self.faults.add(Fault(".", status=status, headers=reset | headers, message=message))
        return await handler(request)

    def arrange_status(self, status: int) -> None:
        """An answer of this status is the test's own, and none that GitHub's description need know."""
        self._arranged_statuses.add(status)

    @property
    def runners(self) -> dict[int, Runner]:
        """Those that are registered."""
        return self.world.runners

    @property
    def spent(self) -> int:
        """What was asked at the cost of the hourly budget."""
        return sum(exchange.status != 304 for exchange in self.exchanges)

    def hold_against_description(self) -> None:
        """Raises AssertionError with what GitHub's own description says against anything asked or answered.

        A status that the test arranged itself is no answer of the stand-in's.
        """
        answered = [exchange for exchange in self.exchanges if exchange.status not in self._arranged_statuses]
        wrong = [problem for exchange in answered for problem in description.problems(exchange)]
        assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)

    @property
    def minted(self) -> list[Any]:
        """What was asked for with each installation token."""
        return [exchange.request for exchange in self.exchanges if exchange.path.endswith("/access_tokens")]

    def install(self, owner: str, permissions: dict[str, str] = PERMISSIONS) -> None:
        """The App on one more organization."""
        apps = self.credentials.apps
        app = apps.setdefault(int(APP_ID), App(int(APP_ID), "Iv23stand-in", "gpu-runners", KEY.public_key()))
        number = INSTALLATION_ID + len(app.installations)
        app.installations[number] = Installation(number, owner, permissions)

    def uninstall(self) -> None:
        """The App from everywhere."""
        self.credentials.apps[int(APP_ID)].installations.clear()

    def hold_repositories(self, *names: str) -> None:
        """These repositories and no others, each of them in every group that is for selected ones."""
        self.world.repositories.clear()
        numbers = [self.world.add_repository(name).id for name in names]
        for group in self.world.groups.values():
            group.repositories = list(numbers)

    def hold_groups(self, *groups: Json) -> None:
        """These runner groups of `mlops` and no others; each names id, name, default and its settings."""
        numbers = [repository.id for repository in self.world.repositories.values()]
        self.world.groups.clear()
        for group in groups:
            settings = {name: value for name, value in group.items() if name not in ("id", "default")}
            made = Group(group["id"], "mlops", settings, repositories=list(numbers), default=group["default"])
            self.world.groups[made.id] = made

    def come_online(self, runner_id: int, *, version: str = "2.336.0") -> None:
        """The runner connects: GitHub learns its version, and adds labels that nobody asked for."""
        runner = self.world.runners[runner_id]
        runner.session, runner.seen, runner.version = "session", self.world.clock.now(), version
        runner.labels = ("Linux", "X64", *runner.labels)

    def refuse_removals(self, status: int = 422) -> None:
        """GitHub knows of a job that none of its lists shows yet."""
        self._arranged_statuses.add(status)
        message = "Runner is currently running a job and cannot be deleted."
        self.faults.add(Fault("^DELETE .*/actions/runners/", times=None, status=status, message=message))

    def run(
        self, number: int, *jobs: Json, repository: str = "mlops/guide", file: str = "train.yml", **more: Any
    ) -> None:
        """Adds or replaces a run with its jobs, as `job` makes them; `more` are fields of the stand-in's Run."""
        now = self.world.clock.now()
        plans = tuple(JobPlan(job["name"], tuple(job["labels"]), (), False, (), ()) for job in jobs)
        workflow = Workflow(1, f".github/workflows/{file}", "train", plans)
        before = self.world.runs.get(number)
        made = more.pop("made", now if before is None else before.made)  # a run that is run again stays as old as it is
        run = Run(number, number, self.world.repository(repository), workflow, more.pop("ref", "main"), made, **more)
        self.world.runs[number] = run
        run.jobs = [
            Job(
                job["id"], number, plan, now, status=job["status"], conclusion=job["conclusion"],
                runner=self._runner(job["runner_id"], job), locked_until=now + LOCK_SECONDS,
            )
            for job, plan in zip(jobs, plans, strict=True)
        ]  # fmt: skip

    def _runner(self, number: int | None, job: Json) -> Runner | None:
        """The runner of a job; one that is gone, or was never here, stays its runner."""
        if number is None:
            return None
        runner = self.world.runners.get(number)
        if runner is None:
            return Runner(number, f"runner-{number}", "mlops/guide", DEFAULT_GROUP, tuple(job["labels"]), "", KEY)
        runner.job = job["id"] if job["status"] == "in_progress" else None
        return runner

    def add_runners(self, names: Iterable[str], scope: str = "mlops/guide") -> None:
        """Registers runners that never come online."""
        for name in names:
            self.world.add_runner(scope, name, DEFAULT_GROUP, ("cml-gpu",))


def job(
    number: int, *, runner_id: int | None = None, status: str = "in_progress", conclusion: str | None = None
) -> Json:
    """A job for `ArrangedGitHub.run`."""
    if status == "completed" and conclusion is None:
        conclusion = "success"
    return {
        "id": number, "name": "train", "labels": ["cml-gpu"], "status": status, "conclusion": conclusion,
        "runner_id": runner_id,
    }  # fmt: skip
