"""The lab's stand-in for GitHub with its limits on: an organization, its App, 20 repositories and their history."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import web

from lab.github import runs
from lab.github.credentials import App, Installation
from lab.github.limits import Limits
from lab.github.server import StandIn
from lab.github.workflow import JobPlan, Workflow
from lab.github.world import DEFAULT_GROUP, Job, Run
from tests.github.app_key import KEY, private_key
from tests.github.arranged import APP_ID, INSTALLATION_ID, PERMISSIONS
from tests.scale.forge_side import Requests
from tests.scale.pools import Pool
from values import contract

BUDGET = 5000  # an hour: the least that an installation of an App has
ANSWER_SECONDS = 0.15
HISTORY = 120  # runs of a repository that are over: more than a page
MINUTE = 60.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GitHubSide:
    """`ForgeSide` at GitHub."""

    kind = "github"
    path = "/api/v3"
    budget: int | None = BUDGET

    def __init__(self, pools: tuple[Pool, ...]) -> None:
        self.stand_in = StandIn(new_key=lambda: KEY)
        self.world = self.stand_in.world
        self.stand_in.meter.limits = Limits(core_per_hour=BUDGET, writes_per_minute=80)
        self.credential = {contract.APP_ID_FILE: APP_ID, contract.APP_KEY_FILE: private_key()}
        app = App(int(APP_ID), "Iv23stand-in", "gpu-runners", KEY.public_key())
        app.installations[INSTALLATION_ID] = Installation(INSTALLATION_ID, "mlops", PERMISSIONS)
        self.stand_in.credentials.apps[app.id] = app
        for name in sorted({pool.repository for pool in pools}):
            self.world.add_repository(name)
            for _ in range(HISTORY):
                self._add_run(name, "history").status = "completed"
        for job in self.world.jobs():
            job.conclusion, job.started, job.ended = "success", job.made - 600, job.made - 60
        self._asked = self._spent = 0
        self._minute: deque[tuple[float, int]] = deque()
        self.most_points_a_minute: int | None = 0

    def application(self) -> web.Application:
        application = self.stand_in.application()
        application.middlewares.insert(0, self._count)
        return application

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(ANSWER_SECONDS)
        answer = await handler(request)
        self._asked += 1
        self._spent += answer.status != 304
        now = time.monotonic()
        self._minute.append((now, 1 if request.method == "GET" else 5))
        while self._minute[0][0] < now - MINUTE:
            self._minute.popleft()
        self.most_points_a_minute = max(self.most_points_a_minute or 0, sum(points for _, points in self._minute))
        return answer

    def register(self, name: str, pool: Pool) -> int:
        return self.world.add_runner("mlops", name, self._group(), (pool.label,)).id

    def _group(self) -> int:
        return next((group.id for group in self.world.groups.values() if group.default), DEFAULT_GROUP)

    def has(self, runner_id: int) -> bool:
        return runner_id in self.world.runners

    def registered(self) -> int:
        return len(self.world.runners)

    def come_online(self, runner_id: int) -> None:
        runner = self.world.runners.get(runner_id)
        if runner is not None:
            runner.session, runner.seen, runner.version = "session", self.world.clock.now(), "2.336.0"
            runner.labels = ("self-hosted", "Linux", "X64", *runner.labels)

    async def queue(self, pool: Pool) -> None:
        self._add_run(pool.repository, pool.label)

    def _add_run(self, repository: str, label: str) -> Job:
        plan = JobPlan("train", (label,), (), False, (), ())
        workflow = Workflow(1, ".github/workflows/train.yml", "train", (plan,))
        now = self.world.clock.now()
        run = Run(
            self.world.next_id(), len(self.world.runs) + 1, self.world.repository(repository), workflow, "main", now
        )
        run.jobs = [Job(self.world.next_id(), run.id, plan, now)]
        self.world.runs[run.id] = run
        return run.jobs[0]

    def take(self, runner_id: int) -> int | None:
        runner = self.world.runners.get(runner_id)
        job = runs.next_job(self.world, runner) if runner is not None and runner.job is None else None
        return None if job is None else job.id

    async def finish(self, job_id: int) -> None:
        await runs.finish(self.world, self.world.job(job_id), "succeeded")

    def name_of(self, job_id: int) -> str:
        return f"{self.world.runs[self.world.job(job_id).run].repository.name}/{job_id}"

    def beat(self) -> None:
        now = self.world.clock.now()
        for runner in self.world.runners.values():
            runner.seen = now
        for job in self.world.jobs():
            if job.status == "in_progress":
                job.locked_until = now + 600

    def requests(self) -> Requests:
        return Requests(self._asked, self._spent, self.stand_in.meter.turned_away)
