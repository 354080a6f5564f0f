"""The administrator's part: `pulumi up` of the stack `platform`, told resource by resource."""

import contextlib
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lab import paths
from lab.demo import pulumi_output
from lab.demo.settings import PLATFORM_STACK, stack_file
from lab.demo.story import Story
from lab.errors import LabError

UP_DEADLINE_SECONDS = 420
SELECT_DEADLINE_SECONDS = 60
TAIL_LINES = 40


def up(story: Story, environment: Mapping[str, str]) -> None:
    """Brings the platform up. Raises LabError with the end of Pulumi's output."""
    # Pulumi adds the salt of this lab's passphrase to the file: the checkout stays as it was.
    with _unchanged(stack_file(PLATFORM_STACK)):
        _select(environment)
        _up(story, environment)


def _select(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["pulumi", "stack", "select", "--create", PLATFORM_STACK, "--non-interactive"], cwd=paths.REPOSITORY,
        env=dict(environment), capture_output=True, text=True, check=False, timeout=SELECT_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"pulumi stack select {PLATFORM_STACK}: {done.stderr.strip()}")


def _up(story: Story, environment: Mapping[str, str]) -> None:
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color=never", "--stack", PLATFORM_STACK],
        cwd=paths.REPOSITORY, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = threading.Timer(UP_DEADLINE_SECONDS, process.kill)
    deadline.start()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        _tell(story, process.stdout, tail)
        process.wait()
    finally:
        was_in_time = deadline.is_alive()
        deadline.cancel()
    if process.returncode != 0:
        how = "failed" if was_in_time else f"was not done within {UP_DEADLINE_SECONDS} s"
        raise LabError(f"pulumi up of the stack {PLATFORM_STACK} {how}:\n" + "\n".join(tail))


def _tell(story: Story, output: Iterable[str], tail: deque[str]) -> None:
    is_summary = False
    for line in output:
        tail.append(line.rstrip())
        is_summary = is_summary or line.startswith(pulumi_output.SUMMARY)
        text = None if is_summary else pulumi_output.told(line)
        if text:
            story.tell("platform", text)


@contextlib.contextmanager
def _unchanged(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    try:
        yield
    finally:
        if file.read_bytes() != before:
            file.write_bytes(before)
