"""Samples, their median and spread, and the table that tells them. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Something measured several times, in seconds."""

    what: str
    samples: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass(frozen=True)
class Duel:
    """The same work by two programs."""

    what: str
    ours: Figure
    theirs: Figure


def figure_row(figure: Figure) -> str:
    """A Markdown row: what, median, spread, number of samples."""
    return f"| {figure.what} | {figure.median:.2f} s | {_spread(figure)} | {len(figure.samples)} |"


def duel_row(duel: Duel) -> str:
    """A Markdown row: what, both medians with their spreads, and ours as a part of theirs."""
    ratio = duel.ours.median / duel.theirs.median
    sides = " | ".join(f"{side.median:.2f} s ({_spread(side)})" for side in (duel.ours, duel.theirs))
    return f"| {duel.what} | {sides} | {ratio:.2f} |"


def table(duels: Sequence[Duel], figures: Sequence[Figure]) -> str:
    """Everything as Markdown."""
    lines = []
    if duels:
        lines += [
            "| `pulumi up` until all are online | this program | flat program, provider's await | ratio |",
            "|---|---|---|---|",
            *map(duel_row, duels),
            "",
        ]
    if figures:
        lines += ["| what | median | spread | samples |", "|---|---|---|---|", *map(figure_row, figures)]
    return "\n".join(lines)


def _spread(figure: Figure) -> str:
    return f"{min(figure.samples):.2f}–{max(figure.samples):.2f}"  # noqa: RUF001 - a range
