"""docs/reliability.md, from the list of results and nothing else."""

from collections.abc import Sequence
from typing import Final

from lab import paths
from lab.faults.result import TRIED, Result

PAGE = paths.REPOSITORY / "docs" / "reliability.md"

HEAD: Final = """# What goes wrong, and what is lost

`make faults` writes this page and [reliability.json](reliability.json): each fault is brought about on the lab (a real
Kubernetes, Gitea with its own runner, S3), one after another, and judged by the conclusions that the forge has of its
jobs and by what the API server shows. `python -m lab.faults --only NAME …` runs some of them again and keeps the other
lines.

*Recovery* is counted from the moment at which the fault was over (or had struck, where it is a single blow) until every
pool had its runners online again and, where a job's end fell into the fault, the forge had its conclusion. A job is
*lost* if the forge has no conclusion of it, or another than it came to. *By contract*: cannot be brought about here,
and the file that is named holds us to what is documented ([not-tried.md](not-tried.md)).
"""


def summary(results: Sequence[Result]) -> str:
    """One line about all of them."""
    tried = [result for result in results if result.proof == TRIED]
    losing = [result for result in tried if result.jobs_lost]
    recoveries = sorted(result.recovery_s for result in tried if result.recovery_s is not None)
    middle = (
        f", recovery {recoveries[len(recoveries) // 2]:.1f} s in the middle, {recoveries[-1]:.1f} s at most"
        if recoveries
        else ""
    )
    lost = sum(result.jobs_lost for result in losing)
    by_whom = f" ({', '.join(f'`{result.fault}`' for result in losing)})" if losing else ""
    return (
        f"{len(results)} faults, {len(tried)} of them tried{middle}; "
        f"jobs lost: {lost}, by {len(losing)} of the faults{by_whom}."
    )


def page(results: Sequence[Result], order: Sequence[str]) -> str:
    """The page's text; of the faults in `order` it names those that have no result."""
    rows = [
        f"| `{result.fault}` | {_cell(result.injected)} | {_cell(result.observed)} | {_seconds(result.recovery_s)} "
        f"| {result.jobs_lost} | {result.proof} |"
        for result in results
    ]
    head = "| fault | injected | observed | recovery, s | jobs lost | proof |\n|---|---|---|---|---|---|"
    return "\n".join([f"{HEAD}\n**{summary(results)}**\n", head, *rows, *_left(results, order)]) + "\n"


def _left(results: Sequence[Result], order: Sequence[str]) -> list[str]:
    known = {result.fault for result in results}
    left = [f"`{name}`" for name in order if name not in known]
    if not left:
        return []
    return [
        "",
        f"Written and not yet tried, {len(left)} (`python -m lab.faults --missing` tries them): {', '.join(left)}.",
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
