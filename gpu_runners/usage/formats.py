"""Rows as a table, JSON or CSV. Pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Final

from gpu_runners.output import plain
from gpu_runners.usage.report import Row

COLUMNS: Final = tuple(field.name for field in fields(Row))
_HEAD: Final = (
    *("WEEK", "REPOSITORY", "WORKFLOW", "POOL", "JOBS", "QUEUED (MEDIAN)", "(MAX)", "GPU-H USED", "GPU-H IDLE"),
    "FAILURES",
)
_NONE: Final = "-"
# What a spreadsheet would run (owasp.org: CSV injection): whoever may push names things. Where lists are separated by
# semicolons it takes one for the end of a cell, in quotes or not, and it knows the signs in full width as well.
_FORMULA: Final = re.compile(r"(?P<begin>^|;)(?P<blanks>[\s\"]*)(?P<sign>[=+\-@\uff1d\uff0b\uff0d\uff20])")


def as_text(rows: Sequence[Row]) -> str:
    """A table for people."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 4 <= column <= 8 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.week, row.repository or _NONE, row.workflow or _NONE, row.pool, str(row.jobs),
        _time(row.queue_seconds_median), _time(row.queue_seconds_max), _hours(row.gpu_hours_used),
        _hours(row.gpu_hours_idle),
        _failures(row.failures) or _NONE,
    )  # fmt: skip


def _time(seconds: float | None) -> str:
    if seconds is None:
        return _NONE
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _hours(hours: float | None) -> str:
    return _NONE if hours is None else f"{hours:.2f}"


def _failures(failures: Mapping[str, int]) -> str:
    return " ".join(f"{reason}={number}" for reason, number in failures.items())


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects with the rows' names."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def as_csv(rows: Sequence[Row]) -> str:
    """A line for each row, below the names; failures as in the table. Empty is not known."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = {**asdict(row), "failures": _failures(row.failures)}
        writer.writerow([_safe(values[column]) for column in COLUMNS])
    return out.getvalue().rstrip("\n")


def _safe(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _FORMULA.sub(r"\g<begin>'\g<blanks>\g<sign>", plain(value))


FORMATS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {"text": as_text, "json": as_json, "csv": as_csv}
