"""A plot as an SVG: one line a series, seconds over a number of pools. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.svg import COLOURS, INK, text

WIDTH: Final = 640
HEIGHT: Final = 360
LEFT: Final = 48
RIGHT: Final = 150
TOP: Final = 32
BOTTOM: Final = 44
TICKS: Final = 5


@dataclass(frozen=True)
class Point:
    """One size: the median, and the least and the most of its samples."""

    size: int
    median: float
    least: float
    most: float


def plot(
    title: str,
    series: Mapping[str, Sequence[Point]],
    goals: Mapping[int, float],
    *,
    sizes: str = "pools",
    unit: str = "s",
) -> str:
    """The SVG's text. `goals`: the most that a size may take, drawn as crosses. `sizes`: what they are numbers of."""
    points = [point for line in series.values() for point in line]
    width, height = max(point.size for point in points), max([point.most for point in points] + list(goals.values()))
    top = _round_up(height)

    def at(size: float, seconds: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * size / width
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seconds / top

    parts = [text(LEFT, 18, title, size=14)]
    for tick in range(TICKS + 1):
        seconds = top * tick / TICKS
        x, y = at(0, seconds)
        parts.append(f'<path d="M{x:.0f} {y:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity=".3"/>')
        parts.append(text(x - 8, y + 4, f"{seconds:g}", anchor="end"))
    for size in sorted({point.size for point in points}):
        parts.append(text(at(size, 0)[0], HEIGHT - BOTTOM + 18, str(size), anchor="middle"))
    parts.append(text(at(width / 2, 0)[0], HEIGHT - 8, sizes, anchor="middle"))
    parts.append(text(8, TOP - 4, unit))
    for (name, line), colour in zip(series.items(), COLOURS, strict=False):
        parts += _line(name, [(at(p.size, p.median), at(p.size, p.least), at(p.size, p.most)) for p in line], colour)
    for size, seconds in goals.items():
        x, y = at(size, seconds)
        parts.append(f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10" stroke="{INK}" stroke-width="2"/>')
    if goals:
        parts.append(text(WIDTH - RIGHT + 8, HEIGHT - BOTTOM, "× at most"))  # noqa: RUF001 - as it is drawn
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, *parts, "</svg>\n"])


def _line(name: str, places: Sequence[tuple[tuple[float, float], ...]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for (x, y), _, _ in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for (x, y), (_, low), (_, high) in places:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}"/>')
    (x, y), _, _ = places[-1]
    return [*parts, text(x + 8, y + 4, name, colour=colour)]


def _round_up(seconds: float) -> float:
    """The next number that divides into ticks of whole or half seconds."""
    step = TICKS / 2
    return step * (int(seconds / step) + 1)
