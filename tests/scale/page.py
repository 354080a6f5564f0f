"""docs/benchmarks/scale.*: figures as JSON, a plot of each figure's growth, and the tables between the page's marks."""

import json
from pathlib import Path
from typing import Final

from bench.plot import plot
from tests.scale.figures import (
    MOST_MEBIBYTES,
    MOST_MILLISECONDS,
    MOST_PERCENT_OF_A_CORE,
    AtOnce,
    Growth,
    at_once_table,
    document,
    growth_table,
    lines,
    read,
)

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
PLOTS: Final = (
    ("mebibytes", "The registrar's memory at most", "MiB", MOST_MEBIBYTES),
    ("percent_of_a_core", "The registrar's CPU", "% of a core", MOST_PERCENT_OF_A_CORE),
    ("p99_milliseconds", "Questions about the queue: 99 of 100 are answered within", "ms", MOST_MILLISECONDS),
)


class Page:
    """What is known so far, on disk after every row."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read()

    def _read(self) -> None:
        file = self._folder / "scale.json"
        self._growth, self._at_once = read(json.loads(file.read_text())) if file.exists() else ([], [])

    def take(self, row: Growth | AtOnce) -> None:
        """A row in the place of an older one of its forge and size; what others have written meanwhile stays."""
        self._read()
        if isinstance(row, Growth):
            kept = [it for it in self._growth if (it.forge, it.runners) != (row.forge, row.runners)]
            self._growth = sorted([*kept, row], key=lambda it: (it.forge, it.runners))
        else:
            others = [it for it in self._at_once if (it.forge, it.pods) != (row.forge, row.pods)]
            self._at_once = sorted([*others, row], key=lambda it: (it.forge, it.pods))
        self._write()

    def _write(self) -> None:
        text = json.dumps(document(self._growth, self._at_once), indent=1)
        (self._folder / "scale.json").write_text(text + "\n")
        most = max((row.runners for row in self._growth), default=0)
        if most:
            for name, title, unit, goal in PLOTS:
                svg = plot(title, lines(self._growth, name), {most: goal}, sizes="runners", unit=unit)
                (self._folder / f"scale-{name.replace('_', '-')}.svg").write_text(svg)
        page = self._folder / "scale.md"
        if page.exists():
            told = between(page.read_text(), "growth", growth_table(self._growth))
            page.write_text(between(told, "at once", at_once_table(self._at_once)))


def between(page: str, mark: str, text: str) -> str:
    """The page with this text between `<!-- MARK -->` and `<!-- end of MARK -->`. Raises ValueError without them."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{head}{begin}\n\n{text}\n\n{end}{tail}"
