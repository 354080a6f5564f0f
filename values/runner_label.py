"""Runner labels: the words of `runs-on`, as both forges take them and a pod's annotation can hold them."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from values.scope import GITEA

MOST_LABELS: Final = 32
LONGEST_LABEL: Final = 128
# Whoever writes `runs-on: [self-hosted, x]` names it too, and a just-in-time runner has it only where its pool has.
SELF_HOSTED: Final = "self-hosted"
# No comma (it separates), no colon (Gitea reads the executor after it), no blank at either end.
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.+/= -]{0,126}[A-Za-z0-9_.+/=-])?", re.ASCII)

# As GitHub names the runners that it hosts, and organizations the larger ones that it hosts for them: ubuntu-latest,
# ubuntu-24.04-arm, ubuntu-slim, windows-11-arm, macos-26-xlarge, ubuntu-latest-16-cores, and whatever comes next
# (https://docs.github.com/actions/reference/runners/github-hosted-runners).
_HOSTED: Final = re.compile(r"(?:ubuntu|windows|macos)-(?:latest|slim|[0-9]+(?:\.[0-9]+)*)(?:-.*)?", re.ASCII)


def is_hosted_label(text: str) -> bool:
    """Whether a job that writes it means a runner that GitHub hosts."""
    (label,) = folded([text])
    return _HOSTED.fullmatch(label) is not None


def means_hosted(labels: Collection[str]) -> bool:
    """Whether a job with these labels means a runner that GitHub hosts: each of these has one such label alone."""
    return bool(labels) and all(map(is_hosted_label, labels))


def is_runner_label(text: object) -> bool:
    """Whether it is one runner label."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def folded(labels: Iterable[str]) -> frozenset[str]:
    """The labels without a difference between upper and lower case."""
    # Those of ASCII alone: to Python the Kelvin sign is a K, too, and to GitHub it is not.
    return frozenset(label.lower() if label.isascii() else label for label in labels)


def compared(labels: Iterable[str], forge: str) -> frozenset[str]:
    """The labels as a kind of forge compares them: GitHub makes no difference between upper and lower case, Gitea does
    (`isSubset` of its models/actions/task.go).
    """
    return frozenset(labels) if forge == GITEA else folded(labels)
