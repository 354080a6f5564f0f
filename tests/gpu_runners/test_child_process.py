"""A process that is started: its deadline, and its end by a signal."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpu_runners import child_process
from gpu_runners.child_process import Children, DeadlinePassedError, Ended

SECONDS = 60
# Scripts that a signal is to reach start nothing meanwhile: dash forgets one that comes while a child of it is made.
UNTIL_A_SIGNAL = "while :; do :; done"


def run(children: Children, script: str, folder: Path, seconds: float = SECONDS) -> Ended:
    return children.run(["sh", "-c", script], folder=folder, environment=os.environ, deadline_seconds=seconds)


def until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never seen: {what}"
        time.sleep(0.01)


def is_gone(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_what_it_prints_comes_back_even_where_it_is_no_text(tmp_path: Path) -> None:
    ended = run(Children(), "printf 'a\\377'; echo b >&2; exit 3", tmp_path)
    assert ended == Ended(code=3, output="a�", errors="b\n")


@pytest.fixture
def starts_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has started once it has made the file `waits`: only then its time begins."""

    class SlowToStart(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            until("it waits", (tmp_path / "waits").exists)

    monkeypatch.setattr(subprocess, "Popen", SlowToStart)


@pytest.mark.usefixtures("starts_slowly")
def test_at_its_deadline_it_is_interrupted_first(tmp_path: Path) -> None:
    script = f"trap 'touch given-back; exit' INT; : > waits; {UNTIL_A_SIGNAL}"
    with pytest.raises(DeadlinePassedError, match=r"did not end within 0\.5 s"):
        run(Children(), script, tmp_path, 0.5)
    assert (tmp_path / "given-back").exists()


@pytest.mark.usefixtures("starts_slowly")
def test_what_ignores_that_is_killed_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "END_SECONDS", 0.2)
    script = "trap '' INT; sleep 60 & echo $! > child; touch waits; wait; sleep 60"
    with pytest.raises(DeadlinePassedError):
        run(Children(), script, tmp_path, 0.5)
    until("the child's end", lambda: is_gone(tmp_path / "child"))


def test_an_interrupt_reaches_the_processes_of_every_thread_and_no_other_is_started(tmp_path: Path) -> None:
    children = Children()
    script = f"trap 'exit 7' INT; : > $0; {UNTIL_A_SIGNAL}"
    codes: list[int] = []

    def wait(name: str) -> None:
        command = ["sh", "-c", script, name]
        ended = children.run(command, folder=tmp_path, environment=os.environ, deadline_seconds=SECONDS)
        codes.append(ended.code)

    threads = [threading.Thread(target=wait, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    until("both wait", lambda: {path.name for path in tmp_path.iterdir()} == {"one", "two"})
    children.interrupt()
    for thread in threads:
        thread.join(SECONDS)
    assert codes == [7, 7]
    with pytest.raises(KeyboardInterrupt):
        run(children, "touch three", tmp_path)
    assert not (tmp_path / "three").exists()


def test_the_second_interrupt_kills(tmp_path: Path) -> None:
    children = Children()
    codes: list[int] = []
    script = "trap '' INT; touch waits; while :; do sleep 0.05; done"
    thread = threading.Thread(target=lambda: codes.append(run(children, script, tmp_path).code))
    thread.start()
    until("it waits", (tmp_path / "waits").exists)
    children.interrupt()
    children.interrupt()
    thread.join(SECONDS)
    assert codes == [-signal.SIGKILL]


def test_a_signal_during_its_start_reaches_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowToStart(subprocess.Popen[str]):
        """It runs already, and its start is not over."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            until("it waits", (tmp_path / "waits").exists)
            os.kill(os.getpid(), signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        children.interrupt()
        raise KeyboardInterrupt

    children = Children()
    monkeypatch.setattr(subprocess, "Popen", SlowToStart)
    before = signal.signal(signal.SIGINT, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(children, f"trap 'echo INT >> signals; exit' INT; : > waits; {UNTIL_A_SIGNAL}", tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "signals").read_text() == "INT\n"
