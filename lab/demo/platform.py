"""The administrator's part: `pulumi up` of the stack `platform`, told resource by resource."""

import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import paths
from lab.demo import pulumi_output
from lab.demo.settings import PLATFORM_STACK
from lab.demo.story import Story
from lab.errors import LabError

UP_DEADLINE_SECONDS = 420
SELECT_DEADLINE_SECONDS = 60
TAIL_LINES = 40


def up(story: Story, environment: Mapping[str, str], file: Path, *, refresh: bool = False) -> None:
    """Brings the platform up as the stack file says. Raises LabError with the end of Pulumi's output.

    `refresh`: what Pulumi's state knows of may be gone, so that it has to look.
    """
    # Pulumi adds the salt of this lab's passphrase to the file: it gets a copy, and the checkout stays as it was.
    folder = paths.STATE / "demo" / file.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copy(file, folder))
    shutil.copy(paths.REPOSITORY / "Pulumi.yaml", folder)
    _select(folder, environment)
    _up(story, environment, copy, ["--refresh"] if refresh else [])


def _select(folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["pulumi", "stack", "select", "--create", PLATFORM_STACK, "--non-interactive"], cwd=folder,
        env=dict(environment), capture_output=True, text=True, check=False, timeout=SELECT_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"pulumi stack select {PLATFORM_STACK}: {done.stderr.strip()}")


def _up(story: Story, environment: Mapping[str, str], file: Path, flags: list[str]) -> None:
    flags = ["--yes", "--skip-preview", "--non-interactive", "--color=never", *flags]
    process = subprocess.Popen(
        ["pulumi", "up", *flags, "--stack", PLATFORM_STACK, "--config-file", str(file)],
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
