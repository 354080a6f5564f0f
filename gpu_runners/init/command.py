"""Asks what a first stack needs, finds out what it can by itself, and writes the stack's file with comments.

It asks the cluster for its GPU nodes, the forge for its kind and addresses, and registries for digests; makes the
GitHub App; and ends with what to run next. Each question has a flag, for scripts; without a terminal it asks nothing.
Until the last answer nothing is written, and then all of it.

    gpu-runners init gpus
    gpu-runners init gpus --scope https://github.com/me/ml --image nvidia/cuda:12.4.1
    gpu-runners init gpus --yes --app-id 4711 --app-key app.pem --replicas 4 --label gpu --overwrite
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from gpu_runners.app.command import app_name
from gpu_runners.arguments import STACK_NAME, add_folder, authority, port, stack_name
from gpu_runners.errors import UsageWrongError
from gpu_runners.exit_code import ExitCode
from gpu_runners.init import credential as credentials
from gpu_runners.init import questions
from gpu_runners.init.core.next_steps import next_steps
from gpu_runners.init.core.stack import Stack, stack_text
from gpu_runners.init.credential import Credential
from gpu_runners.init.dialogue import Dialogue
from gpu_runners.init.writing import Place, check, find_place, write
from gpu_runners.output import say
from values.placement import PRESETS
from values.scope import FORGES

FLAGS = (
    ("--scope", "URL", "whose jobs get GPUs: a repository or an organization"),
    ("--image", "IMAGE", "what the jobs run in"),
    ("--registrar-image", "IMAGE", "built from registrar/Dockerfile"),
    ("--runner-image", "IMAGE", "with the forge's runner (at GitHub: its own, the newest)"),
    (
        "--forge-address",
        "IP",
        "where the forge answers, where its name does not resolve from here; several with commas",
    ),
    ("--gpus", "NUMBER", "of each runner (1)"),
    ("--replicas", "NUMBER", "how many runners (1)"),
    ("--cpu", "CORES", "of each runner (the part of its GPUs)"),
    ("--memory", "SIZE", "of each runner (the part of its GPUs)"),
    ("--namespace", "NAME", "of the runners (the stack's)"),
    ("--registrar-namespace", "NAME", "of the registrar (that of the runners with -system)"),
    ("--pool", "NAME", "of the pool (gpu)"),
    ("--gpu-resource", "NAME", "of the nodes' device plugin (asked of the cluster)"),
    ("--gpu-kind", "NUMBER", "which of the kinds of GPU nodes that are shown"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("stack", metavar="STACK", type=stack_name, help="the new stack's name")
    add_folder(parser)
    for flag, metavar, text in FLAGS:
        parser.add_argument(flag, metavar=metavar, help=text)
    parser.add_argument("--context", default="", metavar="NAME", help="of the kubeconfig (its one, or asked)")
    parser.add_argument("--forge", choices=FORGES, metavar="KIND", help=f"{', '.join(FORGES)} (asked of it)")
    parser.add_argument("--forge-ca", type=authority, metavar="FILE", help="PEM of its CA, where no public one is")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), metavar="NAME", help=f"{', '.join(PRESETS)} (asked of the cluster)"
    )
    parser.add_argument(
        "--node-selector", action="append", metavar="KEY=VALUE", help="a label of them; may be repeated"
    )
    parser.add_argument(
        "--label", action="append", metavar="LABEL", help="of runs-on; may be repeated (self-hosted, gpu)"
    )
    parser.add_argument("--allow-tags", action="store_true", help="take images by tag where no digest is told")
    parser.add_argument("--app-id", type=int, metavar="NUMBER", help="of a GitHub App that you have")
    parser.add_argument("--app-key", type=Path, metavar="FILE", help="with its private key")
    parser.add_argument(
        "--app-name", type=app_name, metavar="NAME", help="of the App (gpu-runners): names are unique at GitHub"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a token in place of an App")
    parser.add_argument("--no-credential", action="store_true", help="leave it for later")
    parser.add_argument(
        "--owner",
        choices=("organization", "account"),
        metavar="KIND",
        help="organization or account, which will own the App",
    )
    parser.add_argument("--port", type=port, default=8976, help="of the page on this machine (8976)")
    parser.add_argument("--overwrite", action="store_true", help="replace the stack's file that is there")
    parser.add_argument("--yes", action="store_true", help="do not ask whether this shall be written: it shall")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: it is written. Raises CommandFailedError: nothing is."""
    if not STACK_NAME.fullmatch(options.stack):
        raise UsageWrongError(
            f"{options.stack!r} is no name of a new stack; allowed: its name alone, without a project"
        )
    flags = vars(options) | {"context": options.context or None}
    dialogue, environment = Dialogue(flags), os.environ
    given = credentials.given(dialogue)
    questions.require_flags(dialogue)
    place = find_place(options.folder, options.stack)
    has_no_passphrase = place.needs_passphrase(environment)
    _agree_to_overwrite(place, dialogue)
    stack = questions.stack(
        questions.Asked(options.stack, options.folder, environment, options.forge_ca or ""), dialogue
    )
    credentials.check_fits(given, stack.forge)
    check(_with(stack, given), options.folder, given)
    say(f"\n{stack_text(_with(stack, given))}")
    if dialogue.may_ask and not (options.yes or dialogue.agrees(f"Write this to {place.file.name}?")):
        say("nothing was written")
        return ExitCode.FOUND
    variables = _passphrase(dialogue) if has_no_passphrase else {}
    credential = given if given is not None else credentials.ask(stack, dialogue, environment)
    stack = _with(stack, credential)
    write(place, stack, credential, variables)
    say(
        next_steps(
            stack, place.file.name, credential.install_page, has_credential=credential.is_there,
            has_passphrase=bool(variables),
        )
    )  # fmt: skip
    return ExitCode.DONE


def _with(stack: Stack, credential: Credential | None) -> Stack:
    return stack if credential is None else replace(stack, app_id=credential.app_id)


def _agree_to_overwrite(place: Place, dialogue: Dialogue) -> None:
    if not place.file.exists() or dialogue.given("overwrite"):
        return
    if not dialogue.agrees(f"{place.file.name} is there already. Replace it by a new one?"):
        raise UsageWrongError(
            f"{place.file} is there, and was left as it is; choose another name for the stack, or replace that file "
            "with --overwrite"
        )


def _passphrase(dialogue: Dialogue) -> dict[str, str]:
    """What Pulumi is to encrypt with, where the environment says nothing."""
    if not dialogue.may_ask:
        raise UsageWrongError("PULUMI_CONFIG_PASSPHRASE is missing in the environment: it encrypts the stack's secrets")
    while True:
        first = dialogue.secret("a passphrase for the stack's secrets, which you keep")
        if first and first == dialogue.secret("the same again"):
            return {"PULUMI_CONFIG_PASSPHRASE": first}
        say("  these are not the same, or nothing")
