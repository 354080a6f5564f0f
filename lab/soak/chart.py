"""docs/soak.svg: what the registrars used over the time, and what they did, with a tick for each strike. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lab.soak.judgement import lives
from lab.soak.record import Process, Record
from lab.soak.trend import Point
from lab.svg import COLOURS, INK, text

WIDTH: Final = 720
PANEL: Final = 170
LEFT: Final = 52
RIGHT: Final = 130
TOP: Final = 34
BOTTOM: Final = 26
TICKS: Final = 4
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Line:
    """A series; a process that was succeeded by another one is a line of its own in the same colour."""

    name: str
    colour: str
    points: Sequence[Point]


def chart(record: Record) -> str:
    """The SVG's text."""
    end = max(record.seconds / 60, 0.1)
    panels = [
        ("memory of the registrars, MiB", _of_processes(record, lambda process: process.kib / 1024)),
        ("their open descriptors", _of_processes(record, lambda process: process.descriptors)),
        ("registrations since the beginning", _of_samples(record)),
    ]
    parts = []
    for number, (title, lines) in enumerate(panels):
        parts += _panel(record, title, lines, end, number * PANEL)
    height = PANEL * len(panels) + 16
    parts.append(
        text(LEFT, height - 6, "minutes; a tick above each panel: a strike, longer where it ended a registrar")
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    return "\n".join([head, *parts, "</svg>\n"])


def _of_processes(record: Record, measure: Callable[[Process], float]) -> list[Line]:
    lines = []
    for side, colour in zip(record.sides, COLOURS, strict=False):
        for samples in lives(record.of(side)).values():
            lines.append(Line(side, colour, [(at / 60, measure(process)) for at, process in samples]))
    return lines


def _of_samples(record: Record) -> list[Line]:
    return [
        Line(side, colour, [(sample.at / 60, sample.registrations) for sample in record.of(side)])
        for side, colour in zip(record.sides, COLOURS, strict=False)
    ]


def _panel(record: Record, title: str, lines: Sequence[Line], end: float, top: int) -> list[str]:
    """One panel, `top` pixels from the top of the whole."""
    most = max((value for line in lines for _, value in line.points), default=1.0)
    step = _step(most)
    highest = step * TICKS
    last = max([end, *(at for line in lines for at, _ in line.points)])

    def place(at: float, value: float) -> Point:
        x = LEFT + (WIDTH - LEFT - RIGHT) * at / last
        return x, top + PANEL - BOTTOM - (PANEL - TOP - BOTTOM) * value / highest

    parts = [text(LEFT, top + 14, title, size=14)]
    for tick in range(TICKS + 1):
        y = place(0, step * tick)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity=".3"/>')
        parts.append(text(LEFT - 8, y + 4, f"{step * tick:g}", anchor="end"))
    for minute in range(0, int(last) + 1, max(1, round(last / 10))):
        parts.append(text(place(minute, 0)[0], top + PANEL - BOTTOM + 16, str(minute), anchor="middle"))
    for strike in record.strikes:
        x, long = place(strike.at / 60, 0)[0], 9 if strike.ends_registrar else 5
        parts.append(f'<path d="M{x:.1f} {top + TOP - long}v{long}" stroke="{INK}"/>')
    named: dict[str, float] = {}
    for line in lines:
        parts.append(_polyline(line, place))
        named[line.name] = place(*line.points[-1])[1]
    return parts + _names(lines, named)


def _names(lines: Sequence[Line], at: dict[str, float]) -> list[str]:
    """Each name once, beside the end of its last line and clear of the one above."""
    colours = {line.name: line.colour for line in lines}
    parts, last = [], float("-inf")
    for name, y in sorted(at.items(), key=lambda item: item[1]):
        last = max(y + 4, last + 14)
        parts.append(text(WIDTH - RIGHT + 8, last, name, colour=colours[name]))
    return parts


def _polyline(line: Line, place: Callable[[float, float], Point]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line.points))
    return f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.5"/>'


def _step(most: float) -> float:
    """The smallest round number of which the ticks reach so high."""
    power = 1.0
    while power * STEPS[-1] * TICKS < most:
        power *= 10
    return next(power * step for step in STEPS if power * step * TICKS >= most)
