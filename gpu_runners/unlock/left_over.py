"""What a killed Pulumi command leaves behind: a lock, and resources that it was about to make. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

LOCKED: Final = "the stack is currently locked by"
_LOCK: Final = re.compile(
    r"(?P<address>\S{1,2000}): created by (?P<user>\S{1,200})@(?P<host>\S{1,300}) "
    r"\(pid (?P<pid>[0-9]{1,10})\) at (?P<time>\S{1,60})"
)
_CREATED: Final = ": created by "
_CREATING: Final = "creating"


@dataclass(frozen=True)
class Lock:
    """Who holds a stack: user, host and process id as Pulumi wrote them down, since when (RFC 3339).

    address is where the lock lies in the backend: a new one for every command, so it tells two locks apart.
    """

    address: str
    user: str
    host: str
    pid: int
    time: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.time}"


@dataclass(frozen=True)
class Pending:
    """A resource at which a command was cut off, and what it was doing: creating, updating, deleting …"""

    urn: str
    operation: str

    @property
    def name(self) -> str:
        """Kind and logical name, as people know them."""
        kind, _, name = self.urn.rpartition("::")
        return f"{kind.rpartition(':')[2]} {name}"


def locks(output: str) -> list[Lock]:
    """The locks that a refused command names; none where one of them cannot be read, as nobody could be asked of it."""
    if LOCKED not in output:
        return []
    held = [
        Lock(lock["address"], lock["user"], lock["host"], int(lock["pid"]), lock["time"])
        for lock in _LOCK.finditer(output)
    ]
    return held if len(held) == output.count(_CREATED) else []


def pending(export: str) -> list[Pending]:
    """The operations that an exported state (JSON) says were never finished. Raises ValueError for another text."""
    try:
        document: dict[str, Any] = json.loads(export)
        operations = (document.get("deployment") or {}).get("pending_operations") or []
        return [Pending(str(operation["resource"]["urn"]), str(operation["type"])) for operation in operations]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no exported state ({type(error).__name__})") from error


def created(unfinished: Sequence[Pending]) -> list[Pending]:
    """Those that may exist although the state does not know them."""
    return [operation for operation in unfinished if operation.operation == _CREATING]


def ours(lock: Lock, host: str) -> bool:
    """Whether the lock was made on this host, where its process can be looked up."""
    return lock.host == host
