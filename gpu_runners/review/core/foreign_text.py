"""Text that somebody else wrote, as Markdown that says it and does nothing else. Pure.

GitHub and Gitea read Markdown with different parsers, and both go over the result once more for names, references and
bare addresses, entities included. None of them looks into a code span. So foreign text is one, unless it is made of
characters that mean nothing to anybody.
"""

import re
import unicodedata
from itertools import groupby
from typing import Final

LONGEST: Final = 200
_READ: Final = 4 * LONGEST  # of which no more than that is shown
# Of such words plain text is made. No dot inside (www.), no underscore, star, number sign or at sign; no colon inside.
_HARMLESS: Final = re.compile(
    r"(?!\d+[.)]|(?i:.*\bgh-\d)|(?i:.*\b[0-9a-f]{7,})\b)[(/]?[A-Za-z0-9][A-Za-z0-9/()-]*[.,:;]?", re.ASCII
)
_MARKED: Final = re.compile(r"(.*[^.,:; ])([.,:;])", re.ASCII)
# Kept out of code spans: a backtick would end one, and a bar ends a table's cell even there; how a backslash before it
# is read differs between the parsers.
_INSTEAD: Final = str.maketrans({"`": "'", "|": "¦"})


def words(text: str) -> str:
    """Foreign text within a line: harmless words as they are, what stands between them as code spans."""
    spans = groupby(_line(text).split(" "), key=lambda word: bool(_HARMLESS.fullmatch(word)))
    return " ".join(" ".join(span) if harmless else _span(" ".join(span)) for harmless, span in spans)


def _span(text: str) -> str:
    """A code span, with the mark that ends its part of a sentence behind it: whoever copies the value gets no more."""
    marked = _MARKED.fullmatch(text)
    return code(marked[1]) + marked[2] if marked else code(text)


def code(text: str) -> str:
    """Foreign text as a code span; "" stays empty."""
    line = _line(text)
    return f"`{line.translate(_INSTEAD)}`" if line else ""


def sentence(text: str) -> str:
    """Foreign text within a line whose own backticks mark code: `up` puts it back."""
    parts = [words(part) if index % 2 == 0 else code(part) for index, part in enumerate(_line(text).split("`"))]
    return " ".join(part for part in parts if part)


def block(text: str, longest: int) -> str:
    """Foreign text of several lines as a fenced block that it cannot end."""
    # No longer fence instead: parsers keep its length in a byte.
    kept = "\n".join(_printable(line) for line in text[:longest].replace("```", "'''").splitlines())
    return f"```\n{kept}\n```"


def _line(text: str) -> str:
    line = " ".join(_printable(text[:_READ]).split())
    return line if len(line) <= LONGEST and len(text) <= _READ else f"{line[:LONGEST]}…"


def _printable(text: str) -> str:
    """Without what is invisible or turns the direction of the text: it could make one value look like another."""
    if text.isprintable():  # none of it, and no space but the plain one
        return text
    return "".join(
        " " if letter.isspace() else "�" if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") else letter
        for letter in text
    )
