"""One comment of a pull request and one issue of a stack, whatever the forge and however often; over real HTTP."""

import argparse
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gpu_runners.arguments import repository
from gpu_runners.review.core.comment import MARKER
from gpu_runners.review.core.markdown import marker
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.forge import Forge, IssueText
from values.scope import Scope

REPOSITORY = Scope("o/r")

COMMENTS = "/repos/o/r/issues/7/comments"
TEXT = f"{MARKER}\n\n### text"
ISSUE = f"{marker('dev')}\n\n### text"


class StandIn(ThreadingHTTPServer):
    """Comments and issues of one repository, with the paths that GitHub and Gitea share."""

    pages = True  # Gitea gives all comments at once, whatever page is asked for

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.entries: dict[str, list[dict[str, Any]]] = {COMMENTS: [], "/repos/o/r/issues": []}
        self.hostile: Callable[[int], Any] | None = None  # what a page is answered with, by a forge that is none
        self.user = "reviewer"  # "": a job's own token, which may not ask for its user


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.removeprefix("/api/v1").partition("?")
        if path == "/user":
            return self.answer(200, {"login": self.server.user}) if self.server.user else self.answer(403, {})
        page = int(re.findall(r"[&?]page=(\d+)", f"?{query}")[0])
        if self.server.hostile:
            return self.answer(200, self.server.hostile(page))
        entries = [entry for entry in self.server.entries[path] if entry.get("state", "open") == "open"]
        return self.answer(200, entries[(page - 1) * 50 : page * 50] if self.server.pages else entries)

    def do_POST(self) -> None:
        path = self.path.removeprefix("/api/v1").partition("?")[0]
        number = 1000 + sum(map(len, self.server.entries.values()))
        job = "github-actions[bot]" if self.server.pages else "gitea-actions"
        user = {"login": self.server.user or job}
        made = {"id": number, "number": number, "html_url": f"http://forge/{number}", "user": user, **self.body()}
        self.server.entries.setdefault(path, []).append(made)
        self.answer(201, made)

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        entry = next(one for some in self.server.entries.values() for one in some if one["id"] == number)
        entry.update(self.body())
        self.answer(200, entry)

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


def written(server: StandIn) -> list[str]:
    return [comment["body"] for comment in server.entries[COMMENTS]]


def issue(text: str = ISSUE, *, is_clean: bool = False) -> IssueText:
    return IssueText(marker=marker("dev"), title="Drift", body=text, is_clean=is_clean)


@pytest.mark.parametrize("user", ["reviewer", ""], ids=["a user's token", "a job's own token"])
def test_the_second_review_updates_the_first_comment(server: StandIn, forge: Forge, user: str) -> None:
    server.user = user
    server.entries[COMMENTS] = [{"id": 100 + number, "body": "talk"} for number in range(120)]
    first = forge.comment(REPOSITORY, 7, MARKER, TEXT, is_clean=False)
    assert first.startswith("wrote")
    again = forge.comment(REPOSITORY, 7, MARKER, f"{TEXT} again", is_clean=False)
    assert again == first.replace("wrote", "updated")
    assert written(server)[120:] == [f"{TEXT} again"]


def test_a_clean_first_look_writes_nothing_and_a_clean_later_one_updates(server: StandIn, forge: Forge) -> None:
    assert forge.comment(REPOSITORY, 7, MARKER, TEXT, is_clean=True) == "no comment is there, none is needed"
    assert written(server) == []
    forge.comment(REPOSITORY, 7, MARKER, TEXT, is_clean=False)
    forge.comment(REPOSITORY, 7, MARKER, f"{TEXT} clean", is_clean=True)
    assert written(server) == [f"{TEXT} clean"]


@pytest.mark.parametrize(
    "stranger", [{"login": "mallory"}, {"login": "Reviewer"}, {"login": "reviewer[bot]"}, {}, None]
)
def test_a_strangers_comment_or_issue_with_our_marker_is_never_touched(
    server: StandIn, forge: Forge, stranger: dict[str, str] | None
) -> None:
    theirs = {"id": 1, "number": 1, "body": TEXT, "user": stranger, "html_url": "x"}
    server.entries[COMMENTS] = [dict(theirs)]
    server.entries["/repos/o/r/issues"] = [theirs | {"body": ISSUE}]
    forge.comment(REPOSITORY, 7, MARKER, f"{TEXT} ours", is_clean=False)
    assert written(server) == [TEXT, f"{TEXT} ours"]
    assert forge.issue(REPOSITORY, issue(is_clean=True), lambda body: "") == "no issue is open, none is needed"
    assert forge.issue(REPOSITORY, issue(), lambda body: "").startswith("opened")
    assert server.entries["/repos/o/r/issues"][0] == theirs | {"body": ISSUE}


def test_our_text_that_does_not_begin_with_the_marker_is_not_adopted(server: StandIn, forge: Forge) -> None:
    server.entries[COMMENTS] = [{"id": 1, "body": f"> {TEXT}", "user": {"login": "reviewer"}}]
    forge.comment(REPOSITORY, 7, MARKER, TEXT, is_clean=False)
    assert len(written(server)) == 2


def test_a_pull_request_is_no_issue_whoever_wrote_it(server: StandIn, forge: Forge) -> None:
    pull = {"id": 1, "number": 1, "body": ISSUE, "user": {"login": "reviewer"}, "pull_request": {"url": "x"}}
    server.entries["/repos/o/r/issues"] = [pull]
    assert forge.issue(REPOSITORY, issue(is_clean=True), lambda body: "") == "no issue is open, none is needed"


def test_an_issue_is_opened_updated_and_closed_once(server: StandIn, forge: Forge) -> None:
    assert forge.issue(REPOSITORY, issue(is_clean=True), lambda body: "") == "no issue is open, none is needed"
    assert forge.issue(REPOSITORY, issue(), lambda body: "").startswith("opened")
    assert forge.issue(REPOSITORY, issue(f"{ISSUE} more"), lambda body: "").startswith("updated")
    assert forge.issue(REPOSITORY, issue(is_clean=True), lambda body: "never").startswith("closed")
    (entry,) = server.entries["/repos/o/r/issues"]
    assert entry["state"] == "closed"
    assert forge.issue(REPOSITORY, issue(), lambda body: "").startswith("opened")


def test_the_readers_of_an_issue_are_told_news_and_nothing_else(server: StandIn, forge: Forge) -> None:
    forge.issue(REPOSITORY, issue(), lambda body: "never: it is opened")
    number = server.entries["/repos/o/r/issues"][0]["number"]
    forge.issue(REPOSITORY, issue(f"{ISSUE} later"), lambda body: "")
    assert f"/repos/o/r/issues/{number}/comments" not in server.entries
    forge.issue(REPOSITORY, issue(f"{ISSUE} more"), lambda body: f"news since: {body}")
    (told,) = server.entries[f"/repos/o/r/issues/{number}/comments"]
    assert told["body"] == f"news since: {ISSUE} later"


@pytest.mark.parametrize("text", ["", "mlops", "a/b/c", "../admin", "mlops/..", "mlops/guide/", "a/b c", "a/b?c"])
def test_what_is_no_repository_is_no_argument(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="allowed: OWNER/NAME"):
        repository(text)
    assert repository("mlops/guide") == Scope("mlops/guide")


HOSTILE: dict[str, Callable[[int], Any]] = {
    "pages without end": lambda page: [{"id": 1000 * page + number, "body": "x"} for number in range(50)],
    "no list": lambda page: {"id": 1},
    "null": lambda page: None,
    "entries that are none": lambda page: [1, "x"],
    "an id that is none": lambda page: [{"id": "../../admin", "body": "x"}],
    "an id of ours that is none": lambda page: [{"id": True, "body": MARKER, "user": {"login": "reviewer"}}],
    "an entry without an id": lambda page: [{"body": MARKER}],
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_a_forge_that_answers_nonsense_ends_in_one_message(
    server: StandIn, forge: Forge, answer: Callable[[int], Any]
) -> None:
    server.hostile = answer
    with pytest.raises(ReviewFailedError, match="the forge did not answer"):
        forge.comment(Scope("o/r"), 7, MARKER, "text", is_clean=False)


def test_a_comment_whose_author_is_no_user_is_not_ours(server: StandIn, forge: Forge) -> None:
    server.hostile = lambda page: [{"id": 1, "body": MARKER, "user": "reviewer"}]
    assert forge.comment(Scope("o/r"), 7, MARKER, "text", is_clean=True) == "no comment is there, none is needed"
