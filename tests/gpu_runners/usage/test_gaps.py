"""A forge that refuses parts, or ends its lists early: the rest is counted, and what was not read is told."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError
from gpu_runners.usage import jobs as usage_jobs
from gpu_runners.usage.command import _read_jobs, by_scope
from gpu_runners.usage.weeks import last_weeks
from tests.access.cluster.api_server import JsonHandler
from values.scope import Scope

NOW = datetime.now(UTC).replace(microsecond=0)
(WEEK,) = last_weeks(1, NOW)
POOL = DeclaredPool("team-a", "cuda", 1, ("gpu",), 1)
ORGANIZATION = {Scope("mlops"): [POOL]}


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Forge(ThreadingHTTPServer):
    """GitHub and Gitea: the organization mlops with these repositories, each with so many runs of one job that ended.

    refused: statuses by the ends of paths. together: all runs began in one second.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: list[dict[str, Any]] = [{"full_name": "mlops/a"}, {"full_name": "mlops/b"}]
        self.runs, self.page, self.together = 1, 50, False
        self.refused: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def made(self, number: int) -> datetime:
        back = timedelta(0) if self.together else timedelta(seconds=self.runs - number)
        return max(WEEK.begin, NOW - timedelta(hours=1)) - back

    def job(self, number: int) -> dict[str, Any]:
        made = at(self.made(number))
        return {"id": number, "run_id": number, "labels": ["gpu"], "conclusion": "success", "created_at": made,
                "started_at": made, "completed_at": at(NOW), "runner_name": "cuda-85bf57f879-p5tz7"}  # fmt: skip


class Handler(JsonHandler):
    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        forge = self.server
        assert isinstance(forge, Forge)
        address = urlsplit(self.path)
        query = {key: value[0] for key, value in parse_qs(address.query).items()}
        size, page = int(query.get("per_page") or query.get("limit") or 1), int(query.get("page") or 1)
        refused = next((status for end, status in forge.refused.items() if address.path.endswith(end)), 0)
        if refused:
            self.say(refused, {"message": "Not Found"})
        elif address.path.endswith("/repos/search"):
            self.say(200, {"ok": True, "data": forge.repositories[(page - 1) * size : page * size]})
        elif address.path.endswith("/repos"):
            self.say(200, forge.repositories[(page - 1) * size : page * size])
        elif address.path.startswith("/api/v1/") and address.path.endswith("/jobs"):
            size = min(size, forge.page)
            numbers = range(1, forge.runs + 1)[(page - 1) * size : page * size]
            self.say(200, {"total_count": forge.runs, "jobs": [forge.job(number) for number in numbers]})
        elif address.path.endswith("/actions/runs"):
            until = query["created"].removeprefix("<=")
            fitting = [number for number in range(forge.runs, 0, -1) if at(forge.made(number)) <= until][:1000]
            runs = [{"id": it, "path": "x.yml", "created_at": at(forge.made(it))} for it in fitting]
            self.say(200, {"total_count": forge.runs, "workflow_runs": runs[(page - 1) * size : page * size]})
        elif run := re.search("/runs/([0-9]+)/jobs$", address.path):
            self.say(200, {"jobs": [forge.job(int(run[1]))]})
        else:
            self.say(200, {"id": 1, "path": "x.yml"})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    for name in ("GITHUB_API_URL", "GITHUB_TOKEN", "FORGE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORGE_TOKEN", "t")
    with Forge() as made:
        threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def gitea(server: Forge, monkeypatch: pytest.MonkeyPatch) -> Forge:
    monkeypatch.setenv("FORGE_URL", server.url)
    return server


@pytest.fixture
def github(server: Forge, monkeypatch: pytest.MonkeyPatch) -> Forge:
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    return server


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("kind", ["gitea", "github"])
def test_a_repository_that_is_refused_hides_no_other(request: pytest.FixtureRequest, kind: str, status: int) -> None:
    request.getfixturevalue(kind).refused = {"a/actions/jobs": status, "a/actions/runs": status}
    jobs, gaps = _read_jobs(ORGANIZATION, WEEK)
    assert [job.repository for job in jobs] == ["mlops/b"]
    assert [gap.partition(":")[0] for gap in gaps] == ["mlops/a"]
    assert "may read Actions" in gaps[0]


def test_a_namespace_whose_registrar_tells_no_scope_is_told() -> None:
    other = DeclaredPool("team-b", "cuda", 1, ("gpu",), 8)
    scopes, (gap,) = by_scope([POOL, other], {"team-a": "mlops", "team-b": None})
    assert scopes == ORGANIZATION
    assert "team-b" in gap
    assert by_scope([POOL], {"team-a": ""}) == ({Scope(""): [POOL]}, [])
    with pytest.raises(CommandFailedError, match="no registrar told a scope"):
        by_scope([POOL, other], {"team-a": None, "team-b": None})


def test_where_everything_is_refused_there_is_no_report(gitea: Forge) -> None:
    gitea.refused = {"/actions/jobs": 404}
    with pytest.raises(CommandFailedError, match="mlops/a: Gitea answers 404"):
        _read_jobs(ORGANIZATION, WEEK)
    gitea.refused = {"/repos": 403}
    with pytest.raises(CommandFailedError, match="the repositories of mlops"):
        _read_jobs(ORGANIZATION, WEEK)


def test_of_a_whole_instance_all_repositories_count(gitea: Forge) -> None:
    jobs, gaps = _read_jobs({Scope(""): [POOL]}, WEEK)
    assert ([job.repository for job in jobs], gaps) == (["mlops/a", "mlops/b"], [])


def test_what_was_not_read_of_a_whole_instance_names_it(gitea: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_jobs, "MOST_REPOSITORIES", 2)
    _, (gap,) = _read_jobs({Scope(""): [POOL]}, WEEK)
    assert gap.startswith("the repositories of the instance behind the first 2")
    gitea.refused = {"/repos/search": 403}
    with pytest.raises(CommandFailedError, match="the repositories of the instance: Gitea answers 403"):
        _read_jobs({Scope(""): [POOL]}, WEEK)


def test_a_repository_without_actions_is_not_asked(gitea: Forge) -> None:
    gitea.repositories[0]["has_actions"] = False
    gitea.refused = {"a/actions/jobs": 404}
    jobs, gaps = _read_jobs(ORGANIZATION, WEEK)
    assert ([job.repository for job in jobs], gaps) == (["mlops/b"], [])


def test_a_run_that_somebody_deleted_hides_no_other(github: Forge) -> None:
    github.runs, github.refused = 3, {"/runs/2/jobs": 404}
    jobs, gaps = _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)
    assert (len(jobs), gaps) == (2, [])


def test_a_list_of_github_that_ends_at_a_thousand_runs_goes_on_from_its_oldest(github: Forge) -> None:
    github.runs = 1_050
    jobs, gaps = _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)
    assert (len(jobs), gaps) == (1_050, [])


def test_more_runs_of_one_second_than_github_lists_are_told(github: Forge) -> None:
    github.runs, github.together = 1_050, True
    jobs, (gap,) = _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)
    assert len(jobs) == 1_000
    assert "more than 1000 began in that second" in gap


def test_a_gitea_with_small_pages_tells_all_the_same(gitea: Forge) -> None:
    gitea.runs, gitea.page = 130, 20
    jobs, gaps = _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)
    assert (len(jobs), gaps) == (130, [])


def test_a_job_counts_for_the_pool_that_registers_where_it_is(gitea: Forge) -> None:
    other = DeclaredPool("team-b", "cuda", 1, ("gpu",), 8)
    jobs, _ = _read_jobs({Scope("mlops/a"): [POOL], Scope("mlops/b"): [other]}, WEEK)
    assert [(job.repository, job.pool, job.gpus) for job in jobs] == [
        ("mlops/a", "team-a/cuda", 1),
        ("mlops/b", "team-b/cuda", 8),
    ]


@pytest.mark.parametrize("name", ["mlops/b", "MLOps/B"])
def test_a_job_of_a_repository_in_several_scopes_counts_once(gitea: Forge, name: str) -> None:
    other = DeclaredPool("team-b", "cuda", 1, ("gpu",), 8)
    jobs, _ = _read_jobs({Scope("mlops"): [POOL], Scope(name): [other]}, WEEK)
    assert [(job.repository, job.pool, job.gpus) for job in jobs] == [
        ("mlops/a", "team-a/cuda", 1),
        ("mlops/b", "team-a/cuda or team-b/cuda", None),
    ]


@pytest.mark.parametrize("status", [429, 502])
def test_where_the_forge_gives_no_more_answers_what_it_gave_is_told(github: Forge, status: int) -> None:
    """The limit of an hour comes after thousands of answers."""
    github.runs, github.refused = 3, {"/runs/1/jobs": status}
    jobs, (gap,) = _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)
    assert (len(jobs), gap.startswith(f"mlops/a: GitHub answers {status}")) == (2, True)
    github.refused = {"/runs": status}
    with pytest.raises(CommandFailedError, match=str(status)):
        _read_jobs({Scope("mlops/a"): [POOL]}, WEEK)


@pytest.mark.parametrize(("kind", "counted"), [("github", 1), ("gitea", 0)])
def test_a_label_in_other_case_counts_where_the_forge_gives_such_jobs(
    request: pytest.FixtureRequest, kind: str, counted: int
) -> None:
    request.getfixturevalue(kind)
    jobs, _ = _read_jobs({Scope("mlops/a"): [DeclaredPool("team-a", "cuda", 1, ("GPU",), 1)]}, WEEK)
    assert len(jobs) == counted
