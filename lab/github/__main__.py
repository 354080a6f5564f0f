"""`python -m lab.github`: serves the stand-in until it is told to end."""

import argparse
import dataclasses
import json
import logging
import sys
from pathlib import Path

from aiohttp import web

from lab.github import daemon
from lab.github.server import Exchange, StandIn


def main(arguments: list[str]) -> int:
    """Serves; returns 0 when it was asked to end."""
    parser = argparse.ArgumentParser(prog="python -m lab.github", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=daemon.PORT, help=f"port to listen on ({daemon.PORT})")
    parser.add_argument("--record", type=Path, help="file that gets every exchange below /api/v3, a line of JSON each")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    stand_in = StandIn(f"http://{chosen.host}:{chosen.port}", Recorder(chosen.record) if chosen.record else None)
    print(f"a stand-in for GitHub listens at {stand_in.world.base}", flush=True)
    web.run_app(stand_in.application(), host=chosen.host, port=chosen.port, print=None, access_log=None)
    return 0


class Recorder:
    """Writes exchanges into a file that only its owner reads: it holds the lab's tokens."""

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._stream = file.open("a", buffering=1)

    def __call__(self, exchange: Exchange) -> None:
        self._stream.write(json.dumps(dataclasses.asdict(exchange)) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
