"""Runner labels: the words of `runs-on`, as both forges take them and a pod's annotation can hold them."""

import re
from collections.abc import Iterable
from typing import Final

MOST_LABELS: Final = 32
LONGEST_LABEL: Final = 128
# Whoever writes `runs-on: [self-hosted, x]` names it too, and a just-in-time runner has it only where its pool has.
SELF_HOSTED: Final = "self-hosted"
# No comma (it separates), no colon (Gitea reads the executor after it), no blank at either end.
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.+/= -]{0,126}[A-Za-z0-9_.+/=-])?", re.ASCII)


def is_runner_label(text: object) -> bool:
    """Whether it is one runner label."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def folded(labels: Iterable[str]) -> frozenset[str]:
    """The labels as they are compared: GitHub makes no difference between upper and lower case.

    Gitea does; there a job may be counted for a pool whose label it writes in another case, and wait for ever all the
    same.
    """
    # Those of ASCII alone: to Python the Kelvin sign is a K, too, and to GitHub it is not.
    return frozenset(label.lower() if label.isascii() else label for label in labels)
