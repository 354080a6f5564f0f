"""One question at a time: answered by a flag, by a person, or by what is known already."""

import getpass
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.kinds import NumberKind, TextKind
from gpu_runners.errors import CommandFailedError, UsageWrongError
from gpu_runners.output import say
from gpu_runners.question import somebody_is_there

LONGEST: Final = 2000


class AbortedError(CommandFailedError):
    """The person is gone. Nothing was written."""


@dataclass(frozen=True)
class Question:
    """flag: the one that answers it, without its hyphens. words: for a person. check raises ValueError with a cure."""

    flag: str
    words: str
    check: Callable[[str], str] = str


class Dialogue:
    """flags: what was given, by name; None where nothing was."""

    def __init__(self, flags: Mapping[str, Any], *, may_ask: bool | None = None) -> None:
        self._flags = flags
        self.may_ask = somebody_is_there() if may_ask is None else may_ask

    def given(self, flag: str) -> Any:
        """What a flag holds, None where it was not given."""
        return self._flags.get(flag.replace("-", "_"))

    def answer(self, question: Question, default: str = "") -> str:
        """The flag's, else a person's, who may keep the default, else the default.

        Raises UsageWrongError for a flag that is wrong, or missing where nobody can be asked; AbortedError.
        """
        given = self.given(question.flag)
        if given is not None:
            return _checked(question, str(given))
        if not self.may_ask:
            if not default:
                raise UsageWrongError(
                    f"--{question.flag} is missing, and nobody is there to be asked: {question.words}"
                )
            return _checked(question, default)
        while True:
            typed = self._typed(f"{question.words}{f' [{default}]' if default else ''}: ", question.flag) or default
            try:
                if not typed:
                    raise ValueError("an answer is needed")  # noqa: TRY301 - one more thing that an answer is not
                return question.check(typed)
            except ValueError as error:
                say(f"  {error}")

    def flag(self, flag: str, check: Callable[[str], str], default: str = "") -> str:
        """The flag's value, or the default, about which nobody is asked. Raises UsageWrongError."""
        given = self.given(flag)
        return default if given is None else _checked(Question(flag, "", check), str(given))

    def number(self, flag: str, words: str, kind: NumberKind, default: int) -> int:
        """A whole number."""

        def check(text: str) -> str:
            if not (text.isascii() and text.isdecimal() and kind.is_one(int(text[:10]))):
                raise ValueError(f"found {text!r}; allowed: {kind.allowed}; cure: {kind.cure_for(text)}")
            return str(int(text))

        return int(self.answer(Question(flag, words, check), str(default)))

    def choose(self, flag: str, words: str, choices: Sequence[object]) -> int:
        """The index of the one that is chosen; the first is the default. Nobody is asked about one alone."""
        if len(choices) == 1 and self.given(flag) is None:
            return 0
        for number, choice in enumerate(choices, 1):
            say(f"  {number}. {choice}")
        return self.number(flag, words, NumberKind(1, len(choices)), 1) - 1

    def agrees(self, words: str) -> bool:
        """Whether a person types `yes`; nobody that is not there does. Raises AbortedError."""
        return self.may_ask and self._typed(f"{words} Only `yes` will do: ", "") == "yes"

    def secret(self, words: str) -> str:
        """What a person types unseen. Raises AbortedError."""
        try:
            return getpass.getpass(f"{words}: ")
        except (EOFError, OSError) as error:
            raise _gone("") from error

    def _typed(self, prompt: str, flag: str) -> str:
        try:
            text = input(prompt)
        except (EOFError, RuntimeError) as error:  # RuntimeError: a shell's `<&-` leaves no input at all
            print(file=sys.stderr)
            raise _gone(flag) from error
        return text.strip()[:LONGEST]


def one_of(kind: TextKind) -> Callable[[str], str]:
    """A check by a kind of the config's."""

    def check(text: str) -> str:
        if not kind.check(text):
            raise ValueError(f"found {text!r}; allowed: {kind.allowed}; cure: {kind.cure_for(text)}")
        return text

    return check


def _checked(question: Question, text: str) -> str:
    try:
        return question.check(text)
    except ValueError as error:
        raise UsageWrongError(f"--{question.flag}: {error}") from error


def _gone(flag: str) -> AbortedError:
    cure = f"; --{flag} answers this question" if flag else ""
    return AbortedError(f"the input ended before the last question, so nothing was written{cure}")
