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
    """The GPU pool that the workflow deploys."""

    name: str
    namespace: str


def stack_file(stack: str) -> Path:
    """Where a stack's configuration lies."""
    return paths.REPOSITORY / f"Pulumi.{stack}.yaml"


def gpu_pool() -> Pool:
    """The first pool of the stack that the workflow deploys."""
    config = yaml.safe_load(stack_file(POOLS_STACK).read_text())["config"]
    pools = config.get("gpu-runners:pools")
    if not pools:
        raise LabError(f"{stack_file(POOLS_STACK).name} declares no pool: restore gpu-runners:pools from git")
    return Pool(pools[0]["name"], pools[0].get("namespace") or config["gpu-runners:namespace"])
