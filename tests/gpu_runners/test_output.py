"""What others wrote reaches a person as plain text, whichever way it is printed."""

import pytest

from gpu_runners.errors import CommandFailedError
from gpu_runners.output import plain, say
from gpu_runners.program import main
from gpu_runners.question import ask
from gpu_runners.state import command
from gpu_runners.unlock.left_over import locks

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\r\ud800"
REFUSED = f"""error: the stack is currently locked by 1 lock(s).
  s3://b/lock.json: created by x{HOSTILE.replace(chr(13), "")}@ci-7 (pid 20670) at 2026-11-24T03:33:58Z
"""


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def test_the_words_of_a_lock_move_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    (lock,) = locks(REFUSED)
    say(f"dev is locked by {lock}.")
    printed = capsys.readouterr().out
    assert is_plain(printed)
    assert "owned" in printed


def test_nor_do_those_of_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise CommandFailedError(f"Pulumi's words:\n{HOSTILE}")

    monkeypatch.setattr(command, "run", fail)
    assert main(["state", "dev"]) != 0
    assert is_plain(capsys.readouterr().err)


def test_nor_do_those_of_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return ""

    monkeypatch.setattr("builtins.input", answer)
    ask(f"Has it ended on {HOSTILE}?")
    assert is_plain("".join(asked))


def test_lines_stay_lines_and_signs_stay_signs() -> None:
    assert plain("✗ näher\n\t→ ⚠️ 🛑") == "✗ näher\n\t→ ⚠️ 🛑"
