"""The lines of `pulumi up` that say what changed. Pure."""

import re

_RESOURCE = re.compile(
    r"^\s*(?P<sign>[+~-]+|)\s*(?P<type>[\w.-]+:[\w./-]+:\w+)\s+(?P<name>\S+)\s+"
    r"(?P<verb>created|updated|deleted|replaced|creating failed|updating failed|deleting failed)"
    r"(?: \((?P<seconds>[\d.]+)s\))?"
)
_POOL = re.compile(r"\b(?P<pool>\S+: \d+ of \d+ online.*)$")

# From this line on Pulumi repeats what it has said before.
SUMMARY = "Diagnostics:"


def timeline_text(line: str) -> str | None:
    """What the timeline says of a line of output: a resource that changed, or a pool's progress; else None."""
    match = _RESOURCE.match(line)
    if match:
        kind = match["type"].rsplit(":", 1)[-1]
        seconds = f" ({match['seconds']} s)" if match["seconds"] else ""
        return f"{kind} {match['name']} {match['verb']}{seconds}"
    pool = _POOL.search(line)
    return pool["pool"].strip() if pool else None
