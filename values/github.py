"""What is particular to GitHub, and both the registrar and the checks before it must agree on."""

from values.contract import (
    GITHUB_ORGANIZATION_PERMISSIONS,
    GITHUB_REPOSITORY_PERMISSIONS,
    GITHUB_RERUN_PERMISSIONS,
)
from values.scope import Scope


def registrar_permissions(scope: Scope, *, reruns: bool) -> dict[str, str]:
    """What the registrar's credential has to be allowed at GitHub for this scope, and nothing else.

    reruns: whether it runs lost jobs again.
    """
    needed = GITHUB_REPOSITORY_PERMISSIONS if scope.is_repository else GITHUB_ORGANIZATION_PERMISSIONS
    return {**needed, **(GITHUB_RERUN_PERMISSIONS if reruns else {})}
