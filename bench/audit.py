"""Who asked the API server how often: its audit log, one JSON object a line. Pure but for `AuditLog`."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lab.trial.kubernetes import USER_AGENT

# By the first word of the client's User-Agent.
# Parts of the lab that use its administrator's credential, and whoever looks on.
_OTHERS: Final = (USER_AGENT, "kwok/", "kube-router/", "coredns/")
_CLIENTS: Final = {"pulumi-kubernetes": "provider", "python-httpx2": "program", "python-httpx": "program"}


def requests_by_client(lines: Iterable[str]) -> Counter[str]:
    """How many requests each client made, but for those that were there before; a line that is cut off is left out."""
    counts: Counter[str] = Counter()
    for line in lines:
        try:
            agent = str(json.loads(line).get("userAgent") or "nameless")
        except ValueError:
            continue
        if not agent.startswith(_OTHERS):
            counts[client(agent)] += 1
    return counts


def client(agent: str) -> str:
    """A client's name by its User-Agent: `kubectl/v1.36.4 (linux/amd64) …` is kubectl."""
    word = agent.split("/", 1)[0].split(" ", 1)[0].lower()
    return _CLIENTS.get(word, word)


class AuditLog:
    """The log of a running API server; one that keeps none is said to have None."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def here(self) -> int | None:
        """A place in the log, for `since`; None where there is no log."""
        return self._file.stat().st_size if self._file.exists() else None

    def since(self, place: int | None) -> Counter[str] | None:
        """The requests since then. None where there is no log, or a new one was begun meanwhile."""
        now = self.here()
        if place is None or now is None or now < place:
            return None
        with self._file.open("rb") as log:
            log.seek(place)
            return requests_by_client(log.read(now - place).decode(errors="replace").splitlines())
