"""A copy of the repository in which mutmut may write: nothing of it is seen in the checkout."""

import json
import shutil
import subprocess
from pathlib import Path

from scripts.mutants.rooms import Room


def copy(repository: Path, folder: Path, room: Room) -> None:
    """The files that git tracks or would track, and mutmut's configuration for one room."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in _files(repository):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / name, target)
    top = sorted(entry.name for entry in folder.iterdir() if entry.name != room.source)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(configuration(room, top))


def configuration(room: Room, others: list[str]) -> str:
    """Of mutmut. `others`: what lies beside the room and is needed as it is."""
    arguments = ["-m", "not lab", "-p", "no:cacheprovider", "-p", "scripts.mutants.budget", "-q", *room.left_out]
    entries: dict[str, object] = {
        "source_paths": [room.source],
        "only_mutate": list(room.files),
        "do_not_mutate": list(room.spared),
        "also_copy": others,
        "pytest_add_cli_args": arguments,
        "pytest_add_cli_args_test_selection": list(room.tests),
        "track_dependencies": False,
        "timeout_multiplier": 5.0,
        "timeout_constant": 20.0,  # a busy machine must not kill mutants by itself
    }
    # A list of texts and a number are the same in JSON and in TOML.
    return "\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entries.items())


def _files(repository: Path) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=60)
    return [name for name in listed.stdout.split("\0") if name and (repository / name).is_file()]
