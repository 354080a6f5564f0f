"""python -m tests.lab_unit.soak.stand_in_soak FOLDER: the soak's own process, with stand-ins for cluster and forges.

Its runners are always there, and its forges conclude each job at the second look. What is taken back takes a while, and
leaves a file of that name in the folder. Nothing strikes: a strike would be one at this machine's lab.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.build import Say
from lab.soak.__main__ import main
from lab.soak.forge import Seen
from lab.soak.side import Side
from lab.trial.ledger import Entry
from lab.trial.pods import Pods
from lab.trial.repository import Runner
from values import contract

TAKING_BACK = "everything is being taken back"
TAKEN_BACK = "taken-back"
TAKING_SECONDS = 2.0
SILENT_SECONDS = 5.0
NAMES = ("runner-1", "runner-2")


class StandInApi:
    """Two runners' pods in the namespace of runners, nothing elsewhere; watches say nothing."""

    def items(self, path: str, labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        del labels, fields
        return [] if "-system" in path else [pod(name) for name in NAMES]

    def watch(self, path: str, fields: str) -> Iterator[tuple[str, dict[str, Any]]]:
        del path, fields
        time.sleep(SILENT_SECONDS)
        yield from ()


class StandInForge:
    """Takes every job, and says so."""

    def __init__(self, name: str) -> None:
        self._name, self._numbers, self._looks = name, itertools.count(1), dict[int, int]()

    def push(self, label: str, job: str, script: str) -> int:
        del label, script
        print(f"{self._name} has {job}", flush=True)
        return next(self._numbers)

    def job(self, run: int) -> Seen:
        self._looks[run] = self._looks.get(run, 0) + 1
        return Seen(NAMES[0], "success" if self._looks[run] > 1 else "")

    def runners(self) -> list[Runner]:
        return [Runner(number, name, True, frozenset()) for number, name in enumerate(NAMES)]

    def registrations(self) -> int:
        return len(NAMES)

    def told(self, run: int, runner: str) -> bool:
        raise NotImplementedError

    def outage(self, name: str) -> Any:
        raise NotImplementedError

    def next_answer_lost(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class StandInLedger:
    """Every job has said once that it begins."""

    def about(self, topic: str) -> list[Entry]:
        return [Entry(time.time(), (topic, "begins", NAMES[0]))]


def pod(name: str) -> dict[str, Any]:
    """An idle runner's."""
    metadata = {
        "name": name,
        "uid": name,
        "labels": {contract.POOL_LABEL: ""},
        "creationTimestamp": "2026-11-27T08:00:00Z",
    }
    conditions = [{"type": contract.ONLINE_GATE, "status": "True"}]
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "conditions": conditions}}


def side(name: str) -> Side:
    """One of both."""
    api, forge, ledger = StandInApi(), StandInForge(name), StandInLedger()
    return Side(
        api=api, pods=Pods(api, name, forge), repository=forge, system=f"{name}-system", declared={name: len(NAMES)},  # type: ignore[arg-type]
        name=name, pool=name, forge=forge, ledger=ledger,  # type: ignore[arg-type]
    )  # fmt: skip


def stage_in(folder: Path) -> Any:
    """A stage whose taking back is seen in a folder."""

    @contextmanager
    def stage(say: Say) -> Iterator[tuple[Side, Side]]:
        try:
            yield side("gitea"), side("github")
        finally:
            say(TAKING_BACK)
            time.sleep(TAKING_SECONDS)
            (folder / TAKEN_BACK).touch()

    return stage


if __name__ == "__main__":
    sys.exit(main(["--seed", "7", "--minutes", "10", "--out", sys.argv[1]], stage_in(Path(sys.argv[1])), kinds=()))
