"""What to run once a stack's file is there. Pure."""

from gpu_runners.init.core.stack import Stack
from values.runner_label import SELF_HOSTED
from values.scope import GITHUB, GITHUB_COM, parse_scope


def next_steps(stack: Stack, file: str, install_page: str, *, has_credential: bool, has_passphrase: bool) -> str:
    """In the order in which they are done; install_page: where the App that was made just now is installed."""
    steps = []
    if install_page:
        steps.append(f"install the App on {stack.scope}: {install_page}")
    if not has_credential:
        steps += _credential(stack)
    steps += [
        f"gpu-runners doctor {stack.name}     # what is missing, and its cure; changes nothing",
        f"pulumi up --stack {stack.name}      # ends when the runners are online, or says why they are not",
        f"in a workflow of {stack.scope}: runs-on: {_runs_on(stack)}",
    ]
    secrets = "; its secrets are encrypted, so it may be committed" if has_credential else ""
    passphrase = " Keep PULUMI_CONFIG_PASSPHRASE: it opens them, and `pulumi` asks for it." if has_passphrase else ""
    lines = [f"{file} is written{secrets}.{passphrase}", "Next:"]
    return "\n".join([*lines, *(f"{number}. {step}" for number, step in enumerate(steps, 1))])


def _credential(stack: Stack) -> list[str]:
    if stack.forge == GITHUB:
        forge = parse_scope(GITHUB, stack.scope)
        kind = "repository" if forge.scope.is_repository else "organization"
        # An App is installed where it belongs to, and nowhere else.
        flags = f"--stack {stack.name} --organization {forge.scope.owner}"
        flags += "" if forge.host == GITHUB_COM else f" --github {forge.url}"
        flags += " --forge-ca FILE" if stack.forge_ca else ""
        own = f" (of your own account {forge.scope.owner}: without --organization)" if kind == "repository" else ""
        return [f"gpu-runners app {kind} {flags}     # makes an App, and writes its id and key into the stack{own}"]
    return [f"pulumi config set --secret forgeToken --stack {stack.name}     # a token that may register runners there"]


def _runs_on(stack: Stack) -> str:
    """The label that tells this pool from others, where there is one."""
    own = [label for label in stack.pool.labels if label.lower() != SELF_HOSTED]
    return own[0] if own else SELF_HOSTED
