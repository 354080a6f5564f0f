"""Tells whether this program made everything in a stack's state; runs and changes nothing.

Whoever may write to the state's bucket can make Pulumi run commands: a provider with a plugin in its kubeconfig, one
from another address, a dynamic resource. review, repair and unlock look by themselves; a workflow looks before `up`.

    gpu-runners state dev
    gpu-runners state dev --without-platform
"""

import argparse
from typing import Final

from gpu_runners.arguments import add_stack
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import StateForeignError, opened

_CURE: Final = "put the pools into a stack of their own, with its own backend, key and passphrase: docs/state.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    parser.add_argument(
        "--without-platform", action="store_true", help="as a job that is about to bring it up: refuse a platform"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: all of it is this program's; FOUND: something is not. Raises PulumiFailedError, StackUnknownError."""
    with opened(options.folder, options.stack, options.config_file) as program:
        if options.without_platform and program.declares_platform():
            say(f"{options.stack} declares a platform: only an administrator brings that up, never a job; {_CURE}")
            return ExitCode.FOUND
        try:
            resources = program.export()
        except StateForeignError as error:
            say(str(error))
            return ExitCode.FOUND
    say(f"{options.stack}: this program made all {len(resources)} resources of the state")
    return ExitCode.DONE
