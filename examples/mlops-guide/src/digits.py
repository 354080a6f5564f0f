"""Samples of handwritten-like digits: 8 by 8 pixels with values 0 to 16, and their CSV files."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SIDE = 8
PIXELS = SIDE * SIDE
BRIGHTEST = 16
CLASSES = 10


@dataclass(frozen=True)
class Sample:
    """One picture, row by row, and the digit that it shows."""

    label: int
    pixels: tuple[float, ...]


def read(path: Path) -> list[Sample]:
    """Reads samples from a file that `write` made."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [Sample(int(label), tuple(float(pixel) for pixel in pixels)) for label, *pixels in rows]


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Writes samples with a header line; equal samples make equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["label", *(f"pixel{number}" for number in range(PIXELS))])
        rows.writerows([sample.label, *(f"{pixel:g}" for pixel in sample.pixels)] for sample in samples)
