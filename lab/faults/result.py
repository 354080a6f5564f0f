"""What came of a fault, and the list of all of them as it lies in docs/reliability.json."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import paths

FILE = paths.REPOSITORY / "docs" / "reliability.json"
TRIED, BY_CONTRACT = "tried", "by contract"


@dataclass(frozen=True)
class Result:
    """One line of the list. `recovery_s`: seconds, None where nothing had to recover; `proof`: TRIED or BY_CONTRACT."""

    fault: str
    injected: str
    observed: str
    recovery_s: float | None
    jobs_lost: int
    proof: str


def load(file: Path = FILE) -> list[Result]:
    """The results so far, none where there is no file."""
    return [Result(**entry) for entry in json.loads(file.read_text())] if file.exists() else []


def save(results: Iterable[Result], file: Path = FILE) -> None:
    """Replaces the file whole, so that who reads it at any time reads a list."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False) + "\n")
    draft.replace(file)


def merged(results: Sequence[Result], new: Result, order: Sequence[str]) -> list[Result]:
    """The list with a new result in its place; of faults that are in `order` no more, nothing stays."""
    by_name = {result.fault: result for result in (*results, new)}
    return [by_name[name] for name in order if name in by_name]
