"""A stack's config as `pulumi up` would read it, through Pulumi's command line. Runs and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from config import NAMESPACE, StackConfig, load
from gpu_runners.pulumi_command import Program, StackUnknownError, opened
from gpu_runners.state.expectation import config_text


@dataclass(frozen=True)
class StackSource:
    """Where a stack's program and config are. stack is what Pulumi calls it, maybe with an organization."""

    folder: Path
    stack: str
    config_file: Path | None

    @property
    def name(self) -> str:
        """As the program itself knows it."""
        return self.stack.rpartition("/")[2]


class ConfigUnreadableError(Exception):
    """There is no config to check. The message says why, or holds Pulumi's own words."""


def read_stack(folder: Path, stack: str, config_file: Path | None, environment: Mapping[str, str]) -> StackConfig:
    """The stack's config with its secrets.

    Raises PulumiFailedError, of which StackFileUnreadableError, ConfigUnreadableError, StackConfigError.
    """
    try:
        with opened(folder, stack, config_file) as program:
            return config_of(program, environment)
    except StackUnknownError as error:
        raise ConfigUnreadableError(f"the state backend knows no stack {stack}") from error


def config_of(program: Program, environment: Mapping[str, str]) -> StackConfig:
    """The same of a program that is opened already."""
    answer = program.run("config", "--json", "--show-secrets", with_config=True)
    if answer.code != 0:
        raise ConfigUnreadableError(answer.complaint.removeprefix("error: "))
    set_config(answer.document() or {})
    return load(pulumi.Config(NAMESPACE), environment)


def set_config(values: Mapping[str, Mapping[str, Any]]) -> None:
    """Hands values, as `pulumi config --json` prints them, to the SDK as the engine would."""
    texts = {key: config_text(entry) for key, entry in values.items()}
    pulumi.runtime.set_all_config(texts, [key for key, entry in values.items() if entry.get("secret")])
