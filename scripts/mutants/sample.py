"""Which mutants are tried: some of each file, by chance, and the same ones for the same seed. Pure."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

# A string for people has a blank in it. That a test repeats each word of a message would hold nothing but the wording.
_STRING: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")


def is_of_words(change: Sequence[str]) -> bool:
    """Whether a change, as lines that begin with - and +, does nothing but word a text for people in another way."""
    before = [line[1:] for line in change if line.startswith("-")]
    after = [line[1:] for line in change if line.startswith("+")]
    return len(before) == len(after) == 1 and _without_sentences(before[0]) == _without_sentences(after[0])


def _without_sentences(line: str) -> str:
    return _STRING.sub(lambda match: '""' if " " in match[0] else match[0], line)


def chosen(names: Mapping[str, Iterable[str]], *, seed: int, of_each: int) -> dict[str, list[str]]:
    """At most that many mutants of each file; a file's choice does not depend on what other files there are."""
    return {file: _chosen_of(file, names[file], seed, of_each) for file in sorted(names)}


def _chosen_of(file: str, names: Iterable[str], seed: int, of_each: int) -> list[str]:
    shuffled = sorted(names)
    random.Random(f"{seed} {file}").shuffle(shuffled)  # noqa: S311 - a sample that can be drawn again, no secret
    return sorted(shuffled[:of_each])
