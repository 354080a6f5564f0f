"""The lab's command line: `python -m lab up|down|status`."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while all this loads ends it, without a traceback

import argparse
import os
import subprocess
import sys
import time

from lab import cluster, paths
from lab.catalogue import KUBERNETES_VARIABLE
from lab.errors import LabError
from lab.github import parts

FAKE_NODES = 2


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code: 0 done, 1 the lab's own error, 2 wrong usage, 130 stopped by hand."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build what is missing, start what does not run")
    up.add_argument("--fake-nodes", type=int, default=FAKE_NODES, help=f"simulated GPU nodes ({FAKE_NODES})")
    up.add_argument(
        "--kubernetes", default="", metavar="VERSION", help=f"another than the pinned one ({KUBERNETES_VARIABLE})"
    )
    up.add_argument("--github", action="store_true", help="also the stand-in for GitHub and its runner's image")
    commands.add_parser("down", help="stop everything and remove mounts, interfaces, rules and state")
    commands.add_parser("status", help="one line per part; exit code 1 unless all are ready")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background job ignores it
    try:
        if chosen.command == "up":
            if chosen.kubernetes:
                os.environ[KUBERNETES_VARIABLE] = chosen.kubernetes
            cluster.up(_say, chosen.fake_nodes)
            if chosen.github:
                parts.up(_say)
        elif chosen.command == "down":
            cluster.down(_say)
        else:
            return _status()
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.SubprocessError as error:
        detail = getattr(error, "stderr", None) or ""
        print(f"error: {error}\n{detail}\nThe logs of all parts are in {paths.LOGS}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped by hand: the same command goes on from here; `make lab-down` ends what runs", file=sys.stderr)
        return 130
    return 0


def _status() -> int:
    parts = cluster.status()
    for part in parts:
        state = "ready" if part.ready else "running, not ready" if part.pid else "stopped"
        print(f"{part.name:25} {state:20} {f'pid {part.pid}' if part.pid else ''}".rstrip())
    return 0 if all(part.ready for part in parts) else 1


_STARTED = time.monotonic()


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
