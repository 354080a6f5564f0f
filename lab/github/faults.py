"""Ways in which the stand-in can be made to fail: a status, a delay, a dropped connection, for some requests or all."""

import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What happens to the next `times` requests whose "METHOD /path" the pattern finds; None means for ever.

    `status` None lets the request pass after the delay (seconds); `drop` closes the connection without an answer, and
    `late` does that after the request was carried out: what was asked for has happened, and the client does not know.
    """

    pattern: str
    times: int | None = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "a fault of the stand-in"
    delay: float = 0.0
    drop: bool = False
    late: bool = False

    def hits(self, line: str) -> bool:
        """True where it applies to this request."""
        return self.times != 0 and re.search(self.pattern, line) is not None


class Faults:
    """The faults in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()

    def take(self, line: str) -> Fault | None:
        """The first fault for this request, which counts as used once more."""
        for fault in self._faults:
            if fault.hits(line):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
