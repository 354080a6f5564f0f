"""Checks what a stack needs before `pulumi up`: config, cluster, GPU nodes, quota, rights, forge and images.

Changes nothing: it reads, asks what it may do, and tries to change one runner that cannot exist, number 0, to learn
whether a token may change runners. One line per check: ok, failed or unknown, and for the latter two the cure.

Exit codes: 0 nothing failed (what is unknown does not count, unless --strict); 1 something failed; 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from access.cluster.choice import ClusterChoice
from config import StackConfigError
from gpu_runners.doctor.checks import checks
from gpu_runners.doctor.core.findings import Finding, exit_code, failed, ok, summary
from gpu_runners.doctor.stack import UnreadableError, read_stack


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m gpu_runners.doctor", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--folder", type=Path, default=Path(), help="the Pulumi program (.)")
    parser.add_argument("--config-file", type=Path, help="the stack file (Pulumi.STACK.yaml of the folder)")
    parser.add_argument("--strict", action="store_true", help="let what is unknown fail as well")
    chosen = parser.parse_args(arguments)
    found = []
    for finding in examine(chosen.folder, chosen.stack, chosen.config_file):
        found.append(finding)
        print(finding, flush=True)
    print(f"{chosen.stack}: {summary(found)}")
    return exit_code(found, strict=chosen.strict)


def examine(folder: Path, stack: str, config_file: Path | None) -> Iterator[Finding]:
    """Every finding, as soon as it is known. Without a config that can be read there is nothing more to check."""
    try:
        read = read_stack(folder, stack, config_file, os.environ)
    except UnreadableError as error:
        cure = f"`pulumi stack init {stack}` makes a stack; `pulumi login` and PULUMI_CONFIG_PASSPHRASE open it"
        yield failed("config", " ".join(str(error).split()), cure)
        return
    except StackConfigError as error:
        for problem in error.problems:
            found = f"{problem.key} is {problem.found}; allowed: {problem.allowed}"
            yield failed("config", found, problem.cure)
        return
    parts = [*(["a platform"] if read.platform else []), *(f"pool {pool['name']}" for pool in read.pools)]
    yield ok("config", f"it declares {', '.join(parts)}")
    yield from checks(read, stack, ClusterChoice.of_this_program(os.environ, folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
