"""Tells whether this program made everything in a stack's state; runs and changes nothing.

Whoever may write to the state's bucket can make Pulumi run commands: a provider with a plugin in its kubeconfig, one
from another address, a dynamic resource. review, repair and unlock look by themselves; a workflow looks before `up`.

    gpu-runners state dev
"""

import argparse

from gpu_runners.arguments import add_stack
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import StateForeignError, opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: all of it is this program's; FOUND: something is not. Raises PulumiFailedError, StackUnknownError."""
    with opened(options.folder, options.stack, options.config_file) as program:
        try:
            resources = program.export()
        except StateForeignError as error:
            say(str(error))
            return ExitCode.FOUND
    say(f"{options.stack}: this program made all {len(resources)} resources of the state")
    return ExitCode.DONE
