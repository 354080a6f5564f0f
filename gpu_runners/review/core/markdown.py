"""A review as Markdown for a comment, an issue or a job summary: the verdict first, never too long, and as JSON."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeVar

from gpu_runners.review.core.findings import Capacity, Change, Drift, Kind, Review, Violation
from gpu_runners.review.core.foreign_text import block, code, words
from gpu_runners.review.core.pending import summary

LIMIT_BYTES: Final = 60_000
LONGEST_FAILURE: Final = 3_000
_ROWS: Final = (400, 100, 40, 15, 5)
_MARKS: Final = {"create": "🆕", "update": "✏️", "replace": "♻️", "delete": "🗑️"}

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]|--+(?=>)")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ")

T = TypeVar("T")


def marker(stack: str) -> str:
    """The invisible first line by which the one comment of a stack is found again."""
    return f"<!-- gpu-runners-review {_NOT_IN_A_NAME.sub('_', stack)} -->"


def markdown(review: Review) -> str:
    """At most LIMIT_BYTES long; what was cut is counted."""
    for rows in _ROWS:
        text = _render(review, rows)
        if len(text.encode()) <= LIMIT_BYTES:
            return text
    return text.encode()[: LIMIT_BYTES - 100].decode(errors="ignore") + "\n\n… cut here; the JSON report has it all.\n"


def document(review: Review) -> dict[str, Any]:
    """The review for machines: the same safe texts, nothing cut."""
    found = asdict(review)
    for drift in found["drift"]:
        drift["kind"] = drift["kind"].value
        for name in ("target", "path", "runner"):
            del drift[name]
    return {"verdict": verdict(review), "exit_code": review.exit_code, **found}


def verdict(review: Review, name: Callable[[str], str] = str) -> str:
    """One line that says it all; `name` writes what others have named."""
    stack = name(review.stack)
    parts = [f"drift in {len(review.drift)} place{'s' if len(review.drift) > 1 else ''}"] if review.drift else []
    if review.changes:
        parts.append(summary(review.changes))
    mandatory = sum(one.level == "mandatory" for one in review.violations)
    if review.violations:
        count = len(review.violations)
        parts.append(f"{count} policy violation{'s' if count > 1 else ''}, {mandatory} mandatory")
    found = "; ".join(parts)
    if review.failure:
        return f"❌ {stack}: the program cannot be previewed" + (f"; {found}" if found else "")
    if review.unread:
        return f"❔ {stack}: unknown, as not everything could be read" + (f"; {found}" if found else "")
    if found:
        return f"{'🛑' if mandatory else '⚠️' if review.drift else '📝'} {stack}: {found}"
    blind = f" (not looked at: {', '.join(map(name, review.left_out))})" if review.left_out else ""
    return f"✅ {stack}: nothing to change, no drift{blind}"


def _render(review: Review, rows: int) -> str:
    sections = [
        marker(review.stack),
        f"### {verdict(review, words)}",
        "\n".join(f"- {_capacity(one, review.currency)}" for one in review.capacity[:rows]),
        _failure(review),
        _list("Could not be read, so nothing is said about it", review.unread, rows),
        _violations(review.violations, rows),
        _drift(review.drift, rows),
        _changes(review.changes, rows),
        "\n".join(f"_{words(note)}_" for note in review.notes[:rows]),
        f"Not looked at, as asked: {', '.join(map(words, review.left_out))}." if review.left_out else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _capacity(one: Capacity, currency: str) -> str:
    difference = one.after - one.before
    if not one.device:
        return f"**{words(one.pool)}**: {one.runners_before} → {one.runners_after} runners"
    text = f"**{words(one.pool)}**: {one.before} → {one.after} GPUs, {difference:+d} × {words(one.device)}"
    if one.price is None:
        return text
    return f"{text}; est. {'+' if difference >= 0 else '-'}{currency}{abs(difference) * one.price:,.0f}/month"


def _failure(review: Review) -> str:
    if not review.failure:
        return ""
    return block(review.failure, LONGEST_FAILURE)


def _changes(changes: Sequence[Change], rows: int) -> str:
    def row(one: Change) -> str:
        what = f"{_MARKS.get(one.operation, '')} {words(one.resource)}"
        return f"| {what} | {code(one.field)} | {code(one.before)} → {code(one.after)} |" if one.field else (
            f"| {what} | {one.operation} | |"
        )  # fmt: skip

    return _table("Pending changes", "| what | field | from → to |\n|---|---|---|", changes, row, rows, is_open=True)


def _drift(drift: Sequence[Drift], rows: int) -> str:
    # The object stands in its first row only: on a phone, what differs matters more than where.
    firsts = {
        id(one) for one, before in zip(drift, (None, *drift), strict=False) if not before or before.what != one.what
    }

    def row(one: Drift) -> str:
        what = " ".join(
            part for part in (f"**{words(one.what)}**" if id(one) in firsts else "", code(one.field)) if part
        )
        values = f"{code(one.live)}, declared {code(one.declared)}" if one.declared != "-" else code(one.live)
        if one.kind is Kind.ADDED or (one.kind is Kind.CHANGED and one.declared == "-"):
            values = f"added: {code(one.live)}"
        elif one.kind is Kind.UNDECLARED:
            values = "exists, no stack declares it"
        return f"| {what} | {values} | {_who(one)} |"

    table = _table("Drift", "| what | live | who, when |\n|---|---|---|", drift, row, rows, is_open=True)
    return f"{table}\n\n{_cures(drift)}" if table else ""


def _cures(drift: Sequence[Drift]) -> str:
    """What `up` would do, said once for all rows that share it."""
    groups: dict[str, list[str]] = {}
    for one in drift:
        groups.setdefault(one.up, []).append(_last(one.field) or one.what)
    lines = []
    for up, fields in groups.items():
        names = ", ".join(code(name) for name in list(dict.fromkeys(fields))[:8])
        lines.append(f"- {names}{' …' if len(set(fields)) > 8 else ''}: {up}")
    return (
        "<details><summary>What <code>up</code> would do about it</summary>\n\n" + "\n".join(lines) + "\n\n</details>"
    )


def _who(one: Drift) -> str:
    time = _TIME.fullmatch(one.when)
    when = f"{time[1]} {time[2]} UTC" if time else one.when
    return words(one.who) if when == "unknown" and one.who.startswith("unknown") else (
        f"{words(one.who)}<br>{words(when)}"
    )  # fmt: skip


def _last(field: str) -> str:
    """The end of a field's path: `replicas`, `env[HOME]`, `pod-security.kubernetes.io/enforce`."""
    if field.endswith('"]'):
        return field.rpartition('["')[2].removesuffix('"]')
    return field.rpartition(".")[2]


def _violations(violations: Sequence[Violation], rows: int) -> str:
    def row(one: Violation) -> str:
        mark = "🛑" if one.level == "mandatory" else "⚠️"
        return f"| {mark} {words(one.policy)} | {words(one.resource)} | {words(one.message)} |"

    return _table("Policy", "| rule | resource | why |\n|---|---|---|", violations, row, rows, is_open=True)


def _list(title: str, lines: Sequence[str], rows: int) -> str:
    if not lines:
        return ""
    shown = "\n".join(f"- {words(line)}" for line in lines[:rows])
    return f"**{title}**\n{shown}{_rest(len(lines), rows)}"


def _table(title: str, head: str, found: Sequence[T], row: Callable[[T], str], rows: int, *, is_open: bool) -> str:
    """A foldable section, open unless it is long."""
    if not found:
        return ""
    lines = "\n".join(row(one) for one in found[:rows])
    is_open = is_open and len(found) <= 20
    start = f"<details{' open' if is_open else ''}><summary><b>{title}</b> ({len(found)})</summary>"
    return f"{start}\n\n{head}\n{lines}{_rest(len(found), rows)}\n\n</details>"


def _rest(count: int, rows: int) -> str:
    return (
        f"\n\n… and {count - rows} more, cut to keep this readable; the JSON report has them all."
        if count > rows
        else ""
    )
