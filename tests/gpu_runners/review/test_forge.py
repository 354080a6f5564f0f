"""One comment and one issue per stack, whatever the forge and however often; over real HTTP."""

import argparse
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gpu_runners.review.core.markdown import marker
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.forge import Forge, repository
from values.scope import Scope

REPOSITORY = Scope("o/r")

COMMENTS = "/repos/o/r/issues/7/comments"
TEXT = f"{marker('dev')}\n\n### text"


class StandIn(ThreadingHTTPServer):
    """Comments, issues and runners of one repository, with the paths that GitHub and Gitea share."""

    pages = True  # Gitea gives all comments at once, whatever page is asked for

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.entries: dict[str, list[dict[str, Any]]] = {COMMENTS: [], "/repos/o/r/issues": []}
        self.runners: dict[int, dict[str, Any]] = {}


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.removeprefix("/api/v1").partition("?")
        if "/runners/" in path:
            runner = self.server.runners.get(int(path.rpartition("/")[2]))
            return self.answer(200 if runner else 404, runner)
        page = int(re.findall(r"[&?]page=(\d+)", f"?{query}")[0])
        entries = [entry for entry in self.server.entries[path] if entry.get("state", "open") == "open"]
        return self.answer(200, entries[(page - 1) * 50 : page * 50] if self.server.pages else entries)

    def do_POST(self) -> None:
        path = self.path.removeprefix("/api/v1").partition("?")[0]
        number = 1000 + sum(map(len, self.server.entries.values()))
        made = {"id": number, "number": number, "html_url": f"http://forge/{number}", **self.body()}
        self.server.entries[path].append(made)
        self.answer(201, made)

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        entry = next(one for some in self.server.entries.values() for one in some if one["id"] == number)
        entry.update(self.body())
        self.answer(200, entry)

    def do_DELETE(self) -> None:
        self.server.runners.pop(int(self.path.rpartition("/")[2]), None)
        self.answer(204, None)

    def body(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return document

    def answer(self, status: int, body: Any) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture(params=[True, False], ids=["GitHub pages", "Gitea gives all"])
def server(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    standing = StandIn()
    standing.pages = request.param
    thread = threading.Thread(target=standing.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield standing
    standing.shutdown()
    standing.server_close()
    thread.join()


@pytest.fixture
def forge(server: StandIn) -> Iterator[Forge]:
    # Whether GitHub or Gitea answers is told by the root of its API, as the forges put it into GITHUB_API_URL.
    with Forge(f"http://127.0.0.1:{server.server_port}{'' if server.pages else '/api/v1'}", "token") as opened:
        yield opened


def test_the_second_review_updates_the_first_comment(server: StandIn, forge: Forge) -> None:
    server.entries[COMMENTS] = [{"id": 100 + number, "body": "talk"} for number in range(120)]
    first = forge.comment(REPOSITORY, 7, "dev", TEXT)
    assert forge.comment(REPOSITORY, 7, "dev", f"{TEXT} again") == first
    assert [comment["body"] for comment in server.entries[COMMENTS][120:]] == [f"{TEXT} again"]


def test_each_stack_has_a_comment_of_its_own(server: StandIn, forge: Forge) -> None:
    forge.comment(REPOSITORY, 7, "dev", TEXT)
    forge.comment(REPOSITORY, 7, "dev-2", f"{marker('dev-2')}\n\n### other")
    assert len(server.entries[COMMENTS]) == 2


def test_an_issue_is_opened_updated_and_closed_once(server: StandIn, forge: Forge) -> None:
    assert forge.issue(REPOSITORY, "dev", "Drift", TEXT, is_clean=True) == "no issue is open, none is needed"
    assert forge.issue(REPOSITORY, "dev", "Drift", TEXT, is_clean=False).startswith("opened")
    assert forge.issue(REPOSITORY, "dev", "Drift", f"{TEXT} more", is_clean=False).startswith("updated")
    assert forge.issue(REPOSITORY, "dev", "Drift", TEXT, is_clean=True).startswith("closed")
    (issue,) = server.entries["/repos/o/r/issues"]
    assert issue["state"] == "closed"
    assert forge.issue(REPOSITORY, "dev", "Drift", TEXT, is_clean=False).startswith("opened")


def test_a_runner_with_a_job_is_not_removed(server: StandIn, forge: Forge) -> None:
    server.runners = {7: {"id": 7, "busy": True}, 8: {"id": 8, "busy": False}}
    with pytest.raises(ReviewFailedError, match="has a job"):
        forge.remove_runner(REPOSITORY, 7)
    forge.remove_runner(REPOSITORY, 8)
    forge.remove_runner(REPOSITORY, 9)  # gone already
    assert list(server.runners) == [7]


@pytest.mark.parametrize("text", ["", "mlops", "a/b/c", "../admin", "mlops/..", "mlops/guide/", "a/b c", "a/b?c"])
def test_what_is_no_repository_is_no_argument(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="allowed: OWNER/NAME"):
        repository(text)
    assert repository("mlops/guide") == Scope("mlops/guide")
