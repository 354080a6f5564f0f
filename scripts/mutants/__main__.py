"""python -m scripts.mutants [--room NAME …] [--file FILE …] [--seed N] [--of-each N] [--minutes N] [--processes N]

Ends with 1 where a room's tests kill less than nine of ten, or where a survivor has neither a test nor a reason.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.mutants.copying import copy
from scripts.mutants.page import GOAL, REASONS, reasons_of, rendered, without_reason
from scripts.mutants.rooms import ROOMS, Room
from scripts.mutants.trial import Outcome, loaded, score

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PAGE: Final = REPOSITORY / "docs" / "mutants.md"
GRACE_SECONDS: Final = 900.0  # for what comes before the first mutant and after the last one


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    rooms = _rooms(options)
    if not rooms:
        parser.error(f"no room has {', '.join(options.file)}; allowed: files as scripts/mutants/rooms.py has them")
    cache = Path(environ.get("GPU_RUNNERS_CACHE") or Path.home() / ".cache" / "gpu-runners") / "mutants"
    print(f"seed {options.seed}, {options.of_each} mutants of each file, {options.minutes} minutes for each room")
    outcomes = {name: _tried(room, cache / name, options) for name, room in rooms.items()}
    reasons = reasons_of((REPOSITORY / REASONS).read_text(encoding="utf-8"))
    page = PAGE if rooms == ROOMS else cache / PAGE.name  # a part of the rooms is no page for all
    page.write_text(rendered(outcomes, reasons, seed=options.seed, of_each=options.of_each), encoding="utf-8")
    print(f"written: {page}")
    weak = {room: score(outcome.trials) for room, outcome in outcomes.items() if score(outcome.trials) < GOAL}
    for room, part in weak.items():
        print(f"{room}: the tests kill {100 * part:.1f} %, less than {100 * GOAL:.0f} %", file=sys.stderr)
    for trial in without_reason(outcomes.values(), reasons):
        change = " ".join(trial.change)
        print(f"{trial.file} {trial.function}: {change}\n  write a test, or a reason into {REASONS}", file=sys.stderr)
    return 1 if weak or without_reason(outcomes.values(), reasons) else 0


def _rooms(options: argparse.Namespace) -> dict[str, Room]:
    rooms = {name: ROOMS[name] for name in options.room or ROOMS}
    if options.file:
        rooms = {name: room.narrowed(options.file) for name, room in rooms.items()}
    return {name: room for name, room in rooms.items() if room.files}


def _tried(room: Room, folder: Path, options: argparse.Namespace) -> Outcome:
    copy(REPOSITORY, folder, room)
    written = folder / "outcome.json"
    seconds = 60.0 * options.minutes
    values = (options.seed, options.of_each, seconds, options.processes, written)
    command = [sys.executable, "-m", "scripts.mutants.inside", *map(str, values)]
    subprocess.run(command, cwd=folder, check=True, timeout=seconds + GRACE_SECONDS)
    return loaded(written.read_text(encoding="utf-8"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description="what the unit tests notice")
    parser.add_argument("--room", action="append", choices=list(ROOMS), help="only this one (all by default)")
    parser.add_argument("--file", action="append", help="only this one, of whichever room has it (all by default)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--of-each", type=int, default=12, help="mutants of each file at most (12)")
    parser.add_argument("--minutes", type=float, default=20.0, help="for each room (20)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="at once (one for each core)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
