"""What can be seen of a text: a blank at its end or a letter without a width is how a word comes to be another word."""

import unicodedata
from typing import Final

# Control, format (zero-width letters, byte order marks) and separators, https://www.unicode.org/reports/tr44/ table 12.
_INVISIBLE: Final = ("Cc", "Cf", "Zl", "Zp")


def visible(text: str) -> str:
    """Without letters that nobody sees, and without blanks at either end."""
    return "".join(letter for letter in text if unicodedata.category(letter) not in _INVISIBLE).strip()
