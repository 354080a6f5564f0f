"""The tests' stand-in for Gitea, whose pages hold 50 entries as Gitea's do; it has no limits, as Gitea has none."""

from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.registrar.stand_in_gitea import TOKEN, StandInGitea
from tests.scale.forge_side import Requests
from tests.scale.pools import Pool

ANSWER_SECONDS = 0.02
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GiteaSide:
    """`ForgeSide` at Gitea."""

    kind = "gitea"
    path = ""
    budget: int | None = None
    most_points_a_minute: int | None = None

    def __init__(self, pools: tuple[Pool, ...]) -> None:
        del pools  # it knows repositories by their jobs alone
        self.stand_in = StandInGitea()
        self.stand_in.calls = deque(maxlen=1)  # type: ignore[assignment]
        self.stand_in.tokens_seen = deque(maxlen=1)  # type: ignore[assignment]
        self.stand_in.delay = ANSWER_SECONDS
        self.credential = {"token": TOKEN}
        self._asked, self._next_job = 0, 1
        self._waiting: dict[str, deque[int]] = {}
        self._by_id: dict[int, dict[str, object]] = {}

    def application(self) -> web.Application:
        application = self.stand_in.application()
        application.middlewares.insert(0, self._count)
        return application

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._asked += 1
        return await handler(request)

    def register(self, name: str, pool: Pool) -> int:
        number, self.stand_in.next_id = self.stand_in.next_id, self.stand_in.next_id + 1
        self.stand_in.runners[number] = {
            "id": number, "name": name, "status": "offline", "busy": False, "disabled": False, "ephemeral": True,
            "labels": [{"id": 0, "name": f"{pool.label}:host", "type": "custom"}],
        }  # fmt: skip
        return number

    def has(self, runner_id: int) -> bool:
        return runner_id in self.stand_in.runners

    def registered(self) -> int:
        return len(self.stand_in.runners)

    def come_online(self, runner_id: int) -> None:
        if runner_id in self.stand_in.runners:
            self.stand_in.come_online(runner_id)

    async def queue(self, pool: Pool) -> None:
        number, self._next_job = self._next_job, self._next_job + 1
        url = f"https://forge.invalid/api/v1/repos/{pool.repository}/actions/jobs/{number}"
        self.stand_in.job(number, status="queued", labels=[pool.label], url=url, run_id=number)
        self._by_id[number] = self.stand_in.jobs[-1]
        self._waiting.setdefault(pool.label, deque()).append(number)

    def take(self, runner_id: int) -> int | None:
        runner = self.stand_in.runners.get(runner_id)
        if runner is None or runner["disabled"]:
            return None
        waiting = self._waiting.get(runner["labels"][0]["name"])
        if not waiting:
            return None
        job = self._by_id[waiting.popleft()]
        job.update(status="in_progress", runner_id=runner_id, runner_name=runner["name"])
        runner["busy"] = True
        return int(str(job["id"]))

    async def finish(self, job_id: int) -> None:
        job = self._by_id[job_id]
        job.update(status="completed", conclusion="success")
        self.stand_in.runners.pop(int(str(job["runner_id"])), None)

    def name_of(self, job_id: int) -> str:
        return f"{str(self._by_id[job_id]['url']).split('/')[7]}/{job_id}"

    def beat(self) -> None:
        """Gitea's `busy` is of the last ten seconds, and a runner that works reports within them."""

    def requests(self) -> Requests:
        return Requests(self._asked, self._asked, 0)
