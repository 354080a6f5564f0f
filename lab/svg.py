"""What every chart of ours is drawn with, as parts of an SVG. Pure; no library, as text is all that it is."""

from typing import Final
from xml.sax.saxutils import escape

COLOURS: Final = ("#0969da", "#bc4c00", "#1a7f37", "#8250df")  # readable on white and on black
INK: Final = "#768390"


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = INK) -> str:
    """Words at a place, in pixels."""
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
