"""Which drifts an issue tells of: written into it invisibly, so that the next look can say what is new. Pure."""

import hashlib
import re
from typing import Final

from gpu_runners.review.core.findings import Drift, Review
from gpu_runners.review.core.foreign_text import code, words

MOST_NAMED: Final = 20
MOST_KEPT: Final = 1_000
_LINE: Final = re.compile(r"^<!-- drifts((?: [0-9a-f]{12}){0,1000}) -->$", re.MULTILINE)


def drift_line(review: Review) -> str:
    """The invisible line. What a drift is goes into it, and neither its value, nor who, nor when."""
    return f"<!-- drifts{''.join(f' {key}' for key in sorted(map(_key, review.drift))[:MOST_KEPT])} -->"


def drift_news(review: Review, body: str) -> str:
    """What the issue's readers must hear of, as Markdown; "" where the set of drifts is the same as in its body."""
    line = _LINE.search(body)
    before = set(line[1].split()) if line else set()
    now = {_key(drift): drift for drift in review.drift}
    new = [drift for key, drift in now.items() if key not in before]
    gone = len(before - now.keys())
    # A look that could not see everything takes nothing for gone.
    if not new and (not gone or review.unread):
        return ""
    lines = [f"- {words(drift.what)} {code(drift.field)}".rstrip() for drift in new[:MOST_NAMED]]
    more = f"\n- … and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""
    parts = [f"**New drift** ({len(new)}):\n\n" + "\n".join(lines) + more if new else ""]
    parts.append(f"{gone} of the earlier drifts {'is' if gone == 1 else 'are'} gone." if gone else "")
    return "\n\n".join(part for part in parts if part)


def _key(drift: Drift) -> str:
    text = "\0".join((drift.kind.value, drift.what, drift.field))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]
