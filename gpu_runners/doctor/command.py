"""Checks what a stack needs before `pulumi up`: config, cluster, GPU nodes, quota, rights, forge, images and secrets.

Changes nothing: it reads, asks what it may do, asks the registrar how its forge answers it, previews and has the API
server judge one pod of each pool by a dry run, and tries to change one runner that cannot exist, number 0, to learn
whether a token may change runners. One line per check: ok, failed or unknown, and for the latter two the cure. What is
unknown does not count, unless with --strict.

    gpu-runners doctor prod-platform
    gpu-runners doctor prod --strict
    gpu-runners doctor prod --platform-backend s3://platform-state
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from access.cluster.program_choice import choice_of_this_program
from config import StackConfigError
from gpu_runners.arguments import add_stack
from gpu_runners.doctor.checks import checks
from gpu_runners.doctor.core.findings import Finding, exit_code, failed, ok, summary, wrong
from gpu_runners.doctor.pulumi_version import pulumi_version
from gpu_runners.doctor.worlds import worlds_of
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import plain
from gpu_runners.pulumi_command import Program, StackFileUnreadableError, stack_file
from gpu_runners.stack_config import ConfigUnreadableError, StackSource, read_stack
from gpu_runners.stack_file import ignored_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    parser.add_argument("--strict", action="store_true", help="let what is unknown fail as well")
    parser.add_argument(
        "--platform-backend", default="", metavar="URL", help="where the platform's state is: its backend must refuse"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """FOUND: a check failed. FAILED: with --strict, none failed and one is unknown."""
    findings = []
    for finding in examine(options.folder, options.stack, options.config_file, options.platform_backend):
        findings.append(finding)
        print(plain(finding), flush=True)
    print(f"{options.stack}: {summary(findings)}")
    return exit_code(findings, strict=options.strict)


def examine(folder: Path, stack: str, config_file: Path | None, platform_backend: str = "") -> Iterator[Finding]:
    """Every finding, as soon as it is known. Without a config that can be read there is nothing more to check."""
    file = config_file or stack_file(folder, stack)
    ignored = ignored_document(file.read_bytes()) if file.is_file() else None
    if ignored:
        yield wrong("config", ignored)
    try:
        read = read_stack(folder, stack, config_file, os.environ)
    except ConfigUnreadableError as error:
        cure = f"`pulumi stack init {stack}` makes a stack; `pulumi login` and PULUMI_CONFIG_PASSPHRASE open it"
        yield failed("config", " ".join(str(error).split()), cure)
        return
    except (StackConfigError, StackFileUnreadableError) as error:
        for problem in error.problems:
            yield wrong("config", problem)
        return
    parts = [*(["a platform"] if read.platform else []), *(f"pool {pool['name']}" for pool in read.pools)]
    yield ok("config", f"it declares {', '.join(parts)}")
    yield from pulumi_version(Program(folder=folder, stack=stack, config_file=file))
    has_platform = bool(read.platform)
    yield from worlds_of(folder, stack, config_file, has_platform=has_platform, platform_backend=platform_backend)
    yield from checks(read, StackSource(folder, stack, config_file), choice_of_this_program(os.environ, folder))
