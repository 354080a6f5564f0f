"""Kubernetes quantities: `1000m` and `1` are one number (k8s.io/apimachinery/pkg/api/resource, Quantity)."""

import re
from decimal import Decimal
from typing import Final

_TEXT: Final = re.compile(r"([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:[eE]([+-]?\d{1,2})|(m|u|n|[kMGTPE]i?|Ki)?)")
_SUFFIXES: Final = {
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")) if power
    },
    **{suffix: Decimal(10) ** (-3 * power) for power, suffix in ((1, "m"), (2, "u"), (3, "n"))},
}


def quantity(value: object) -> Decimal | None:
    """The number of a quantity, None for what is none."""
    match = (
        _TEXT.fullmatch(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    )
    if match is None or (match[3] or "") not in _SUFFIXES:
        return None
    number = Decimal(match[1])
    return number.scaleb(int(match[2])) if match[2] else number * _SUFFIXES[match[3] or ""]
