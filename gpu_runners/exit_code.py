"""How a command ends: one table for all of them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees. Wrong usage is never mistaken for something that was found."""

    DONE = 0
    FAILED = 1
    USAGE = 2  # argparse's own
    FOUND = 3
    INTERRUPTED = 130  # 128 + the signal's number, as shells have it
    PIPE_CLOSED = 141
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """For the table."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done; nothing was found that differs, breaks a policy or is missing",
    ExitCode.FAILED: "failed, or something could not be read, so nothing is certain",
    ExitCode.USAGE: "wrong usage: a flag, a folder or a file that is not there; nobody was asked, nothing changed",
    ExitCode.FOUND: (
        "found something: drift, a pending change, a policy violation, a failed check, a runner that is not online"
    ),
    ExitCode.INTERRUPTED: "ended by Ctrl-C (SIGINT)",
    ExitCode.PIPE_CLOSED: "nobody read the output to its end",
    ExitCode.TERMINATED: "ended by SIGTERM",
}


def table() -> str:
    """One indented line per code."""
    return "\n".join(f"  {code:<3}  {code.meaning}" for code in ExitCode)
