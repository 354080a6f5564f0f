"""The flags of every command that looks at a stack, and what it sees."""

import argparse
from pathlib import Path
from typing import Any

from access.cluster.errors import ClusterError
from access.yaml_document import YamlUnreadableError, read_yaml
from gpu_runners.arguments import add_stack, existing_file, existing_folder
from gpu_runners.pulumi_command import Program, opened
from gpu_runners.review.collect import Request, collect
from gpu_runners.review.core.evidence import Evidence
from gpu_runners.review.errors import ReviewFailedError

ERRORS = (ClusterError,)


def add_looking(parser: argparse.ArgumentParser) -> None:
    """STACK and how to look at the cluster."""
    add_stack(parser)
    parser.add_argument(
        "--context", default="", metavar="NAME",
        help="the context that the stack must be on, else this fails: the stack's config and KUBECONFIG choose it",
    )  # fmt: skip
    parser.add_argument(
        "--without", action="append", default=[], metavar="KIND",
        help="kinds, in the plural, that this identity may not read; the report says so. E.g. secrets, runners, forge",
    )  # fmt: skip


def add_preview(parser: argparse.ArgumentParser) -> None:
    """How to run the program, and what it costs."""
    parser.add_argument("--drift-only", action="store_true", help="no preview: the program is not run")
    add_policy_pack(parser)
    parser.add_argument(
        "--violations", action="append", default=[], type=existing_file, metavar="FILE", help="found elsewhere"
    )
    parser.add_argument(
        "--prices", type=existing_file, metavar="FILE", help='{"currency": "$", "hourly": {"H100-80GB-HBM3": 2}}'
    )


def add_policy_pack(parser: argparse.ArgumentParser) -> None:
    """--policy-pack and --policy-pack-config."""
    parser.add_argument("--policy-pack", default="", type=_pack, metavar="FOLDER", help="preview with this policy pack")
    parser.add_argument("--policy-pack-config", default="", type=_pack_config, metavar="FILE", help="its settings")


def policy_flags(options: argparse.Namespace) -> list[str]:
    """Pulumi's flags for the pack; none without one."""
    if not options.policy_pack:
        return []
    config = ["--policy-pack-config", options.policy_pack_config] if options.policy_pack_config else []
    return ["--policy-pack", options.policy_pack, *config]


def full_evidence(options: argparse.Namespace) -> Evidence:
    """Pending changes, unless with --drift-only, and drift. Raises CommandFailedError."""
    with opened(options.folder, options.stack, options.config_file) as program:
        return collect(
            Request(
                program=program,
                context=options.context,
                without=frozenset(options.without),
                policy_pack=options.policy_pack,
                policy_pack_config=options.policy_pack_config,
                violations=tuple(_read(path) for path in options.violations),
                prices=_read(options.prices) if options.prices else {},
                with_preview=not options.drift_only,
            )
        )


def drift_evidence(program: Program, options: argparse.Namespace) -> Evidence:
    """What differs from the state: what the program would change is no business of a repair."""
    without = frozenset(options.without)
    return collect(Request(program=program, context=options.context, without=without, with_preview=False))


def _pack(text: str) -> str:
    """An empty name, as a workflow's empty variable gives, is no pack. Pulumi runs in the program's folder."""
    return str(existing_folder(text).resolve()) if text else ""


def _pack_config(text: str) -> str:
    return str(existing_file(text).resolve()) if text else ""


def _read(path: Path) -> Any:
    """A file of JSON or YAML, which holds JSON."""
    try:
        return read_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, YamlUnreadableError) as error:
        raise ReviewFailedError(f"{path}: {error}") from error
