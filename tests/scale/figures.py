"""What was measured, what was wished for, and the tables and plots that tell both. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench.plot import Point

MOST_MEBIBYTES: Final = 150e6 / 2**20
MOST_PERCENT_OF_A_CORE: Final = 5.0
MOST_MILLISECONDS: Final = 50.0
PART_OF_BUDGET: Final = 1 / 3
HOUR: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A registrar at one forge with so many runners, over `seconds`. Requests are those of an hour at that pace.

    percent_starved: of the time, for which it was ready to go on and had no core. spent_an_hour: requests that count
    against the forge's hour; budget: of these an hour allows, None where there is no such limit. by_verb: what was
    asked, an hour.
    """

    forge: str
    runners: int
    seconds: float
    percent_of_a_core: float
    percent_starved: float
    mebibytes: float
    asked_an_hour: float
    spent_an_hour: float
    budget: int | None
    turned_away: int
    questions: int
    failed: int
    p50_milliseconds: float
    p99_milliseconds: float
    jobs_begun: int
    jobs_ended: int
    by_verb: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[str, ...]:
        """Which goals it does not meet."""
        checks = (
            ("memory", self.mebibytes <= MOST_MEBIBYTES),
            ("CPU", self.percent_of_a_core <= MOST_PERCENT_OF_A_CORE),
            ("requests", self.budget is None or self.spent_an_hour <= self.budget * PART_OF_BUDGET),
            ("refused by the forge", not self.turned_away),
            ("queue", self.p99_milliseconds <= MOST_MILLISECONDS),
            ("queue not answered", not self.failed),
        )
        return tuple(name for name, is_met in checks if not is_met)


@dataclass(frozen=True, kw_only=True)
class AtOnce:
    """So many pods that started together: when the first, the median and the last were served and were Ready."""

    forge: str
    pods: int
    served_s: tuple[float, float, float]
    ready_s: tuple[float, float, float]
    tries: int
    hung_up: int
    cut_off: int
    for_nobody: int
    turned_away: int
    asked: int
    spent: int
    budget: int | None
    most_points_a_minute: int | None
    percent_of_a_core: float
    mebibytes: float


def percentile(samples: Sequence[float], part: float) -> float:
    """The least sample below or at which that part of all of them lies. Raises ValueError without any."""
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def three(samples: Sequence[float]) -> tuple[float, float, float]:
    """First, median and last."""
    return (min(samples), percentile(samples, 0.5), max(samples))


def requests_by_verb(metrics: str) -> dict[str, float]:
    """The registrar's own count of what it asked the forge, by verb and status, out of what Prometheus reads."""
    counts: dict[str, float] = {}
    for line in metrics.splitlines():
        if line.startswith("gpu_runners_forge_requests_total{"):
            labels, _, value = line.rpartition(" ")
            verb, status = (labels.partition(f'{name}="')[2].partition('"')[0] for name in ("verb", "status"))
            counts[f"{verb} {status}"] = float(value)
    return counts


def an_hour(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """What was counted in between, as of an hour, the most first."""
    grown = {verb: (after[verb] - before.get(verb, 0.0)) * HOUR / seconds for verb in after}
    return {verb: round(number) for verb, number in sorted(grown.items(), key=lambda it: -it[1]) if number}


def growth_table(rows: Sequence[Growth]) -> str:
    """Markdown."""
    head = (
        "forge", "runners", "MiB at most", "% of a core", "% without one", "requests an hour",
        "of these against the budget", "a third of the budget", "`/queue` p50 ms", "p99 ms", "goals missed",
    )  # fmt: skip
    lines = [
        (
            row.forge, f"{row.runners:,}", f"{row.mebibytes:.0f}", f"{row.percent_of_a_core:.1f}",
            f"{row.percent_starved:.1f}", f"{row.asked_an_hour:,.0f}",
            "—" if row.budget is None else f"{row.spent_an_hour:,.0f}",
            "—" if row.budget is None else f"{row.budget * PART_OF_BUDGET:,.0f}", f"{row.p50_milliseconds:.1f}",
            f"{row.p99_milliseconds:.1f}", ", ".join(row.missed) or "none",
        )
        for row in rows
    ]  # fmt: skip
    return _table(head, lines)


def at_once_table(rows: Sequence[AtOnce]) -> str:
    """Markdown."""
    head = ("forge", "pods", "served: first, median, last s", "Ready: first, median, last s", "tries",
            "hung up or cut off", "for nobody", "refused by the forge", "requests", "against the hour's budget",
            "points in a minute at most", "% of a core", "MiB at most")  # fmt: skip
    lines = [
        (
            row.forge, f"{row.pods:,}", _seconds(row.served_s), _seconds(row.ready_s), f"{row.tries:,}",
            f"{row.hung_up + row.cut_off:,}", f"{row.for_nobody}", f"{row.turned_away}", f"{row.asked:,}",
            "—" if row.budget is None else f"{row.spent:,} of {row.budget:,}",
            "—" if row.most_points_a_minute is None else f"{row.most_points_a_minute} of 900",
            f"{row.percent_of_a_core:.1f}", f"{row.mebibytes:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    return _table(head, lines)


def lines(rows: Sequence[Growth], name: str) -> dict[str, list[Point]]:
    """One figure of each forge over the number of runners, for a plot."""
    series: dict[str, list[Point]] = {}
    for row in sorted(rows, key=lambda it: it.runners):
        value = float(getattr(row, name))
        series.setdefault(row.forge, []).append(Point(row.runners, value, value, value))
    return series


def document(growth: Sequence[Growth], at_once: Sequence[AtOnce]) -> dict[str, Any]:
    """Everything as JSON has it; `read` is its inverse."""
    return {"growth": [asdict(row) for row in growth], "at_once": [asdict(row) for row in at_once]}


def read(text: Mapping[str, Any]) -> tuple[list[Growth], list[AtOnce]]:
    """Rows out of such a document."""
    rows = [
        AtOnce(**{**row, "served_s": tuple(row["served_s"]), "ready_s": tuple(row["ready_s"])})
        for row in text["at_once"]
    ]
    return [Growth(**row) for row in text["growth"]], rows


def _seconds(three_of_them: tuple[float, float, float]) -> str:
    return ", ".join(f"{seconds:.0f}" for seconds in three_of_them)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
