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


# Everything that comes after what started the run, which is a mark of this name.
START = "run started"
MILESTONES = (
    Milestone("deploy started", "job 1 (deploy) started on the base runner"),
    Milestone("pod created", "pulumi up makes the GPU runner's pod"),
    Milestone("runner online", "GPU runner online"),
    Milestone("deploy done", "job 1 done"),
    Milestone("train started", "job 2 (train) started on the GPU runner"),
    Milestone("data pulled", "data pulled, training begins"),
    Milestone("training", "first training step"),
    Milestone("trained", "job 2 done, result in the remote"),
    Milestone("done", "GPU released, run done"),
)
# The same where nobody deploys and nobody releases.
QUEUE_MILESTONES = (
    Milestone("pod created", "first pod of the pool at zero created"),
    Milestone("runner online", "GPU runner online"),
    Milestone("train started", "first job started on a GPU runner"),
    Milestone("all started", "every job started, each on a runner of its own"),
    Milestone("training", "first training step"),
    Milestone("trained", "jobs done, results in the remote"),
    Milestone("done", "GPUs given back, the pool is at zero"),
)


def line(event: Event, start: float) -> str:
    """An event as the reader sees it; its time counts from the start of the demo."""
    return f"{event.at - start:7.1f} s  {event.source:<{SOURCE_WIDTH}}  {event.text}"


def table(marks: Mapping[str, float], trigger: tuple[str, str], milestones: Sequence[Milestone] = MILESTONES) -> str:
    """Seconds from the start of the run to each milestone, and from one to the next. One never reached has a dash.

    `trigger` is what started it: a noun, and what was done, e.g. push and `git push`.
    """
    noun, deed = trigger
    rows = [("", f"since {noun}", "step")]
    start, before = marks.get(START), marks.get(START)
    for milestone in (Milestone(START, deed), *milestones):
        at = marks.get(milestone.mark)
        if at is None or start is None or before is None:
            rows.append((milestone.meaning, "-", "-"))
            continue
        rows.append((milestone.meaning, f"{at - start:.1f} s", f"{at - before:.1f} s"))
        before = at
    width = max(len(meaning) for meaning, _, _ in rows)
    column = max(len(since) for _, since, _ in rows)
    return "\n".join(f"{meaning:<{width}}  {since:>{column}}  {step:>8}".rstrip() for meaning, since, step in rows)
