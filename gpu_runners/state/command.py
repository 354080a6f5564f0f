"""Tells whether this program made everything in a stack's state; runs and changes nothing.

Whoever may write to the state's bucket can make Pulumi run commands: a provider with a plugin in its kubeconfig, one
from another address, a dynamic resource. review, repair and unlock look by themselves; a workflow looks before `up`.

    gpu-runners state dev
    gpu-runners state dev --without-platform --create
"""

import argparse
from typing import Any, Final

from gpu_runners.arguments import add_stack
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import Program, PulumiFailedError, StackUnknownError, StateForeignError, opened

_CURE: Final = "put the pools into a stack of their own, with its own backend, key and passphrase: docs/state.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    parser.add_argument(
        "--without-platform", action="store_true", help="as a job that is about to bring it up: refuse a platform"
    )
    parser.add_argument(
        "--create", action="store_true", help="make the stack, empty, where the state backend has none of its name"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: all of it is this program's; FOUND: something is not. Raises PulumiFailedError, StackUnknownError."""
    with opened(options.folder, options.stack, options.config_file) as program:
        try:
            resources, foreign = _resources(program, create=options.create), None
        except StateForeignError as error:
            resources, foreign = [], error
        # The config was asked for beside the state, and tells more: of a state that fits no pools it says why.
        if options.without_platform and program.declares_platform():
            say(f"{options.stack} declares a platform: only an administrator brings that up, never a job; {_CURE}")
            return ExitCode.FOUND
    if foreign:
        say(str(foreign))
        return ExitCode.FOUND
    say(f"{options.stack}: this program made all {len(resources)} resources of the state")
    return ExitCode.DONE


def _resources(program: Program, *, create: bool) -> list[dict[str, Any]]:
    """Those of the state. Raises as Program.export does, StackUnknownError only where the stack is not to be made."""
    try:
        return program.export()
    except StackUnknownError:
        if not create:
            raise
    made = program.run("stack", "init", program.stack, "--no-select", on_stack=False)
    try:
        return program.export()  # whoever made it: of two jobs that do so at once Pulumi refuses one
    except StackUnknownError as error:
        raise PulumiFailedError(f"stack init {program.stack}: {made.complaint}") from error
