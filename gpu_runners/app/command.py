"""Makes a GitHub App with exactly the permissions that gpu-runners needs, through a page in your browser.

KIND: repository (a registrar's, for runners of repositories), organization (a registrar's, for runners of an
organization) or wiring (for variables, secrets, environments and runner groups that `pulumi up` declares).

With --stack, the App's number and key go into that stack's config, the key encrypted, and into no file.

    gpu-runners app repository --stack gpus
    gpu-runners app organization --organization mlops
    gpu-runners app wiring --organization mlops --to wiring.pem
"""

import argparse
import os
from pathlib import Path

from gpu_runners.app.handshake import make_app
from gpu_runners.app.manifest import APP_NAME, CONFIG_KEYS, KINDS, Order, is_app_name, next_steps, next_steps_of_stack
from gpu_runners.app.stored_app import find_program, put
from gpu_runners.arguments import add_folder, authority, port, stack_name
from gpu_runners.errors import CommandFailedError, UsageWrongError
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from values.github import is_owner
from values.problem import quoted
from values.scope import GITHUB, parse_scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--organization", type=organization, metavar="NAME", help="the owner (your own account)")
    parser.add_argument(
        "--github", type=github, default="https://github.com", metavar="URL", help="(https://github.com)"
    )
    parser.add_argument("--name", type=app_name, help="names are unique at GitHub: choose another where one is taken")
    parser.add_argument("--to", type=Path, metavar="FILE", help="the App's key (KIND.private-key.pem)")
    parser.add_argument("--stack", type=stack_name, metavar="STACK", help="whose config gets the App's number and key")
    add_folder(parser)
    parser.add_argument("--forge-ca", type=authority, metavar="FILE", help="PEM of GitHub's CA, where no public one is")
    parser.add_argument("--port", type=port, default=8976, help="of the page on this machine (8976)")


def github(text: str) -> str:
    """The root of a GitHub, without a slash at its end.

    Raises argparse.ArgumentTypeError, which repeats nothing of it.
    """
    try:
        scope = parse_scope(GITHUB, f"{text.rstrip('/')}/owner")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write e.g. https://github.example.com") from error
    if scope.path != "owner":
        raise argparse.ArgumentTypeError("it has a path; write e.g. https://github.example.com")
    return scope.url


def organization(text: str) -> str:
    """An organization's name, without the address before it. Raises argparse.ArgumentTypeError."""
    if not is_owner(text):
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is none; allowed: its name alone, at most 39 letters, digits and -, the first no -"
        )
    return text


def app_name(text: str) -> str:
    """A name that GitHub takes for an App. Raises argparse.ArgumentTypeError."""
    if not is_app_name(text):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is none; allowed: {APP_NAME}")
    return text


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the App is made. Raises CommandFailedError: it is not, and no key is left."""
    if options.kind == "organization" and not options.organization:
        raise UsageWrongError(
            "--organization: missing; an App that is your own account's can be installed on no organization"
        )
    if options.stack:
        return _into_stack(options)
    file = options.to or Path(f"{options.kind}.private-key.pem")
    order = Order(options.kind, options.github, options.organization or "", options.name or "")
    try:
        # First of all: a key that cannot be kept is lost.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailedError(f"{file} cannot be made: {error.strerror}; name another with --to") from error
    with os.fdopen(descriptor, "w") as key:
        try:
            app = make_app(order, options.port, say, ca=options.forge_ca or "")
            key.write(app["pem"])
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    say(next_steps(order, app, file))
    return ExitCode.DONE


def _into_stack(options: argparse.Namespace) -> ExitCode:
    if options.to:
        raise UsageWrongError("--stack and --to: give one of them, the stack or the file that gets the key")
    program = find_program(options.folder, options.stack)
    order = Order(options.kind, options.github, options.organization or "", options.name or "")
    app = make_app(order, options.port, say, ca=options.forge_ca or "")
    put(program, CONFIG_KEYS[options.kind], int(app["id"]), str(app["pem"]))
    say(next_steps_of_stack(order, app, options.stack))
    return ExitCode.DONE
