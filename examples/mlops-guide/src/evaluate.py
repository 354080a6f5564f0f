"""Stage `evaluate`: accuracy and loss on the test samples, and which digits are taken for which."""

import csv
import json
import math
from pathlib import Path

import digits
from softmax import Model


def main() -> None:
    samples = digits.read(Path("data/prepared/test.csv"))
    model = Model.load(Path("model.json"))
    pairs = [(sample.label, model.predict(sample.pixels)) for sample in samples]
    losses = [-math.log(max(model.probabilities(sample.pixels)[sample.label], 1e-12)) for sample in samples]
    accuracy = sum(actual == predicted for actual, predicted in pairs) / len(pairs)
    metrics = {"accuracy": round(accuracy, 4), "loss": round(sum(losses) / len(losses), 4), "samples": len(samples)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    with Path("confusion.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["actual", "predicted"])
        rows.writerows(pairs)
    print(f"evaluate: accuracy {accuracy:.4f} on {len(samples)} samples")


if __name__ == "__main__":
    main()
