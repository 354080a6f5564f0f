"""What the demo is about: the stacks and pools as they are committed, and the example's repository at the forge."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import paths
from lab.errors import LabError
from lab.repositories import GUIDE

PLATFORM_STACK = "platform"
POOLS_STACK = "dev"
REPOSITORY = GUIDE


@dataclass(frozen=True)
class Pool:
    """A pool of runners that one of the two stacks declares."""

    name: str
    namespace: str


def stack_file(stack: str) -> Path:
    """Where a stack's configuration lies."""
    return paths.REPOSITORY / f"Pulumi.{stack}.yaml"


def pools(stack: str) -> list[Pool]:
    """The pools of a stack, in the order of its file. Raises LabError where it declares none."""
    config = yaml.safe_load(stack_file(stack).read_text())["config"]
    declared = config.get("gpu-runners:pools")
    if not declared:
        raise LabError(f"{stack_file(stack).name} declares no pool: restore gpu-runners:pools from git")
    return [Pool(pool["name"], pool.get("namespace") or config["gpu-runners:namespace"]) for pool in declared]


def gpu_pool() -> Pool:
    """The pool that the workflow deploys and releases: the first of its stack."""
    return pools(POOLS_STACK)[0]
