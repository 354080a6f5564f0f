"""The Gitea seam against a stand-in that answers as Gitea 1.26.4 was seen to answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from registrar.forges.forge import Again, ForgeRefusedError, ForgeUnreachableError, Job, JobOrigin, Registration
from registrar.forges.gitea import Gitea
from tests.registrar.stand_in_gitea import TOKEN, StandInGitea
from values.scope import Scope

GUIDE = Scope("mlops/guide")
RERUN = "POST /api/v1/repos/mlops/guide/actions/runs/1/jobs/7/rerun"


class Bench:
    def __init__(self, stand_in: StandInGitea, forge: Gitea, seen: list[tuple[str, str]]) -> None:
        self.stand_in, self.forge, self.seen = stand_in, forge, seen


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    stand_in, seen = StandInGitea(), []
    server = TestServer(stand_in.application())
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    forge = Gitea(url, credential=lambda: TOKEN, observe=lambda verb, status: seen.append((verb, status)))
    yield Bench(stand_in, forge, seen)
    await forge.close()
    await server.close()


@pytest.mark.parametrize(
    ("scope", "base"),
    [(GUIDE, "/api/v1/repos/mlops/guide"), (Scope("mlops"), "/api/v1/orgs/mlops"), (Scope(""), "/api/v1/admin")],
)
async def test_a_scope_is_a_repository_an_organization_or_the_whole_instance(
    bench: Bench, scope: Scope, base: str
) -> None:
    await bench.forge.list_runners(scope)
    assert bench.stand_in.calls == [f"GET {base}/actions/runners"]


async def test_a_registration_shows_no_secret_when_printed(bench: Bench) -> None:
    registration = await bench.forge.issue(GUIDE, name="cuda-abc-aaaaa", labels=("cml-gpu",), group=None)
    assert registration == Registration(runner_id=1, body=registration.body)
    assert "runner-secret-1" in registration.body
    assert "runner-secret-1" not in repr(registration)


async def test_the_credential_does_not_travel_with_the_registration_of_a_runner(bench: Bench) -> None:
    await bench.forge.issue(GUIDE, name="cuda-abc-aaaaa", labels=("cml-gpu",), group=None)
    assert bench.stand_in.calls[-1].endswith("/Register")
    assert len(bench.stand_in.tokens_seen) == 1  # that of the registration token only


async def test_labels_are_compared_without_the_part_for_the_executor(bench: Bench) -> None:
    await bench.forge.issue(GUIDE, name="cuda-abc-aaaaa", labels=("cml-gpu", "big"), group=None)
    (before,) = await bench.forge.list_runners(GUIDE)
    bench.stand_in.come_online(1)
    (after,) = await bench.forge.list_runners(GUIDE)
    assert before.labels == after.labels == {"cml-gpu", "big"}


async def test_every_page_is_read(bench: Bench) -> None:
    for number in range(1, 124):
        bench.stand_in.job(number, status="in_progress", runner_id=number)
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 123


async def test_a_list_that_changes_while_it_is_read_is_no_answer(bench: Bench) -> None:
    async def always_one_more(request: web.Request) -> web.Response:
        jobs = [{"id": 1, "name": "train", "status": "in_progress"}] if request.query["page"] == "1" else []
        return web.json_response({"jobs": jobs, "total_count": 2})

    application = web.Application()
    application.router.add_get("/api/v1/repos/mlops/guide/actions/jobs", always_one_more)
    server = TestServer(application)
    await server.start_server()
    forge = Gitea(str(server.make_url("")).rstrip("/"), credential=lambda: TOKEN, observe=lambda *_: None)
    with pytest.raises(ForgeUnreachableError, match="changed"):
        await forge.jobs_in_progress(GUIDE)
    await forge.close()
    await server.close()


async def test_absence_is_an_answer_where_it_can_be_one(bench: Bench) -> None:
    assert await bench.forge.find(GUIDE, 99) is None
    await bench.forge.cordon(GUIDE, 99)
    await bench.forge.remove(GUIDE, 99)


async def test_the_result_of_a_job_is_found_with_and_without_its_id(bench: Bench) -> None:
    for number in range(1, 131):
        bench.stand_in.job(number, status="completed", conclusion="success", runner_id=number)
    by_id = await bench.forge.result(GUIDE, runner_id=130, job_id="130")
    by_runner = await bench.forge.result(Scope("mlops"), runner_id=130, job_id=None)
    assert by_id is not None
    assert by_runner is not None
    assert (by_id.id, by_runner.id) == ("130", "guide/130")
    assert by_id.conclusion == by_runner.conclusion == "success"
    assert await bench.forge.result(GUIDE, runner_id=999, job_id=None) is None


@pytest.mark.parametrize(("attempt", "queued"), [(1, 40.0), (2, None)])
async def test_a_job_that_is_run_again_did_not_wait_since_it_was_made(
    bench: Bench, attempt: int, queued: float | None
) -> None:
    """It is the same job to Gitea, made when its run was."""
    times = {"created_at": "2026-11-26T20:00:00Z", "started_at": "2026-11-26T20:00:40Z"}
    bench.stand_in.job(7, runner_id=130, run_attempt=attempt, **times)
    (job,) = await bench.forge.jobs_in_progress(GUIDE)
    assert (job.attempt, job.queued_seconds) == (attempt, queued)


async def test_a_long_job_is_found_behind_hundreds_that_ended_since(bench: Bench) -> None:
    bench.stand_in.job(1, status="completed", conclusion="success", runner_id=777)
    for number in range(2, 700):
        bench.stand_in.job(number, status="completed", conclusion="failure", runner_id=number)
    job = await bench.forge.result(Scope("mlops"), runner_id=777, job_id=None)
    assert job is not None
    assert job.conclusion == "success"


async def test_a_job_is_found_where_the_forge_gives_less_on_a_page_than_it_is_asked_for(bench: Bench) -> None:
    """[api] MAX_RESPONSE_ITEMS of its configuration, which somebody may also change."""
    for number in range(1, 301):
        bench.stand_in.job(number, status="completed", conclusion="success", runner_id=number)

    async def found(runner_id: int) -> str | None:
        job = await bench.forge.result(GUIDE, runner_id=runner_id, job_id=None)
        return None if job is None else job.id

    bench.stand_in.most_items = 20
    assert [await found(number) for number in (300, 297, 150, 1)] == ["300", "297", "150", "1"]
    for most in (7, 50):
        bench.stand_in.most_items = most
        with pytest.raises(ForgeUnreachableError, match="has less than it had"):
            await found(299)
        assert [await found(number) for number in (299, 150)] == ["299", "150"]


async def test_a_search_that_a_forge_in_trouble_broke_off_goes_on_where_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 2001):
        bench.stand_in.job(number, status="completed", conclusion="failure", runner_id=number)
    asked, unreadable, call = list[int](), {19}, bench.forge._call

    async def counted(verb: str, *args: Any, **more: Any) -> Any:
        page = int(more.get("query", {}).get("page", "0")) if verb == "result" else 0
        asked.extend([page] if page else [])
        if page in unreadable:
            raise ForgeUnreachableError("no answer")
        return await call(verb, *args, **more)

    monkeypatch.setattr(bench.forge, "_call", counted)
    with pytest.raises(ForgeUnreachableError):
        await bench.forge.result(GUIDE, runner_id=1, job_id=None)
    assert asked == list(range(40, 16, -1))
    asked.clear()
    unreadable.clear()
    assert await bench.forge.result(GUIDE, runner_id=1, job_id=None) is not None
    assert asked == [40, 20, 19, 17, *range(16, 0, -1)]


@pytest.mark.parametrize(("scope", "job_id"), [(Scope("mlops"), "guide/1"), (Scope(""), "mlops/guide/1"), (GUIDE, "1")])
async def test_a_job_of_a_wide_scope_is_asked_for_by_its_id(bench: Bench, scope: Scope, job_id: str) -> None:
    bench.stand_in.job(1, runner_id=3)
    (running,) = await bench.forge.jobs_in_progress(scope)
    assert running.id == job_id
    bench.stand_in.job(1, status="completed", conclusion="success", runner_id=3)
    bench.stand_in.calls.clear()
    job = await bench.forge.result(scope, runner_id=3, job_id=job_id)
    assert job is not None
    assert job.conclusion == "success"
    assert bench.stand_in.calls == ["GET /api/v1/repos/mlops/guide/actions/jobs/1"]


async def test_a_latch_with_another_runners_job_is_no_result(bench: Bench) -> None:
    bench.stand_in.job(1, status="completed", conclusion="success", runner_id=3)
    assert await bench.forge.result(GUIDE, runner_id=4, job_id="1") is None


async def a_lost_job(bench: Bench) -> Job:
    bench.stand_in.run(1)
    bench.stand_in.job(7, runner_id=1, status="completed", conclusion="failure")
    job = await bench.forge.job(GUIDE, "7")
    assert job is not None
    return job


async def test_a_lost_job_is_run_again_once_its_run_is_over(bench: Bench) -> None:
    job = await a_lost_job(bench)
    assert await bench.forge.run_again(GUIDE, job) is Again.NOT_YET
    bench.stand_in.runs[1]["status"] = "completed"
    assert await bench.forge.run_again(GUIDE, job) is Again.STARTED
    assert bench.stand_in.calls.count(RERUN) == 1


@pytest.mark.parametrize(
    "since",
    [{"runner_id": 2, "conclusion": "failure", "run_attempt": 2}, {"conclusion": "cancelled"}],
    ids=["failed again", "cancelled before a runner took it"],
)
async def test_a_job_that_somebody_ran_again_since_it_was_looked_at_is_not_run_again(
    bench: Bench, since: dict[str, Any]
) -> None:
    """And which is over again as well: its run shows as completed, as before."""
    job = await a_lost_job(bench)
    bench.stand_in.job(7, status="completed", **since)
    bench.stand_in.runs[1]["status"] = "completed"
    assert await bench.forge.run_again(GUIDE, job) is Again.NEVER
    assert RERUN not in bench.stand_in.calls


async def test_a_job_that_was_deleted_with_its_run_is_not_run_again(bench: Bench) -> None:
    job = await a_lost_job(bench)
    bench.stand_in.runs[1]["status"] = "completed"
    bench.stand_in.jobs = []
    assert await bench.forge.run_again(GUIDE, job) is Again.NEVER
    del bench.stand_in.runs[1]
    assert await bench.forge.run_again(GUIDE, job) is Again.NEVER
    assert RERUN not in bench.stand_in.calls


async def test_a_job_in_progress_has_no_conclusion(bench: Bench) -> None:
    bench.stand_in.job(7, runner_id=3)
    job = await bench.forge.result(GUIDE, runner_id=3, job_id=None)
    assert job is not None
    assert (job.in_progress, job.conclusion) == (True, "")


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "30"}, 30.0),
        (502, {}, 2.0),
        (500, {"Retry-After": "x"}, 2.0),
        (503, {"Retry-After": "99999999"}, 300.0),
        (503, {"Retry-After": "-5"}, 2.0),
    ],
)
async def test_a_forge_in_trouble_is_unavailable(
    bench: Bench, status: int, headers: dict[str, str], wait: float
) -> None:
    bench.stand_in.failing, bench.stand_in.failing_headers = status, headers
    with pytest.raises(ForgeUnreachableError) as failure:
        await bench.forge.list_runners(GUIDE)
    assert failure.value.retry_after == wait
    assert bench.seen == [("list", str(status))]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_forge_that_says_no_names_the_cure(bench: Bench, status: int) -> None:
    bench.stand_in.failing = status
    with pytest.raises(ForgeRefusedError, match="check the credential"):
        await bench.forge.jobs_in_progress(GUIDE)


async def test_a_forge_that_is_not_there_is_unavailable() -> None:
    forge = Gitea("http://127.0.0.1:1", credential=lambda: TOKEN, observe=lambda *_: None)
    with pytest.raises(ForgeUnreachableError):
        await forge.jobs_in_progress(GUIDE)
    await forge.close()


async def test_an_answer_that_is_not_giteas_is_no_answer(bench: Bench) -> None:
    bench.stand_in.failing = 200
    with pytest.raises(ForgeUnreachableError):
        await bench.forge.list_runners(GUIDE)


BODIES: list[tuple[str, bytes]] = [
    ("null", b"null"),
    ("a list", b"[]"),
    ("nested too deeply", b"[" * 200_000),
    ("no text", b"\xff\xfe"),
    ("a number too long", b'{"runners": [{"id": ' + b"9" * 5000 + b"}]}"),
    ("an id that is none", b'{"total_count": 1, "runners": [{"id": NaN, "name": "a"}]}'),
    ("a negative id", b'{"total_count": 1, "runners": [{"id": -1, "name": "a"}]}'),
    ("runners that are no list", b'{"total_count": 1, "runners": {"id": 1}}'),
    ("a runner that is no object", b'{"total_count": 1, "runners": [1]}'),
    ("a count that is none", b'{"total_count": "x", "runners": [{"id": 1}]}'),
    ("more than anybody needs", b'{"runners": "' + b"x" * (9 * 2**20) + b'"}'),
]


@pytest.mark.parametrize("body", [case[1] for case in BODIES], ids=[case[0] for case in BODIES])
async def test_a_malformed_answer_is_no_answer_and_no_other_error(body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(application)
    await server.start_server()
    forge = Gitea(str(server.make_url("")).rstrip("/"), credential=lambda: TOKEN, observe=lambda *_: None)
    for ask in (
        lambda: forge.list_runners(GUIDE),
        lambda: forge.find(GUIDE, 1),
        lambda: forge.issue(GUIDE, name="a", labels=("x",), group=None),
        lambda: forge.result(GUIDE, runner_id=1, job_id="1"),
    ):
        with pytest.raises(ForgeUnreachableError):
            await ask()
    await forge.close()
    await server.close()


async def test_a_redirect_is_not_followed_with_the_credential(bench: Bench) -> None:
    bench.stand_in.failing, bench.stand_in.failing_headers = 307, {"Location": "http://127.0.0.1:1/"}
    with pytest.raises(ForgeRefusedError, match="moved"):
        await bench.forge.list_runners(GUIDE)


async def origin(bench: Bench, job_id: str | None = None, scope: Scope = GUIDE) -> JobOrigin | None:
    runner = await bench.forge.find(scope, 1)
    assert runner is not None
    return await bench.forge.origin(scope, runner, job_id=job_id)


@pytest.fixture
async def registered(bench: Bench) -> Bench:
    await bench.forge.issue(GUIDE, name="base-abc-aaaaa", labels=("self-hosted",), group=None)
    return bench


@pytest.mark.parametrize("job_id", [None, "7", "99", "evil/guide/7", "../7"])
@pytest.mark.parametrize(("scope", "place"), [(GUIDE, ""), (Scope("mlops"), "guide/"), (Scope(""), "mlops/guide/")])
async def test_a_job_comes_from_the_run_that_the_forge_names(
    registered: Bench, job_id: str | None, scope: Scope, place: str
) -> None:
    registered.stand_in.run(3, "deploy.yml@refs/heads/main", "workflow_dispatch")
    registered.stand_in.job(7, runner_id=1, run_id=3)
    found = await origin(registered, job_id, scope)
    assert found is not None
    assert (found.repository, found.file, found.ref) == ("mlops/guide", "deploy.yml", "refs/heads/main")
    assert (found.event, found.has_folder, found.job.id) == ("workflow_dispatch", False, f"{place}7")


async def test_a_job_that_has_ended_or_is_another_runners_is_nobodys(registered: Bench) -> None:
    registered.stand_in.run(3)
    registered.stand_in.job(7, runner_id=1, run_id=3, status="completed")
    registered.stand_in.job(8, runner_id=2, run_id=3)
    assert [await origin(registered, job_id) for job_id in (None, "7", "8")] == [None] * 3


async def test_a_pull_request_comes_from_where_the_forge_says(registered: Bench) -> None:
    registered.stand_in.run(3, "preview.yml@refs/pull/4/head", "pull_request")
    registered.stand_in.job(7, runner_id=1, run_id=3)
    heads = []
    for head in ("mlops/guide", "evil/guide", None):
        registered.stand_in.pull(4, head)
        found = await origin(registered)
        assert found is not None
        heads.append(found.head)
    assert heads == ["mlops/guide", "evil/guide", ""]


@pytest.mark.parametrize(
    "change", [{"path": None}, {"path": 7}, {"event": None}, {"repository": None}, {"id": 4}, {"repository": {}}]
)
async def test_a_run_that_cannot_be_read_is_no_answer(registered: Bench, change: dict[str, Any]) -> None:
    registered.stand_in.run(3)
    registered.stand_in.runs[3].update(change)
    registered.stand_in.job(7, runner_id=1, run_id=3)
    with pytest.raises(ForgeUnreachableError):
        await origin(registered)
