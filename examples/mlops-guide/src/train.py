"""Stage `train`: fits the model by stochastic gradient descent and says how it goes."""

import os
import random
import time
from pathlib import Path

import digits
import params
from softmax import Model


def main() -> None:
    wanted = params.train()
    samples = digits.read(Path("data/prepared/train.csv"))
    order = random.Random(wanted["seed"])
    model = Model.blank()
    print(f"train: {len(samples)} samples on GPU {os.environ.get('NVIDIA_VISIBLE_DEVICES', 'none')}", flush=True)
    started = time.monotonic()
    for epoch in range(1, wanted["epochs"] + 1):
        order.shuffle(samples)
        rate = wanted["learning_rate"] / epoch**0.5
        loss = sum(model.learn(sample, rate, wanted["decay"]) for sample in samples) / len(samples)
        print(f"train: epoch {epoch:2d} loss {loss:.4f}  {time.monotonic() - started:5.1f} s", flush=True)
    model.save(Path("model.json"))


if __name__ == "__main__":
    main()
