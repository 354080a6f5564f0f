"""Softmax regression in plain Python: scores of a picture, and one step of learning from it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import digits


@dataclass
class Model:
    """For each class one weight per pixel, and a bias."""

    weights: list[list[float]]
    biases: list[float]

    @classmethod
    def blank(cls) -> "Model":
        """A model that has learnt nothing yet."""
        return cls([[0.0] * digits.PIXELS for _ in range(digits.CLASSES)], [0.0] * digits.CLASSES)

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Reads what `save` wrote."""
        return cls(**json.loads(path.read_text()))

    def save(self, path: Path) -> None:
        """Writes the model as JSON, rounded so that small differences between machines do not show."""
        weights = [[round(weight, 6) for weight in row] for row in self.weights]
        path.write_text(json.dumps({"weights": weights, "biases": [round(bias, 6) for bias in self.biases]}) + "\n")

    def probabilities(self, pixels: Sequence[float]) -> list[float]:
        """How likely the picture shows each digit; they add up to 1."""
        lit = [(position, pixel) for position, pixel in enumerate(pixels) if pixel]
        scores = [
            bias + sum(row[position] * pixel for position, pixel in lit)
            for row, bias in zip(self.weights, self.biases, strict=True)
        ]
        highest = max(scores)
        powers = [math.exp(score - highest) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def predict(self, pixels: Sequence[float]) -> int:
        """The most likely digit."""
        likely = self.probabilities(pixels)
        return likely.index(max(likely))

    def learn(self, sample: digits.Sample, rate: float, decay: float) -> float:
        """One step of gradient descent on one sample; returns its loss before the step."""
        likely = self.probabilities(sample.pixels)
        lit = [(position, pixel) for position, pixel in enumerate(sample.pixels) if pixel]
        for label, row in enumerate(self.weights):
            error = likely[label] - (label == sample.label)
            self.biases[label] -= rate * error
            for position, pixel in lit:
                row[position] -= rate * (error * pixel + decay * row[position])
        return -math.log(max(likely[sample.label], 1e-12))
