"""The stand-in as a part of the lab, started on request: where pods reach it, and how to bring it up."""

import sys

import httpx2

from lab import network, paths
from lab.daemon import Daemon

PORT = 3080
URL = f"http://{network.HOST}:{PORT}"
RECORD = paths.STATE / "github" / "exchanges.jsonl"
NAME = "github-stand-in"


def daemon() -> Daemon:
    """State lives in its memory: a new start is a new GitHub, without runners, runs and tokens."""
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "lab.github", "--host", network.HOST, "--port", str(PORT), "--record", str(RECORD)]
    return Daemon(NAME, argv, ready=_answers, cwd=paths.REPOSITORY)


def _answers() -> bool:
    try:
        return httpx2.get(f"{URL}/_lab/health", timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
