"""The engineer's part: one changed parameter, committed and pushed, so that DVC has something to train."""

import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import git, gitea
from lab.errors import LabError
from lab.repositories import GUIDE


@dataclass(frozen=True)
class Push:
    """A commit at the forge. `at` is when `git push` came back, in seconds since the epoch, `began` when it started."""

    commit: str
    seed: int
    began: float
    at: float


def change_seed(seed: int, files: Mapping[str, str]) -> Push:
    """Pushes a commit that trains with another seed; every run has its own, so nothing can come out of a cache.

    `files`: texts that are as they are there, by path.
    """
    login = git.login(gitea.ADMIN, gitea.token())
    with tempfile.TemporaryDirectory(prefix="demo-") as folder_name:
        folder = Path(folder_name)
        git.run(folder, "clone", "--quiet", "--depth", "1", f"{gitea.URL}/{GUIDE}.git", ".", environment=login)
        parameters = folder / "params.yaml"
        parameters.write_text(with_seed(parameters.read_text(), seed))
        for path, text in files.items():
            (folder / path).write_text(text)
        git.run(folder, "commit", "--quiet", "--all", "-m", f"Train with seed {seed}", environment=login)
        commit = git.run(folder, "rev-parse", "HEAD")
        began = time.time()
        git.run(folder, "push", "--quiet", "origin", "HEAD:main", environment=login)
        return Push(commit, seed, began, time.time())


def with_seed(parameters: str, seed: int) -> str:
    """params.yaml with another seed of the stage train, and nothing else changed."""
    changed, count = re.subn(r"(?ms)(^train:\n(?:  .*\n)*?  seed: )\d+", rf"\g<1>{seed}", parameters, count=1)
    if count != 1:
        raise LabError("params.yaml of the example has no `seed` under `train`: restore it from git")
    return changed
