"""What can be seen of a text: a blank at its end or a letter without a width is how a word comes to be another word."""

import unicodedata
from typing import Final

# Control, format (zero-width letters, byte order marks) and separators, https://www.unicode.org/reports/tr44/ table 12.
_INVISIBLE: Final = ("Cc", "Cf", "Zl", "Zp")


def visible(text: str) -> str:
    """Without letters that nobody sees, and without blanks at either end."""
    return "".join(letter for letter in text if unicodedata.category(letter) not in _INVISIBLE).strip()


def on_one_line(text: str) -> str:
    """With every letter written out that nobody sees, or that moves what is seen: an escape, a line's end."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
