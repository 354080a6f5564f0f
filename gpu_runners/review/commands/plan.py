"""Previews a stack with the policy pack and saves the plan, for an `up` that does exactly this and nothing else.

With --reviewed it refuses where the preview is another one than that which was looked at: the digest is what `render`
wrote as `plan`, and what this command prints.

    gpu-runners plan dev --save plan.json --policy-pack policy --policy-pack-config policy/lab.json
    gpu-runners plan dev --save plan.json --digest reviewed
"""

import argparse
import os
import re
from pathlib import Path
from typing import Final

from gpu_runners.arguments import add_stack
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import Answer, Program, StackUnknownError, begun_elsewhere, opened
from gpu_runners.review.commands.looking import add_policy_pack, policy_flags
from gpu_runners.review.core.evidence import Evidence, trimmed
from gpu_runners.review.core.markdown import markdown
from gpu_runners.review.core.pending import failure
from gpu_runners.review.core.plan_digest import plan_digest
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.errors import ReviewFailedError
from values.secrecy import without_secrets

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    add_policy_pack(parser)
    parser.add_argument("--save", required=True, type=Path, metavar="FILE", help="the plan, for `pulumi up --plan`")
    parser.add_argument("--reviewed", type=_digest, metavar="DIGEST", help="of the preview that was looked at")
    parser.add_argument("--digest", type=Path, metavar="FILE", help="where the digest of this preview goes (nowhere)")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the plan is saved; FOUND: it is another one than was reviewed. Raises ReviewFailedError."""
    options.save.unlink(missing_ok=True)
    plan = options.save.resolve()
    plan.touch(mode=0o600)  # it holds every value of the stack, secrets encrypted
    preview = trimmed(_document(options, plan))
    digest = plan_digest(preview)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a") as file:
            file.write(markdown(review(Evidence(stack=options.stack, preview=preview))))
    if options.reviewed not in (None, digest):
        plan.unlink()
        say(f"{options.stack}: the preview is {digest}, and {options.reviewed} was reviewed: the program, the state or")
        say("the cluster is another one since. Nothing was changed; run the workflow again and review what it shows.")
        return ExitCode.FOUND
    if options.digest:
        options.digest.write_text(f"{digest}\n")
    say(digest)
    return ExitCode.DONE


def _document(options: argparse.Namespace, plan: Path) -> dict[str, object]:
    """What the preview printed. Raises ReviewFailedError: the program, or a mandatory rule, ended it."""
    with opened(options.folder, options.stack, options.config_file) as program:
        try:
            answer = _preview(program, options, plan)
        except StackUnknownError:  # `up` is what makes it; whoever only looks sees it in an empty state
            with begun_elsewhere(program) as new:
                answer = _preview(new, options, plan)
    document = answer.document()
    if answer.code == 0 and isinstance(document, dict):
        return document
    plan.unlink(missing_ok=True)
    reason = "\n".join(filter(None, (failure(document if isinstance(document, dict) else {}), answer.complaint)))
    raise ReviewFailedError(f"{options.stack} cannot be previewed, so nothing is planned: {without_secrets(reason)}")


def _preview(program: Program, options: argparse.Namespace, plan: Path) -> Answer:
    return program.run("preview", "--json", "--save-plan", str(plan), *policy_flags(options), with_config=True)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no digest; allowed: sha256: and 64 hexadecimal digits")
    return text
