"""Which stacks there are: the stack files of a folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from access.yaml_document import YamlUnreadableError, read_mapping
from gpu_runners.arguments import STACK_NAME
from gpu_runners.pulumi_command import stack_file
from gpu_runners.review.core.stack_changes import StackFile
from gpu_runners.review.errors import ReviewFailedError

# What ships with the program stands for nobody's runners. Only this name: another file is a stack, whatever it says.
DEFAULT_STACK = "dev"
DEFAULT_MARK = "# Embedded default of gpu-runners, for its lab: no stack of yours, until you take this line out."
PLATFORM_KEY = "gpu-runners:platform"
LONGEST_BYTES = 1_000_000
_SALT = re.compile(r"^encryptionsalt:.*$", re.MULTILINE)


def stacks(folder: Path, *, with_platform: bool = True) -> list[str]:
    """Names of the stacks whose `Pulumi.NAME.yaml` is in the folder. Raises ReviewFailedError for a file that is none.

    Without platforms, those alone that anybody may preview who holds no credential of the forge.
    """
    return sorted(
        name for name in _stack_names(folder)
        if (not _config(stack_file(folder, name)).get(PLATFORM_KEY) or with_platform)
    )  # fmt: skip


def stack_files(folder: Path) -> dict[str, StackFile]:
    """Every stack of a folder by its name. Raises ReviewFailedError for a file that is none."""
    return {
        name: StackFile(
            has_platform=bool(_config(stack_file(folder, name)).get(PLATFORM_KEY)),
            config=_plain_config(stack_file(folder, name)),
            text=_SALT.sub("", stack_file(folder, name).read_text()).strip(),
        )
        for name in _stack_names(folder)
    }


def left_out(folder: Path) -> dict[str, str]:
    """Files that are no stack's, and why: the embedded default, and those whose names Pulumi would not accept, as
    workflows write names into commands."""
    why = {
        f"Pulumi.{name}.yaml": "whose middle is no name of a stack"
        for name in sorted(_names(folder))
        if not STACK_NAME.fullmatch(name)
    }
    if is_embedded_default(folder):
        why[f"Pulumi.{DEFAULT_STACK}.yaml"] = "the embedded default, until you take out the line that says so"
    return why


def is_embedded_default(folder: Path) -> bool:
    """Whether the folder's stack `dev` is the one that ships with the program."""
    path = stack_file(folder, DEFAULT_STACK)
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_BYTES:
        return False
    return DEFAULT_MARK.encode() in path.read_bytes().splitlines()


def check_listed(names: Sequence[str], listed: Sequence[str]) -> None:
    """Raises ReviewFailedError where the stacks that somebody wrote down are not those that there are."""
    problems = [f"Pulumi.{name}.yaml is there and {name} is not listed" for name in names if name not in listed]
    problems += [f"{name} is listed and there is no such stack" for name in listed if name not in names]
    if problems:
        raise ReviewFailedError(f"{'; '.join(problems)}: correct STACKS and the matrix of the workflow")


def _stack_names(folder: Path) -> list[str]:
    names = [name for name in _names(folder) if STACK_NAME.fullmatch(name)]
    return [name for name in names if name != DEFAULT_STACK or not is_embedded_default(folder)]


def _names(folder: Path) -> list[str]:
    return [path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml")]


def _plain_config(path: Path) -> dict[str, Any]:
    """The config of a file that says everything once; empty where an alias could make it larger than it is."""
    config = _config(path)
    tokens = yaml.scan(path.read_text(), Loader=yaml.SafeLoader)
    return {} if any(isinstance(token, yaml.AliasToken) for token in tokens) else config


def _config(path: Path) -> dict[str, Any]:
    """A stack file's config. Raises ReviewFailedError: a stack that cannot be read must not be left out."""
    # It may be a pull request's: a link could lead anywhere, and an error's text shows a piece of what is there.
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_BYTES:
        raise ReviewFailedError(f"{path}: no stack file: allowed is a plain file of at most {LONGEST_BYTES} bytes")
    try:
        config = read_mapping(path.read_text()).get("config") or {}
        if isinstance(config, dict):
            return config
    except (OSError, UnicodeDecodeError, YamlUnreadableError) as error:
        raise ReviewFailedError(f"{path}: no stack file: {' '.join(str(error).split())}") from error
    raise ReviewFailedError(f"{path}: no stack file: `config` is {type(config).__name__}; allowed: a mapping of keys")
