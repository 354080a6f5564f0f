"""The log of a job at the forge: its lines with their time, and what they prove. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import yaml

from lab.demo import pulumi_output
from lab.demo.timeline import Event

_LINE = re.compile(r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?Z (?P<text>.*)$")
_GRANTED = re.compile(r"^GPUs granted to this job \((?P<gpus>[^)]*)\)")
_ACCESS = re.compile(r"^cluster: (?P<access>.+)$")
_STAGE = re.compile(r"^Running stage '(?P<stage>[^']+)'")
_STEP_OF_TRAINING = re.compile(r"^train: epoch +\d+ loss ")
_TOLD = re.compile(
    r"^(Running stage |train: \d|train: epoch|prepare: |evaluate: |\| |\d+ files? (pushed|fetched)|Pulling data for )"
)
# A runner may indent what it says of its steps, right below the file.
_IN_LOCK_FILE = re.compile(r"^(stages:$| +(- )?[\w./-]+:( |$))")
# A metrics file of the example that git tracks instead of DVC, so that it is in no remote.
TRACKED_BY_GIT = {"metrics.json"}


@dataclass(frozen=True)
class Line:
    """One line. `at` is in seconds since the epoch."""

    at: float
    text: str


@dataclass(frozen=True)
class Evidence:
    """What the log of the training job shows. `outputs` maps what DVC stores to its digest."""

    gpus: str = ""
    stages: tuple[str, ...] = ()
    steps_of_training: int = 0
    outputs: tuple[tuple[str, str], ...] = ()


def lines(log: str) -> list[Line]:
    """The lines that carry a time; colour codes are taken out."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", log)
    return [
        Line(_seconds(match["time"], match["fraction"]), match["text"])
        for match in map(_LINE.match, plain.splitlines())
        if match
    ]


def timeline_text(line: Line) -> str | None:
    """What the timeline says of a line of any job; None for the many that are of no interest."""
    if _GRANTED.match(line.text) or _ACCESS.match(line.text) or _TOLD.match(line.text):
        return line.text.rstrip()
    return pulumi_output.timeline_text(line.text)


def events(job: str, log: Sequence[Line]) -> Iterator[Event]:
    """What the timeline says of these lines of a job."""
    for line in log:
        text = timeline_text(line)
        if text:
            yield Event(line.at, job, text)


def evidence(log: Sequence[Line]) -> Evidence:
    """Everything that the verdict needs to know of the training job."""
    granted = [match["gpus"] for match in (_GRANTED.match(line.text) for line in log) if match]
    stages = [match["stage"] for match in (_STAGE.match(line.text) for line in log) if match]
    steps = sum(bool(_STEP_OF_TRAINING.match(line.text)) for line in log)
    return Evidence(granted[-1] if granted else "", tuple(stages), steps, tuple(_outputs(_lock_file(log))))


def access(log: Sequence[Line]) -> str:
    """How the deploy job reached the cluster, in the workflow's words; empty where it never said so."""
    return next((match["access"] for match in (_ACCESS.match(line.text) for line in log) if match), "")


def first_step(log: Sequence[Line]) -> float | None:
    """When the first step of the training was reported, in seconds since the epoch."""
    return next((line.at for line in log if _STEP_OF_TRAINING.match(line.text)), None)


def training_begins(log: Sequence[Line]) -> float | None:
    """When DVC had all that the training needs and started it, in seconds since the epoch."""
    return next((line.at for line in log if line.text.startswith("Running stage 'train'")), None)


def _lock_file(log: Sequence[Line]) -> str:
    """The dvc.lock that the job printed: from its first line on, as long as the lines look like one."""
    taken: list[str] = []
    for line in log:
        if line.text.startswith("schema: "):
            taken = [line.text]
        elif taken and _IN_LOCK_FILE.match(line.text):
            taken.append(line.text)
        elif taken:
            break
    return "\n".join(taken)


def _outputs(lock_file: str) -> Iterator[tuple[str, str]]:
    stages = (yaml.safe_load(lock_file) or {}).get("stages", {})
    for stage in stages.values():
        for output in stage.get("outs", []):
            if output["path"] not in TRACKED_BY_GIT:
                yield output["path"], output["md5"]


def _seconds(time: str, fraction: str | None) -> float:
    whole = datetime.fromisoformat(f"{time}+00:00").timestamp()
    return whole + float(fraction or 0)
