"""Which stacks there are: the stack files of a folder."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from gpu_runners.review.errors import ReviewError

PLATFORM_KEY = "gpu-runners:platform"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def stacks(folder: Path, *, with_platform: bool = True) -> list[str]:
    """Names of the stacks whose `Pulumi.NAME.yaml` is in the folder.

    Without platforms, those alone that anybody may preview who holds no credential of the forge. A name that Pulumi
    would not accept is none: workflows write it into commands.
    """
    return [
        name
        for name, config in sorted(_files(folder))
        if _NAME.fullmatch(name) and (with_platform or not config.get(PLATFORM_KEY))
    ]


def check_listed(found: Sequence[str], listed: Sequence[str]) -> None:
    """Raises ReviewError where the stacks that somebody wrote down are not those that there are."""
    problems = [f"Pulumi.{name}.yaml is there and {name} is not listed" for name in found if name not in listed]
    problems += [f"{name} is listed and there is no such stack" for name in listed if name not in found]
    if problems:
        raise ReviewError(f"{'; '.join(problems)}: correct STACKS and the matrix of the workflow")


def _files(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in folder.glob("Pulumi.*.yaml"):
        document = yaml.safe_load(path.read_text()) or {}
        yield path.name.removeprefix("Pulumi.").removesuffix(".yaml"), document.get("config") or {}
