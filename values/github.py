"""What is particular to GitHub, and both the registrar and the checks before it must agree on."""

import re
from typing import Final

from values.contract import (
    GITHUB_ORGANIZATION_PERMISSIONS,
    GITHUB_REPOSITORY_PERMISSIONS,
    GITHUB_RERUN_PERMISSIONS,
)
from values.scope import Scope

# A managed user's login ends with its enterprise's code behind a _.
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:_[A-Za-z0-9]{1,16})?", re.ASCII)


def is_owner(text: str) -> bool:
    """Whether an account or an organization of GitHub may be called so."""
    return _OWNER.fullmatch(text) is not None


def registrar_permissions(scope: Scope, *, reruns: bool) -> dict[str, str]:
    """What the registrar's credential has to be allowed at GitHub for this scope, and nothing else.

    reruns: whether it runs lost jobs again.
    """
    needed = GITHUB_REPOSITORY_PERMISSIONS if scope.is_repository else GITHUB_ORGANIZATION_PERMISSIONS
    return {**needed, **(GITHUB_RERUN_PERMISSIONS if reruns else {})}
