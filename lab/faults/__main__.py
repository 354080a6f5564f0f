"""`python -m lab.faults`: brings faults about on the lab and writes docs/reliability.json and docs/reliability.md."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while all this loads ends it, without a traceback

import argparse
import subprocess
import sys
import time

from lab.errors import LabError
from lab.faults import result, suite, table
from lab.faults.catalogue import CONTRACTS, FAULTS, ORDER
from lab.faults.result import Result
from lab.faults.stage import stage

BEGIN_SECONDS = 2 * 3600.0  # whatever the machine: a whole run takes a part of it, and each fault has its own deadline


def main(arguments: list[str]) -> int:
    """0: as it should be; 1: something was otherwise, or the lab's own error; 2: wrong usage; 130: cut off."""
    parser = argparse.ArgumentParser(prog="python -m lab.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these faults; the other lines stay as they are")
    parser.add_argument("--from", dest="first", metavar="NAME", help="this fault and all that follow it")
    parser.add_argument("--missing", action="store_true", help="those that have no result yet")
    parser.add_argument(
        "--within", type=float, default=BEGIN_SECONDS, metavar="SECONDS", help="begin no fault after these"
    )
    parser.add_argument("--list", action="store_true", help="name the faults and leave")
    chosen = parser.parse_args(arguments)
    by_name = {fault.name: fault for fault in FAULTS}
    wanted = chosen.only or list(by_name)
    if chosen.first:
        if chosen.first not in by_name:
            parser.error(f"no fault is named {chosen.first}: see --list")
        wanted = list(by_name)[list(by_name).index(chosen.first) :]
    if unknown := [name for name in wanted if name not in by_name]:
        parser.error(f"no fault is named {', '.join(unknown)}: see --list")
    if chosen.missing:
        known = {entry.fault for entry in result.load()}
        wanted = [name for name in wanted if name not in known]
    if chosen.list:
        print("\n".join(wanted))
        return 0
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    try:
        for contract in CONTRACTS:
            keep(suite.by_contract(contract))
        with stage() as scene:
            say(f"{len(wanted)} faults")
            wrong = suite.run(scene, [by_name[name] for name in wanted], keep, say, chosen.within)
    except (LabError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was tried so far is kept", file=sys.stderr)
        return 130
    print("\n".join(f"wrong: {line}" for line in wrong) or table.summary(result.load()))
    return 1 if wrong else 0


def keep(new: Result) -> None:
    """Puts a result into the list and writes the page anew."""
    results = result.merged(result.load(), new, ORDER)
    result.save(results)
    table.PAGE.write_text(table.page(results, ORDER))


_STARTED = time.monotonic()


def say(line: str) -> None:
    """Progress, as it happens."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
