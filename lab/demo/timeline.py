"""The demo's timeline: one line per event, and the table at its end. Pure text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SOURCE_WIDTH = 9


@dataclass(frozen=True)
class Event:
    """Something that happened. `at` is in seconds since the epoch, `source` says where, in one word."""

    at: float
    source: str
    text: str


@dataclass(frozen=True)
class Milestone:
    """A row of the closing table: the name of a mark, and what it means to the reader."""

    mark: str
    meaning: str


MILESTONES = (
    Milestone("pushed", "git push"),
    Milestone("deploy started", "job 1 (deploy) started on the base runner"),
    Milestone("runner online", "GPU runner online"),
    Milestone("train started", "job 2 (train) started on the GPU runner"),
    Milestone("training", "first training step"),
    Milestone("trained", "job 2 done, result in the remote"),
    Milestone("done", "GPU released, run done"),
)


def line(event: Event, start: float) -> str:
    """An event as the reader sees it; its time counts from the start of the demo."""
    return f"{event.at - start:7.1f} s  {event.source:<{SOURCE_WIDTH}}  {event.text}"


def table(marks: Mapping[str, float], milestones: Sequence[Milestone] = MILESTONES) -> str:
    """Seconds from the push to each milestone, and from one to the next. A milestone never reached has a dash."""
    rows = [("", "since push", "step")]
    pushed, before = marks.get("pushed"), marks.get("pushed")
    for milestone in milestones:
        at = marks.get(milestone.mark)
        if at is None or pushed is None or before is None:
            rows.append((milestone.meaning, "-", "-"))
            continue
        rows.append((milestone.meaning, f"{at - pushed:.1f} s", f"{at - before:.1f} s"))
        before = at
    width = max(len(meaning) for meaning, _, _ in rows)
    return "\n".join(f"{meaning:<{width}}  {since:>10}  {step:>8}".rstrip() for meaning, since, step in rows)
