"""A review of one stack as Markdown, for an issue or a job's summary: the verdict first, never too long."""

import re
from collections.abc import Callable
from typing import Final

from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.foreign_text import words
from gpu_runners.review.core.pending import summary
from gpu_runners.review.core.sections import (
    bullet_list,
    capacity_line,
    changes_table,
    drift_table,
    failure_block,
    policy_table,
)

LIMIT_BYTES: Final = 60_000
ROWS: Final = (400, 100, 40, 15, 5, 1)  # tried one after the other until the text is short enough
CUT: Final = "\n\n… cut here; the JSON report has it all.\n"

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]|--+(?=>)")


def marker(stack: str) -> str:
    """The invisible first line by which the one issue of a stack is found again."""
    return f"<!-- gpu-runners-review {_NOT_IN_A_NAME.sub('_', stack)} -->"


def markdown(review: Review) -> str:
    """At most LIMIT_BYTES long; what was cut is counted."""
    return fitted(lambda rows: _render(review, rows))


def fitted(render: Callable[[int], str], limit: int = LIMIT_BYTES) -> str:
    """The longest of the renderings that is short enough; `render` is given how many rows a table may have."""
    text = ""
    for rows in ROWS:
        text = render(rows)
        if len(text.encode()) <= limit:
            return text
    return text.encode()[: limit - 100].decode(errors="ignore") + CUT


def verdict(review: Review, name: Callable[[str], str] = str) -> str:
    """One line that says it all; `name` writes what others have named."""
    stack = name(review.stack)
    parts = [f"drift in {places(len(review.drift))}"] if review.drift else []
    if review.changes:
        parts.append(summary(review.changes))
    mandatory = sum(violation.level == "mandatory" for violation in review.violations)
    if review.violations:
        count = len(review.violations)
        parts.append(f"{count} policy violation{'s' if count > 1 else ''}, {mandatory} mandatory")
    text = "; ".join(parts)
    if review.failure:
        return f"❌ {stack}: the program cannot be previewed" + (f"; {text}" if text else "")
    if review.unread:
        return f"❓ {stack}: unknown, as not everything could be read" + (f"; {text}" if text else "")
    if text:
        return f"{'🛑' if mandatory else '⚠️' if review.drift else '📝'} {stack}: {text}"
    blind = f" (not looked at: {', '.join(map(name, review.left_out))})" if review.left_out else ""
    return f"✅ {stack}: nothing to change, no drift{blind}"


def places(count: int) -> str:
    """`1 place`, `2 places`."""
    return f"{count} place{'' if count == 1 else 's'}"


def _render(review: Review, rows: int) -> str:
    sections = [
        marker(review.stack),
        f"### {verdict(review, words)}",
        "\n".join(f"- {capacity_line(pool, review.currency)}" for pool in review.capacity[:rows]),
        failure_block(review.failure, rows),
        bullet_list("Could not be read, so nothing is said about it", review.unread, rows),
        policy_table(review.violations, rows),
        drift_table(review.drift, rows),
        changes_table(review.changes, rows),
        "\n".join(f"_{words(note)}_" for note in review.notes[:rows]),
        f"Not looked at (as asked, or for want of a right): {', '.join(map(words, review.left_out))}."
        if review.left_out
        else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"
