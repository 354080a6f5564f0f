"""An App is made through a page on this machine: the browser's part and GitHub's are played over real HTTP."""

import html
import json
import re
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from aiohttp import web

from gpu_runners.app.handshake import AppNotMadeError, make_app
from gpu_runners.app.manifest import KINDS, Order, next_steps, permissions
from lab.github.server import Exchange
from tests.github import description as github_description
from tests.gpu_runners.serving import serving

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0  # of a busy machine, for each thing that is waited for
CODE, KEY = "one-time-code", "-----BEGIN RSA PRIVATE KEY-----\nnone\n-----END RSA PRIVATE KEY-----\n"
OWNER = {
    "login": "mlops", "id": 1, "node_id": "O_1", "gravatar_id": "", "type": "Organization", "site_admin": False,
    **dict.fromkeys(
        ("url", "repos_url", "events_url", "avatar_url", "html_url", "followers_url", "following_url", "gists_url",
         "starred_url", "subscriptions_url", "organizations_url", "received_events_url"),
        "https://github.com/mlops",
    ),
}  # fmt: skip


@dataclass
class GitHub:
    """Gives an App for its code, once."""

    codes: set[str] = field(default_factory=lambda: {CODE})
    exchanges: list[Exchange] = field(default_factory=list)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/api/v3/app-manifests/{code}/conversions", self._convert)
        return application

    async def _convert(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        status, answer = (201, APP) if code in self.codes else (404, {"message": "Not Found"})
        self.codes.discard(code)
        agent = request.headers["User-Agent"]
        self.exchanges.append(Exchange(request.method, request.path, {}, agent, None, status, answer))
        return web.json_response(answer, status=status)


APP: dict[str, Any] = {
    "id": 4711, "slug": "gpu-runners", "node_id": "A_1", "client_id": "Iv1", "owner": OWNER, "name": "gpu-runners",
    "description": "", "external_url": "https://github.com/mlops", "html_url": "https://github.com/apps/gpu-runners",
    "created_at": "2026-11-24T12:00:00Z", "updated_at": "2026-11-24T12:00:00Z", "permissions": {}, "events": [],
    "client_secret": "unused", "webhook_secret": None, "pem": KEY,
}  # fmt: skip


@dataclass
class Browser:
    """A person who opens the page, presses the button, and is sent back by GitHub with these parameters."""

    answers: list[dict[str, str]] = field(default_factory=lambda: [{"code": CODE}])
    form: str = ""
    manifest: dict[str, Any] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    visits: list["Future[None]"] = field(default_factory=list)

    def follow(self, line: str) -> None:
        """Reads where the page is, and goes there beside whoever says so."""
        (address,) = re.findall(r"http://\S+", line)
        self.beside(lambda: self.visit(address))

    def beside(self, work: Callable[[], None]) -> None:
        """Have it done in a thread of its own."""
        person = ThreadPoolExecutor(1)
        self.visits.append(person.submit(work))
        person.shutdown(wait=False)

    def leave(self) -> None:
        """Once every visit is over. Raises what went wrong in one."""
        assert self.visits, "nobody said where the page is"
        for visit in self.visits:  # one may bring another
            visit.result(PATIENCE_SECONDS)

    def make_app(self, order: Order) -> Mapping[str, Any]:
        """The App that this person makes, after the visit; where that fails, why it did."""
        try:
            return make_app(order, 0, self.follow, deadline_seconds=PATIENCE_SECONDS)
        finally:
            self.leave()

    def visit(self, address: str) -> None:
        with httpx2.Client(trust_env=False, timeout=PATIENCE_SECONDS) as http:
            page = http.get(address).text
            self.form = html.unescape(re.findall(r"action='([^']+)'", page)[0])
            self.manifest = json.loads(html.unescape(re.findall(r"name=manifest value='([^']+)'", page)[0]))
            state = parse_qs(urlsplit(self.form).query)["state"][0]
            for answer in self.answers:
                parameters = {"state": state, **answer}
                self.statuses.append(http.get(self.manifest["redirect_url"], params=parameters).status_code)


@pytest.fixture
def github() -> Iterator[tuple[GitHub, str]]:
    stand_in = GitHub()
    with serving(stand_in.application()) as url:
        yield stand_in, url
    wrong = [problem for exchange in stand_in.exchanges for problem in github_description.problems(exchange)]
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_the_browser_brings_the_manifest_to_the_organization_and_the_key_comes_back(
    github: tuple[GitHub, str], kind: str
) -> None:
    browser = Browser()
    app = browser.make_app(Order(kind, github[1], "mlops", "our-runners"))
    assert (app["id"], app["pem"]) == (4711, KEY)
    assert browser.form.startswith(f"{github[1]}/organizations/mlops/settings/apps/new?state=")
    assert browser.manifest["default_permissions"] == permissions(kind)
    assert (browser.manifest["name"], browser.manifest["url"]) == ("our-runners", f"{github[1]}/mlops")


def test_without_an_organization_the_app_is_ones_own(github: tuple[GitHub, str]) -> None:
    browser = Browser()
    browser.make_app(Order("repository", github[1], ""))
    assert browser.form.startswith(f"{github[1]}/settings/apps/new?state=")


def test_an_answer_that_belongs_to_another_question_is_turned_away(github: tuple[GitHub, str]) -> None:
    browser = Browser([{"state": "forged", "code": "stolen"}, {"code": CODE}])
    assert browser.make_app(Order("repository", github[1], ""))["id"] == 4711
    assert browser.statuses == [403, 200]
    assert [exchange.path.split("/")[-2] for exchange in github[0].exchanges] == [CODE]


ODD = {
    "letters": (b"GET /created?state=%C3%A9&code=x HTTP/1.1", b" 403 "),
    "half a letter": (b"GET /created?state=%ED%A0%80&code=x HTTP/1.1", b" 403 "),
    "bytes": (b"GET /created?state=\xe9&code=x HTTP/1.1", b" 403 "),
    "no state": (b"GET /created?code=x HTTP/1.1", b" 403 "),
    "half a URL": (b"GET //[ HTTP/1.1", b" 404 "),
    "a host": (b"GET http://[ HTTP/1.1", b" 404 "),
    "half a URL of ours": (b"GET /created?state=%&code=%00 HTTP/1.1", b" 403 "),
    "no target": (b"GET", b" 400 "),
    "other method": (b"PUT /created HTTP/1.1", b" 501 "),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_asks_gets_an_answer_and_the_terminal_no_traceback(
    github: tuple[GitHub, str], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    browser, (request, status), answers = Browser(), ODD[name], list[bytes]()

    def follow(line: str) -> None:
        (port,) = re.findall(r"open http://127.0.0.1:(\d+)", line)

        def ask() -> None:
            with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as asking:
                asking.sendall(request + b"\r\n\r\n")
                answers.append(asking.makefile("rb").read())
            browser.follow(line)

        browser.beside(ask)

    app = make_app(Order("repository", github[1], ""), 0, follow, deadline_seconds=PATIENCE_SECONDS)
    browser.leave()
    assert (app["id"], browser.statuses) == (4711, [200])
    assert status in answers[0], answers
    assert capfd.readouterr() == ("", "")


def test_who_hangs_up_leaves_no_traceback(github: tuple[GitHub, str], capfd: pytest.CaptureFixture[str]) -> None:
    browser = Browser()

    def follow(line: str) -> None:
        (port,) = re.findall(r"open http://127.0.0.1:(\d+)", line)
        with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            asking.sendall(b"GET / HTTP/1.1\r\n")
        browser.follow(line)

    assert make_app(Order("repository", github[1], ""), 0, follow, deadline_seconds=60)["id"] == 4711
    assert capfd.readouterr() == ("", "")


def test_a_connection_over_which_nothing_comes_keeps_no_browser_waiting(github: tuple[GitHub, str]) -> None:
    """Browsers open some ahead."""
    browser, idle = Browser(), socket.socket()

    def follow(line: str) -> None:
        (port,) = re.findall(r"open http://127.0.0.1:(\d+)", line)
        idle.connect(("127.0.0.1", int(port)))
        browser.follow(line)

    with idle:
        app = make_app(Order("repository", github[1], ""), 0, follow, deadline_seconds=PATIENCE_SECONDS)
        browser.leave()
    assert app["id"] == 4711
    assert browser.statuses == [200]


def test_nobody_who_creates_an_app_is_waited_for_without_end() -> None:
    with pytest.raises(AppNotMadeError, match="nobody created the App within"):
        make_app(Order("repository", "http://127.0.0.1:1", ""), 0, lambda _: None, deadline_seconds=0.1)


@pytest.mark.parametrize("answer", [[], {"id": 1}, {**APP, "pem": None}, {**APP, "id": "1"}])
def test_an_answer_that_is_no_app_is_told_with_the_cure(answer: object) -> None:
    async def convert(_: web.Request) -> web.Response:
        return web.json_response(answer, status=201)

    application = web.Application()
    application.router.add_post("/api/v3/app-manifests/{code}/conversions", convert)
    with serving(application) as url, pytest.raises(AppNotMadeError, match="no App; look in the owner's list"):
        Browser().make_app(Order("repository", url, ""))


def test_a_code_that_github_does_not_take_is_told_with_the_cure(github: tuple[GitHub, str]) -> None:
    with pytest.raises(AppNotMadeError, match="404 to its own code; look in the owner's list"):
        Browser([{"code": "spent"}]).make_app(Order("repository", github[1], ""))


@contextmanager
def ending(command: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """A command that is killed when it has taken too long, which ends whoever reads from it, or the block ends."""
    alarm = Timer(PATIENCE_SECONDS, command.kill)
    alarm.start()
    try:
        with command:
            try:
                yield command
                command.wait(PATIENCE_SECONDS)
            finally:
                command.kill()
    finally:
        alarm.cancel()


def started(github: str, file: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "gpu_runners",
        "app",
        "organization",
        "--organization",
        "mlops",
        "--github",
        github,
    ]
    return subprocess.Popen(
        [*command, "--to", str(file), "--port", "0", *arguments], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_the_command_keeps_the_key_from_others_and_says_what_to_do_with_it(
    github: tuple[GitHub, str], tmp_path: Path
) -> None:
    file = tmp_path / "app.pem"
    with ending(started(github[1], file)) as command:
        assert command.stdout is not None
        browser = Browser()
        browser.follow(command.stdout.readline())
        said = command.stdout.read()
        browser.leave()
    assert command.returncode == 0, said
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (KEY, 0o600)
    assert "https://github.com/apps/gpu-runners/installations/new" in said
    assert "pulumi config set --path gpu-runners:githubApp.appId 4711" in said
    assert KEY not in said


def test_a_key_is_never_written_over_another(github: tuple[GitHub, str], tmp_path: Path) -> None:
    file = tmp_path / "app.pem"
    file.write_text("precious")
    with ending(started(github[1], file)) as command:
        assert command.stdout is not None
        assert "File exists; name another with --to" in command.stdout.read()
    assert (command.returncode, file.read_text()) == (1, "precious")


def test_the_wirings_app_goes_where_the_registrar_does_not_look() -> None:
    said = next_steps(Order("wiring", "https://github.com", "mlops"), APP, Path("wiring.pem"))
    assert "gpu-runners:githubWiringApp.appId 4711" in said
    assert "--secret githubWiringAppPrivateKey < wiring.pem" in said
    assert "gpu-runners:githubWiringApp.installationId" in said
    registrars = next_steps(Order("repository", "https://github.com", "mlops"), APP, Path("key.pem"))
    assert "installationId" not in registrars
