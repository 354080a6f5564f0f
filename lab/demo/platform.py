"""Pulumi on this machine: the administrator's platform, and the pools where no job does it."""

import json
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import environment, paths, s3, worlds
from lab.demo import forgetting, pulumi_output
from lab.demo.forges.forge import Forge
from lab.demo.settings import PLATFORM_STACK, POOLS_STACK
from lab.demo.story import Story
from lab.errors import LabError

UP_DEADLINE_SECONDS = 420
STACK_DEADLINE_SECONDS = 60
TAIL_LINES = 40


def developer(forge: Forge) -> dict[str, str]:
    """The environment of whoever has the pools' stack, as the forge's deploy job has it."""
    return {**environment.load(worlds.DEV), "PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.DEV, forge.state_folder)}


def up(story: Story, variables: Mapping[str, str], file: Path, stack: str = PLATFORM_STACK, *, lost: str = "") -> None:
    """Brings the stack up as its file says. Raises LabError with the end of Pulumi's output.

    `lost`: the package of Pulumi whose resources are all gone, as those of a forge that was started anew.
    """
    copy = _copy(file)
    folder = copy.parent
    _pulumi(folder, variables, "select", "--create", stack)
    if lost:
        exported = json.loads(_pulumi(folder, variables, "export", "--stack", stack))
        kept = json.dumps(forgetting.without(exported, lost))
        _pulumi(folder, variables, "import", "--stack", stack, text=kept)
    _run(story, variables, copy, "up", stack)


def destroy_pools(story: Story, forge: Forge) -> None:
    """Takes all of the pools' stack away. Raises LabError with the end of Pulumi's output."""
    _run(story, developer(forge), _copy(forge.stacks.file(POOLS_STACK)), "destroy", POOLS_STACK)


def _copy(file: Path) -> Path:
    """Pulumi adds the salt of this lab's passphrase to the file: it gets a copy, and the checkout stays as it was."""
    folder = paths.STATE / "demo" / file.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(paths.REPOSITORY / "Pulumi.yaml", folder)
    return Path(shutil.copy(file, folder))


def _pulumi(folder: Path, variables: Mapping[str, str], command: str, *arguments: str, text: str = "") -> str:
    """What `pulumi stack COMMAND` prints."""
    done = subprocess.run(
        ["pulumi", "stack", command, *arguments, "--non-interactive"], cwd=folder, env=dict(variables), input=text,
        capture_output=True, text=True, check=False, timeout=STACK_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"pulumi stack {' '.join((command, *arguments))}: {done.stderr.strip()}")
    return done.stdout


def _run(story: Story, variables: Mapping[str, str], file: Path, command: str, stack: str) -> None:
    flags = ["--yes", "--skip-preview", "--non-interactive", "--color=never"]
    process = subprocess.Popen(
        ["pulumi", command, *flags, "--stack", stack, "--config-file", str(file)],
        cwd=paths.REPOSITORY, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = threading.Timer(UP_DEADLINE_SECONDS, process.kill)
    deadline.start()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        _log(story, process.stdout, tail, stack)
        process.wait()
    finally:
        was_in_time = deadline.is_alive()
        deadline.cancel()
    if process.returncode != 0:
        how = "failed" if was_in_time else f"was not done within {UP_DEADLINE_SECONDS} s"
        raise LabError(f"pulumi {command} of the stack {stack} {how}:\n" + "\n".join(tail))


def _log(story: Story, output: Iterable[str], tail: deque[str], stack: str) -> None:
    is_summary = False
    for line in output:
        tail.append(line.rstrip())
        is_summary = is_summary or line.startswith(pulumi_output.SUMMARY)
        text = None if is_summary else pulumi_output.timeline_text(line)
        if text:
            story.log(stack, text)
