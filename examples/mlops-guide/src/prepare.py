"""Stage `prepare`: scales the pixels to 0..1 and splits the samples into train and test."""

import random
from pathlib import Path

import digits
import params

SOURCE = Path("data/digits.csv")
TARGET = Path("data/prepared")


def scaled(sample: digits.Sample) -> digits.Sample:
    """The same picture with pixels from 0 to 1."""
    return digits.Sample(sample.label, tuple(pixel / digits.BRIGHTEST for pixel in sample.pixels))


def main() -> None:
    wanted = params.prepare()
    samples = [scaled(sample) for sample in digits.read(SOURCE)]
    random.Random(wanted["seed"]).shuffle(samples)
    cut = round(len(samples) * wanted["test_share"])
    digits.write(TARGET / "test.csv", samples[:cut])
    digits.write(TARGET / "train.csv", samples[cut:])
    print(f"prepare: {len(samples) - cut} samples to train on, {cut} to test with")


if __name__ == "__main__":
    main()
