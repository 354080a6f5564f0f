"""`python -m lab.soak`: short jobs at both forges under random faults; writes docs/soak.md, .json and .svg."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while all this loads ends it, without a traceback

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

from lab import paths
from lab.build import Say
from lab.errors import LabError
from lab.faults.suite import within
from lab.soak import judgement
from lab.soak.chart import chart
from lab.soak.page import page, summary
from lab.soak.record import Record, document
from lab.soak.run import Wanted, soak
from lab.soak.schedule import Kind
from lab.soak.side import Side
from lab.soak.stage import stage
from lab.soak.strikes import KINDS

Stage = Callable[[Say], AbstractContextManager[tuple[Side, Side]]]
MINUTES = 20.0
MOST_MINUTES = 600.0
AROUND_SECONDS = (
    30 * 60.0
)  # for all that comes before and after: both platforms, the last jobs, what is to be forgotten
MOST_SEED = 1_000_000


def main(arguments: list[str], stage: Stage = stage, kinds: Sequence[Kind] = KINDS) -> int:
    """0: all held; 1: something did not, or the lab's own error; 2: wrong usage; 130: Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m lab.soak", description=__doc__)
    parser.add_argument("--minutes", type=_minutes, default=MINUTES, help=f"for how long faults strike ({MINUTES:g})")
    parser.add_argument("--seed", type=int, help="what strikes when follows from it (drawn, and printed)")
    parser.add_argument("--out", type=Path, default=paths.REPOSITORY / "docs", help="the folder of page, JSON and plot")
    chosen = parser.parse_args(arguments)
    if not chosen.out.is_dir():
        parser.error(f"--out: {chosen.out} is no folder")
    seed = random.SystemRandom().randrange(MOST_SEED) if chosen.seed is None else chosen.seed
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, interrupted)
    say(f"seed {seed}, {chosen.minutes:g} minutes")
    try:
        with within("the soak was over", chosen.minutes * 60 + AROUND_SECONDS), stage(say) as sides:
            record = soak(sides, Wanted(seed, chosen.minutes, kinds), say)
    except (LabError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything is taken back, and no page is written", file=sys.stderr)
        return 130
    return told(record, chosen.out)


def told(record: Record, folder: Path) -> int:
    """Writes the three files and prints what did not hold; the exit code."""
    findings = judgement.judge(record)
    whole = document(record) | {"findings": [vars(finding) for finding in findings]}
    (folder / "soak.json").write_text(json.dumps(whole, ensure_ascii=False).replace("], [", "],\n[") + "\n")
    (folder / "soak.svg").write_text(chart(record))
    (folder / "soak.md").write_text(page(record, findings))
    for finding in findings:
        if finding.held is not True:
            how = "broken" if finding.held is False else "open"
            print(f"{how}: {finding.question}: {finding.found} ({finding.limit})")
    print(summary(record, findings))
    return 0 if judgement.verdict(findings) else 1


def interrupted(_: int, __: FrameType | None) -> None:
    """The first sign ends the soak; what comes after it does not disturb the taking back."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: print("everything is being taken back: wait", file=sys.stderr))
    raise KeyboardInterrupt


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text}: more than 0 and at most {MOST_MINUTES:g}")
    return minutes


_STARTED = time.monotonic()


def say(line: str) -> None:
    """Progress, as it happens."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
