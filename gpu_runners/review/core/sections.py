"""The parts of a review's Markdown: a table or a list for each thing that a review can find.

Nothing that others have written goes into it as it is.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gpu_runners.review.core.findings import Capacity, Change, Drift, Kind, Violation
from gpu_runners.review.core.foreign_text import block, code, sentence, words
from values.secrecy import HIDDEN

LONGEST_FAILURE: Final = 3_000
_SHORTEST_FAILURE: Final = 300
_ROW: Final = 30
_MARKS: Final = {"create": "🆕", "update": "✏️", "replace": "♻️", "delete": "🗑️"}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ")

T = TypeVar("T")


def capacity_line(pool: Capacity, currency: str) -> str:
    """What becomes of one pool's devices, and what that costs."""
    difference = pool.after - pool.before
    if not pool.device:
        return f"**{words(pool.pool)}**: {pool.runners_before} → {pool.runners_after} runners"
    text = f"**{words(pool.pool)}**: {pool.before} → {pool.after} GPUs, {difference:+d} × {words(pool.device)}"
    if pool.price is None:
        return text
    return f"{text}; est. {money(difference * pool.price, currency)}/month"


def money(amount: float, currency: str) -> str:
    """`+$876`. A currency is three letters or a sign."""
    return f"{'-' if amount < 0 else '+'}{currency}{abs(amount):,.0f}"


def failure_block(failure: str, rows: int) -> str:
    """Why the program cannot be previewed; "" if it can. It is as long as so many rows of a table may be."""
    longest = min(LONGEST_FAILURE, max(rows * _ROW, _SHORTEST_FAILURE))
    cut = "\n…" if len(failure) > longest else ""
    return block(f"{failure[:longest]}{cut}", longest + len(cut)) if failure else ""


def changes_table(changes: Sequence[Change], rows: int) -> str:
    """What the program would change."""

    def row(change: Change) -> str:
        what = f"{_MARKS.get(change.operation, '')} {words(change.resource)}"
        if not change.field:
            return f"| {what} | {words(change.operation)} | |"
        values = f"{code(change.before)} → {code(change.after)}"
        if change.before == change.after:  # the field differs, so what is shown of it does not
            values = "changed, not shown" if change.before == HIDDEN else f"changed within {code(change.after)}"
        return f"| {what} | {code(change.field)} | {values} |"

    return _table("Pending changes", "| what | field | from → to |\n|---|---|---|", changes, row, rows)


def drift_table(drift: Sequence[Drift], rows: int, title: str = "Drift") -> str:
    """How the cluster differs from the state, and what `up` would do about it."""
    # The object stands in its first row only: on a phone, what differs matters more than where.
    firsts = {
        id(difference)
        for difference, before in zip(drift, (None, *drift), strict=False)
        if not before or before.what != difference.what
    }

    def row(difference: Drift) -> str:
        name = f"**{words(difference.what)}**" if id(difference) in firsts else ""
        what = " ".join(part for part in (name, code(difference.field)) if part)
        return f"| {what} | {_values(difference)} | {_who(difference)} |"

    table = _table(title, "| what | live | who, when |\n|---|---|---|", drift, row, rows)
    return f"{table}\n\n{_cures(drift)}" if table else ""


def _values(difference: Drift) -> str:
    live = code(difference.live)
    if difference.kind is Kind.UNDECLARED:
        return "exists, no stack declares it"
    if difference.kind is Kind.ADDED or (difference.kind is Kind.CHANGED and difference.declared == "-"):
        return f"added: {live}"
    return f"{live}, declared {code(difference.declared)}" if difference.declared != "-" else live


def _cures(drift: Sequence[Drift]) -> str:
    """What `up` would do, said once for all rows that share it."""
    groups: dict[str, list[str]] = {}
    for difference in drift:
        groups.setdefault(difference.up, []).append(_last(difference.field) or difference.what)
    lines = []
    for up, fields in list(groups.items())[:20]:
        names = ", ".join(code(name) for name in list(dict.fromkeys(fields))[:8])
        lines.append(f"- {names}{' …' if len(set(fields)) > 8 else ''}: {sentence(up)}")
    return (
        "<details><summary>What <code>up</code> would do about it</summary>\n\n" + "\n".join(lines) + "\n\n</details>"
    )


def _who(difference: Drift) -> str:
    time = _TIME.fullmatch(difference.when)
    when = f"{time[1]} {time[2]} UTC" if time else words(difference.when)
    if difference.when == "unknown" and difference.who.startswith("unknown"):
        return words(difference.who)
    return f"{words(difference.who)}<br>{when}"


def _last(field: str) -> str:
    """The end of a field's path: `replicas`, `env[HOME]`, `pod-security.kubernetes.io/enforce`."""
    if field.endswith('"]'):
        return field.rpartition('["')[2].removesuffix('"]')
    return field.rpartition(".")[2]


def policy_table(violations: Sequence[Violation], rows: int) -> str:
    """The rules that the program breaks."""

    def row(violation: Violation) -> str:
        mark = "🛑" if violation.level == "mandatory" else "⚠️"
        return f"| {mark} {words(violation.policy)} | {words(violation.resource)} | {words(violation.message)} |"

    return _table("Policy", "| rule | resource | why |\n|---|---|---|", violations, row, rows)


def bullet_list(title: str, lines: Sequence[str], rows: int) -> str:
    """Lines in somebody else's words."""
    if not lines:
        return ""
    shown = "\n".join(f"- {words(line)}" for line in lines[:rows])
    return f"**{title}**\n{shown}{_rest(len(lines), rows)}"


def _table(title: str, head: str, entries: Sequence[T], row: Callable[[T], str], rows: int) -> str:
    """A foldable section, open unless it is long."""
    if not entries:
        return ""
    lines = "\n".join(row(entry) for entry in entries[:rows])
    start = f"<details{' open' if len(entries) <= 20 else ''}><summary><b>{title}</b> ({len(entries)})</summary>"
    return f"{start}\n\n{head}\n{lines}{_rest(len(entries), rows)}\n\n</details>"


def _rest(count: int, rows: int) -> str:
    return (
        f"\n\n… and {count - rows} more, cut to keep this readable; the JSON report has them all."
        if count > rows
        else ""
    )
