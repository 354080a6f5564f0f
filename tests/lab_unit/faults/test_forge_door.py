"""The door before the forge: it passes everything on, and misbehaves in each of its ways until it is told to stop."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.faults import forge_door
from lab.faults.forge_door import ForgeDoor, Misbehaviour

BODY = b'{"asked": true}'


class Forge:
    """A forge that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                forge.asked.append((f"{self.command} {self.path}", body))
                self.send_response(201)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def forge() -> Iterator[Forge]:
    listening = Forge()
    yield listening
    listening.close()


@pytest.fixture
def door(forge: Forge) -> Iterator[ForgeDoor]:
    opened = ForgeDoor("127.0.0.1", 0, ("127.0.0.1", forge.server.server_address[1]))
    yield opened
    opened.close()


def ask(door: ForgeDoor, path: str = "/x", timeout: float = 20) -> tuple[int, bytes]:
    host, port = door.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    try:
        connection.request("POST", path, b"sent")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_passes_on_what_is_asked_and_answered(door: ForgeDoor, forge: Forge) -> None:
    assert ask(door) == (201, BODY)
    assert forge.asked == [("POST /x", b"sent")]


@pytest.mark.parametrize("code", [500, 429])
def test_a_status_of_its_own_reaches_no_forge(door: ForgeDoor, forge: Forge, code: int) -> None:
    door.misbehave(forge_door.status(code, ("Retry-After", "5")))
    assert ask(door)[0] == code
    assert forge.asked == []
    assert door.hits == 1


def test_garbage_is_an_answer_of_nobody(door: ForgeDoor, forge: Forge) -> None:
    door.misbehave(forge_door.garbage)
    code, body = ask(door)
    assert code == 200
    assert body.startswith(b"<html>")
    assert forge.asked == []


def half(door: ForgeDoor) -> None:
    door.misbehave(forge_door.half)
    with pytest.raises(http.client.IncompleteRead):
        ask(door)


def unanswered(door: ForgeDoor) -> None:
    door.misbehave(forge_door.unanswered)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(door)


def late(door: ForgeDoor) -> None:
    door.misbehave(forge_door.late(0.3))
    started = time.monotonic()
    assert ask(door) == (201, BODY)
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("badly", [half, unanswered, late])
def test_an_answer_that_goes_wrong_was_carried_out_once(
    door: ForgeDoor, forge: Forge, badly: Callable[[ForgeDoor], None]
) -> None:
    badly(door)
    assert len(forge.asked) == 1


def test_what_is_carried_out_twice_has_one_answer(door: ForgeDoor, forge: Forge) -> None:
    door.misbehave(forge_door.twice)
    assert ask(door) == (201, BODY)
    assert len(forge.asked) == 2


def test_who_hangs_is_let_go_when_it_is_over(door: ForgeDoor, forge: Forge) -> None:
    door.misbehave(door.hang)
    ends: list[type[BaseException]] = []

    def client() -> None:
        try:
            ask(door)
        except http.client.HTTPException as error:
            ends.append(type(error))

    thread = threading.Thread(target=client)
    thread.start()
    end = time.monotonic() + 20
    while not door.hits and time.monotonic() < end:
        time.sleep(0.01)
    assert ends == []
    door.pass_on()
    thread.join(20)
    assert ends == [http.client.RemoteDisconnected]
    assert forge.asked == []
    assert ask(door) == (201, BODY)


def test_nobody_listens_while_it_refuses_and_it_is_back_at_the_same_port(door: ForgeDoor) -> None:
    url = door.url
    door.refuse()
    with pytest.raises(ConnectionError):
        ask(door)
    door.pass_on()
    assert door.url == url
    assert ask(door) == (201, BODY)


@pytest.mark.parametrize("badly", [forge_door.status(500)])
def test_only_what_the_pattern_finds_is_hit_and_only_so_often(door: ForgeDoor, badly: Misbehaviour) -> None:
    door.misbehave(badly, "POST /hit", 1)
    assert [ask(door, path)[0] for path in ("/other", "/hit", "/hit")] == [201, 500, 201]
    assert door.hits == 1
