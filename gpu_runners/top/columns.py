"""A table of text: columns as wide as their widest entry, numbers to the right. Pure."""

from collections.abc import Iterator, Sequence

GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines, the head's first. A column whose entries are all numbers is set to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_number = [all(entry.replace(".", "", 1).isdecimal() or entry in ("", "-") for entry in column[1:])
                 for column in columns]  # fmt: skip
    for row in (head, *rows):
        cells = (
            entry.rjust(width) if right and rows else entry.ljust(width)
            for entry, width, right in zip(row, widths, is_number, strict=True)
        )
        yield GAP.join(cells).rstrip()
