"""Which stack is meant where none is named: the one that Pulumi itself would take."""

import json
import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Final

from gpu_runners.arguments import stack_name
from gpu_runners.errors import CommandFailedError, UsageWrongError
from gpu_runners.pulumi_command import Program, stack_file

_VARIABLE: Final = "PULUMI_STACK"  # Pulumi's own
_CURE: Final = "name it with --stack STACK, or choose one with `pulumi stack select`"


def selected_stack(folder: Path) -> str:
    """From PULUMI_STACK, else what `pulumi stack select` chose, else the only one that there is.

    Raises CommandFailedError where that is none, UsageWrongError, PulumiFailedError.
    """
    if named := os.environ.get(_VARIABLE):
        try:
            return stack_name(named)
        except ArgumentTypeError as error:
            raise UsageWrongError(f"{_VARIABLE}: {error}") from error
    answer = Program(folder=folder, stack="", config_file=stack_file(folder, "")).run(
        "stack", "ls", "--json", on_stack=False
    )
    if answer.code != 0:
        raise CommandFailedError(f"list of stacks: {answer.complaint}; {_CURE}")
    try:
        stacks = json.loads(answer.output[answer.output.find("[") :])
        names = {str(stack["name"]): bool(stack.get("current")) for stack in stacks}
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailedError(f"list of stacks: no list ({type(error).__name__}); {_CURE}") from error
    chosen = [name for name, is_current in names.items() if is_current] or list(names)
    if len(chosen) != 1:
        raise CommandFailedError(f"no stack is selected in {folder}, which has {', '.join(names) or 'none'}; {_CURE}")
    return chosen[0]
