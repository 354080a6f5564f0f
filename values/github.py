"""What is particular to GitHub, and both the registrar and the checks before it must agree on."""

import re
from collections.abc import Mapping
from typing import Final

from values.contract import (
    GITHUB_ORGANIZATION_PERMISSIONS,
    GITHUB_REPOSITORY_PERMISSIONS,
    GITHUB_RERUN_PERMISSIONS,
)
from values.scope import Scope

# A managed user's login ends with its enterprise's code behind a _.
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:_[A-Za-z0-9]{1,16})?", re.ASCII)

# GitHub's own words for a limit of its, where no header says so; older servers call it an abuse detection mechanism.
_LIMIT: Final = re.compile(r"rate limit|abuse detection", re.IGNORECASE)


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether a refusal asks for patience, and is no verdict on who asks. headers: with keys in any case."""
    is_asked_to_wait = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return status == 429 or (status == 403 and (is_asked_to_wait or _LIMIT.search(message) is not None))


def is_page(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a refusal is a page of what lies between us and GitHub: its API refuses in JSON, or without a word."""
    is_json = "json" in headers.get("content-type", "").lower()
    return 300 <= status < 500 and status != 304 and not is_json and bool(body.strip())


def is_owner(text: str) -> bool:
    """Whether an account or an organization of GitHub may be called so."""
    return _OWNER.fullmatch(text) is not None


def registrar_permissions(scope: Scope, *, reruns: bool) -> dict[str, str]:
    """What the registrar's credential has to be allowed at GitHub for this scope, and nothing else.

    reruns: whether it runs lost jobs again.
    """
    needed = GITHUB_REPOSITORY_PERMISSIONS if scope.is_repository else GITHUB_ORGANIZATION_PERMISSIONS
    return {**needed, **(GITHUB_RERUN_PERMISSIONS if reruns else {})}
