"""Holds a stack's lock, so that no `pulumi up` of anybody goes on beside a repair.

Pulumi has no command for it. A refresh that runs the program takes the lock before its preview; the program here waits,
then fails on purpose, which ends the command before anything of the state was written. It waits for the end of a pipe
that this process has open: if this process dies, whatever of, the program ends and Pulumi gives the lock back.
(pkg/backend/diy, `Refresh` and `Lock`; a lock of Pulumi Cloud begins only after the preview.)
"""

import os
import select
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from access.yaml_document import YamlUnreadableError, mapping, read_mapping
from gpu_runners.pulumi_command import Answer, Program
from gpu_runners.review.errors import ReviewFailedError

LOCK_SECONDS: Final = 120.0  # until the lock is there: the language host starts, an S3 server answers
_GLANCE_SECONDS: Final = 0.2
_HELD, _END, _LOG = "held", "end", "log"
_PROGRAM: Final = f"""\
# Holds the stack's lock until whoever started this closes its end of the pipe. Fails then: nothing is to be refreshed.
import contextlib, os, select, sys

end = os.open({_END!r}, os.O_RDONLY | os.O_NONBLOCK)
held = os.open({_HELD!r}, os.O_WRONLY | os.O_NONBLOCK)  # nobody there any more: fails at once
os.write(held, b"held")
with contextlib.suppress(BlockingIOError):
    os.read(end, 1)  # nothing, at once, where nobody has it open any more
    sys.exit("the lock is not needed")
select.select([end], [], [])
sys.exit("the lock is given back")
"""


class StackLock:
    """A lock that is held as long as Pulumi's command runs."""

    def __init__(self, stack: str, holding: Future[Answer]) -> None:
        self._stack, self._holding = stack, holding

    def require(self) -> None:
        """Raises ReviewFailedError where it is not held any more: somebody else may change the stack by now."""
        if self._holding.done():
            cure = "look again with `gpu-runners review`, and repeat the repair"
            raise ReviewFailedError(f"the lock of {self._stack} was lost meanwhile: {self._why()}; {cure}")

    def _why(self) -> str:
        error = self._holding.exception()
        return str(error) if error else self._holding.result().complaint


@contextmanager
def stack_lock(program: Program) -> Iterator[StackLock]:
    """The lock of the program's stack. Raises ReviewFailedError where somebody else has it."""
    with tempfile.TemporaryDirectory(prefix="gpu-runners-") as temporary:
        folder = Path(temporary)
        _write_program(folder, program.folder)
        held, end = (os.open(folder / name, os.O_RDWR | os.O_NONBLOCK) for name in (_HELD, _END))
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="stack-lock") as thread:
                command = ("refresh", "--run-program", "--exclude", "**", "--yes")
                holding = thread.submit(program.run, *command, with_config=True, folder=folder, log=folder / _LOG)
                lock = StackLock(program.stack, holding)
                try:
                    _await(lock, held, holding, program.stack)
                    yield lock
                finally:
                    os.close(end)  # before the thread is awaited, which ends only then
        finally:
            os.close(held)


def _await(lock: StackLock, held: int, holding: Future[Answer], stack: str) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while not select.select([held], [], [], _GLANCE_SECONDS)[0]:
        if holding.done():
            answer = holding.result()
            cure = "wait for its end, or see `gpu-runners unlock`"
            raise ReviewFailedError(f"{stack} cannot be locked, so nothing was done: {answer.complaint}; {cure}")
        if time.monotonic() > deadline:
            raise ReviewFailedError(f"{stack} was not locked within {LOCK_SECONDS:.0f} s, so nothing was done")
    lock.require()


def _write_program(folder: Path, like: Path) -> None:
    """A program of the same project in the same language host, as the stack belongs to a project."""
    file = like / "Pulumi.yaml"
    try:
        description = read_mapping(file.read_text())
    except (UnicodeDecodeError, YamlUnreadableError) as error:
        raise ReviewFailedError(f"{file}: no description of a project: {error}") from error
    if "name" not in description:
        raise ReviewFailedError(f"{file}: no description of a project: it has no name")
    runtime = description.get("runtime", "python")
    options = mapping(runtime, "options")
    if environment := options.get("virtualenv"):
        options["virtualenv"] = str((like / str(environment)).resolve())
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": description["name"], "runtime": runtime}))
    (folder / "__main__.py").write_text(_PROGRAM)
    for name in (_HELD, _END):
        os.mkfifo(folder / name, 0o600)
