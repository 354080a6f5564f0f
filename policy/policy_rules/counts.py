"""Counts as the wire spells them."""

import re
from typing import Final

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY: Final = re.compile(
    r"\+?(?P<whole>\d{1,18})(?:\.(?P<part>\d{0,9}))?(?:[eE]\+?(?P<power>\d{1,2})|(?P<suffix>m|[kMGTPE]|[KMGTPE]i))?",
    re.ASCII,
)
_PREFIXES: Final = "KMGTPE"
_PERCENT: Final = re.compile(r"(\d{1,9})%", re.ASCII)


def whole(value: object) -> int | None:
    """A count from 0, however it is spelled (`2`, "2", 2.0, "1k"); None for anything else."""
    match = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    part, suffix = match["part"] or "", match["suffix"] or ""
    amount = int(match["whole"] + part) * 10 ** int(match["power"] or 0)
    divisor = 10 ** len(part)
    if suffix == "m":
        divisor *= 1000
    elif suffix:
        amount *= (1024 if suffix.endswith("i") else 1000) ** (1 + _PREFIXES.index(suffix[0].upper()))
    return None if amount % divisor else amount // divisor


def share(value: object, of: int) -> int | None:
    """A count, or a percentage of one rounded up (`maxSurge`); None for anything else."""
    match = _PERCENT.fullmatch(str(value))
    return -(-int(match[1]) * of // 100) if match else whole(value)
