"""What ends a command with one line on standard error. A message says what was found, what is allowed and the cure."""

from gpu_runners.exit_code import ExitCode


class CommandFailedError(Exception):
    """A command cannot go on."""

    exit_code = ExitCode.FAILED


class UsageWrongError(CommandFailedError):
    """What was typed cannot be meant; seen before anybody was asked."""

    exit_code = ExitCode.USAGE
