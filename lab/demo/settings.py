"""What the demo is about: the stacks and pools as they are committed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError

PLATFORM_STACK = "platform"
POOLS_STACK = "dev"


@dataclass(frozen=True)
class Pool:
    """A pool of runners that one of the two stacks declares."""

    name: str
    namespace: str


@dataclass(frozen=True)
class Stacks:
    """The stack files of a demo, as they are committed in `folder`."""

    folder: Path

    def file(self, stack: str) -> Path:
        """Where a stack's configuration lies."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def pools(self, stack: str) -> list[Pool]:
        """The pools of a stack, in the order of its file. Raises LabError where it declares none."""
        config = self._config(stack)
        declared = config.get("gpu-runners:pools")
        if not declared:
            raise LabError(f"{self.file(stack)} declares no pool: restore gpu-runners:pools from git")
        return [Pool(pool["name"], pool.get("namespace") or config["gpu-runners:namespace"]) for pool in declared]

    def every_pool(self) -> list[Pool]:
        """The pools of both stacks."""
        return [*self.pools(PLATFORM_STACK), *self.pools(POOLS_STACK)]

    def gpu_pool(self) -> Pool:
        """The pool that the workflow deploys and releases: the first of its stack."""
        return self.pools(POOLS_STACK)[0]

    def registrar_namespace(self) -> str:
        """Where the platform's registrar runs."""
        return str(self._config(PLATFORM_STACK)["gpu-runners:platform"]["registrar"]["namespace"])

    def _config(self, stack: str) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load(self.file(stack).read_text())["config"]
        return config
