"""Makes data/digits.csv: drawn digits, shifted and with noise. The same bytes on every machine.

The file is too large for git, so DVC tracks it; whoever sets up an empty remote runs this once and then `dvc push`.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import digits

PER_DIGIT = 90
SEED = 1998
SHAPES = (
    "..###... .#...#.. .#...#.. .#...#.. .#...#.. .#...#.. ..###... ........",
    "...#.... ..##.... .#.#.... ...#.... ...#.... ...#.... .#####.. ........",
    "..###... .#...#.. .....#.. ....#... ...#.... ..#..... .#####.. ........",
    "..###... .#...#.. .....#.. ...##... .....#.. .#...#.. ..###... ........",
    "....#... ...##... ..#.#... .#..#... .#####.. ....#... ....#... ........",
    ".#####.. .#...... .####... .....#.. .....#.. .#...#.. ..###... ........",
    "...##... ..#..... .#...... .####... .#...#.. .#...#.. ..###... ........",
    ".#####.. .....#.. ....#... ...#.... ..#..... ..#..... ..#..... ........",
    "..###... .#...#.. .#...#.. ..###... .#...#.. .#...#.. ..###... ........",
    "..###... .#...#.. .#...#.. ..####.. .....#.. ....#... ..##.... ........",
)


def drawn(label: int, chance: random.Random) -> digits.Sample:
    """One digit, moved by up to one pixel, with a pen of varying strength on a noisy ground."""
    rows = SHAPES[label].split()
    # random() and int() only: other methods may give other numbers in another version of Python
    down, right = int(chance.random() * 2), int(chance.random() * 3) - 1
    pixels = []
    for position in range(digits.PIXELS):
        row, column = position // digits.SIDE - down, position % digits.SIDE - right
        inside = 0 <= row < digits.SIDE and 0 <= column < digits.SIDE
        ink = inside and rows[row][column] == "#" and chance.random() > 0.1
        pixels.append(float(int(7 + chance.random() * 10) if ink else int(chance.random() * 4)))
    return digits.Sample(label, tuple(pixels))


def main(target: Path) -> None:
    """Writes all samples, digit by digit in turn."""
    chance = random.Random(SEED)
    digits.write(target, (drawn(number % digits.CLASSES, chance) for number in range(PER_DIGIT * digits.CLASSES)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("data/digits.csv"))
