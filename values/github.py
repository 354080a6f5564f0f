"""What is particular to GitHub, and both the registrar and the checks before it must agree on."""

from values.contract import GITHUB_ORGANIZATION_PERMISSIONS, GITHUB_REPOSITORY_PERMISSIONS
from values.scope import Scope


def registrar_permissions(scope: Scope) -> dict[str, str]:
    """What the registrar's credential has to be allowed at GitHub for this scope, and nothing else."""
    return dict(GITHUB_REPOSITORY_PERMISSIONS if scope.is_repository else GITHUB_ORGANIZATION_PERMISSIONS)
