"""`gpu-runners usage` as it is called, with a forge and a Prometheus on loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from gpu_runners.usage import gitea_jobs
from gpu_runners.usage.formats import COLUMNS
from gpu_runners.usage.prometheus import Prometheus
from tests.access.cluster.api_server import JsonHandler
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.gpu_runners.state.test_check import recorded

PULUMI = """case "$1 $2" in
"stack export") cat {folder}/state ;;
"config --json") echo '{{}}' ;;
*) exit 1 ;;
esac"""
NOW = datetime.now(UTC)
POOL = "review-pools/reviewed"


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def job(number: int, ended: datetime, **changes: Any) -> dict[str, Any]:
    return {"id": number, "run_id": 46, "labels": ["reviewed"], "status": "completed", "conclusion": "success",
            "runner_name": f"reviewed-85bf57f879-p5tz{number % 10}", "created_at": at(ended - timedelta(hours=2)),
            "started_at": at(ended - timedelta(hours=1)), "completed_at": at(ended), **changes}  # fmt: skip


class Answering(ThreadingHTTPServer):
    """Gitea, GitHub and Prometheus by their paths, and what they were asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.jobs = [job(1, NOW - timedelta(days=300)), job(2, NOW), job(3, NOW, conclusion="failure")]
        self.asked: list[str] = []
        self.status = 200
        self.values: Any = [{"metric": {"namespace": "review-pools", "pool": "reviewed"}, "value": [0, "7200"]}]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(JsonHandler):
    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        forge = self.server
        assert isinstance(forge, Answering)
        address = urlsplit(self.path)
        query = {key: value[0] for key, value in parse_qs(address.query).items()}
        forge.asked.append(self.path)
        run = {"id": 46, "path": "train.yml@refs/heads/main"}
        if forge.status != 200:
            self.say(forge.status, {"message": "token is wrong"})
        elif address.path.endswith("/api/v1/query"):
            result = forge.values if "gpu_seconds" in query["query"] else []
            self.say(200, {"status": "success", "data": {"resultType": "vector", "result": result}})
        elif address.path == "/api/v1/repos/mlops/guide/actions/jobs":
            size, page = int(query["limit"]), int(query.get("page", 1))
            jobs = forge.jobs[(page - 1) * size : page * size]
            self.say(200, {"jobs": jobs, "total_count": len(forge.jobs)})
        elif address.path == "/repos/mlops/guide/actions/runs":
            self.say(200, {"workflow_runs": [{**run, "path": ".github/workflows/train.yml"}]})
        elif address.path == "/repos/mlops/guide/actions/runs/46/jobs":
            self.say(200, {"jobs": forge.jobs})
        elif address.path.endswith("/actions/runs/46"):
            self.say(200, run)
        else:
            self.say(404, {"message": "not found"})


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    for name in ("GITHUB_API_URL", "GITHUB_TOKEN", "PROMETHEUS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    pulumi = StandInPulumi.make(tmp_path, PULUMI.format(folder=tmp_path), monkeypatch)
    (tmp_path / "state").write_text(json.dumps(recorded()))
    monkeypatch.chdir(pulumi.program)
    with Answering() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("FORGE_URL", server.url)
        monkeypatch.setenv("FORGE_TOKEN", "t")
        yield server
        server.shutdown()


def usage(*arguments: str) -> int:
    return main(["usage", "review", "--repository", "mlops/guide", *arguments])


def test_jobs_of_the_weeks_are_counted_with_their_gpu_hours(
    forge: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage("--format", "json") == ExitCode.DONE
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["repository"], row["workflow"], row["pool"]) == ("mlops/guide", "train.yml", POOL)
    assert (row["jobs"], row["queue_seconds_median"], row["gpu_hours_used"]) == (2, 3600.0, 2.0)
    assert (row["failures"], row["gpu_hours_idle"]) == ({"failure": 1}, None)


def test_github_is_asked_for_runs_and_their_jobs(
    forge: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", forge.url)
    assert usage("--format", "json") == ExitCode.DONE
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["workflow"], row["jobs"]) == ("train.yml", 2)


def test_a_long_history_is_read_from_its_end_and_no_further_than_needed(forge: Answering) -> None:
    forge.jobs = [job(number, NOW - timedelta(days=300)) for number in range(500)] + [job(500, NOW)]
    assert usage() == ExitCode.DONE
    pages = [asked for asked in forge.asked if "actions/jobs" in asked]
    assert len(pages) == 3, "the first page tells how many there are"


def test_idle_hours_are_prometheus_s(forge: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage("--weeks", "1", "--prometheus", forge.url, "--format", "csv") == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    own = next(line.split(",") for line in lines if line.split(",")[1:4] == ["", "", POOL])
    assert own[8] == "2.0"


def test_without_prometheus_it_says_how_to_know_more(forge: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage() == ExitCode.DONE
    assert "--prometheus" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("form", "printed"), [("json", "[]\n"), ("csv", ",".join(COLUMNS) + "\n")])
def test_a_stack_without_pools_is_told_in_the_form_that_was_asked_for(
    forge: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, printed: str
) -> None:
    state = recorded()
    resources = state["deployment"]["resources"]
    state["deployment"]["resources"] = [it for it in resources if it["type"] != "kubernetes:apps/v1:Deployment"]
    (tmp_path / "state").write_text(json.dumps(state))
    assert usage("--format", form) == ExitCode.DONE
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    "url", ["http://prometheus.monitoring.svc:9090", "http://10.0.0.7:9090/", "https://prom.example.com/p"]
)
def test_a_prometheus_that_wants_no_token_may_be_named_as_in_the_cluster(url: str) -> None:
    Prometheus(url)


@pytest.mark.parametrize(
    ("url", "token"),
    [("http://prometheus.monitoring.svc:9090", "t"), ("https://me:word@prom.example.com", ""), ("prom:9090", "")],
)
def test_an_address_that_cannot_be_prometheus_s_is_told_as_such(url: str, token: str) -> None:
    with pytest.raises(CommandFailedError, match=r"^--prometheus: found .*PROMETHEUS_TOKEN") as told:
        Prometheus(url, token)
    assert ("forge" in str(told.value), "word@" in str(told.value)) == (False, False)


@pytest.mark.parametrize("values", [None, "x", [{"metric": 7}], [{"metric": {}, "value": ["x"]}]])
def test_a_prometheus_that_answers_anything_else_ends_in_one_line(
    forge: Answering, values: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.values = values
    assert usage("--prometheus", forge.url) == ExitCode.FAILED
    assert "and no list of values" in capsys.readouterr().err


def test_a_forge_that_refuses_ends_in_one_line_with_what_the_token_must_do(
    forge: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.status = 403
    assert usage() == ExitCode.FAILED
    assert "the token must be one that may read Actions" in capsys.readouterr().err


def test_without_a_forge_it_says_which_variables_name_one(
    forge: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORGE_TOKEN")
    assert usage() == ExitCode.FAILED
    assert "set GITHUB_API_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--weeks", "0"], ["--weeks", "54"], ["--weeks", "x"], ["--format", "xml"], ["--repository", "guide"]],
)
def test_wrong_usage_asks_nobody(forge: Answering, arguments: list[str]) -> None:
    assert usage(*arguments) == ExitCode.USAGE
    assert forge.asked == []


def test_a_report_that_is_not_of_everything_says_so_beside_it(
    forge: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gitea_jobs, "MOST_PAGES", 1)
    forge.jobs = [job(number, NOW) for number in range(120)]
    assert usage("--format", "json") == ExitCode.FAILED
    printed = capsys.readouterr()
    assert [row["jobs"] for row in json.loads(printed.out)] == [20]
    assert printed.err == "not read: mlops/guide: jobs before the last 50\n"
