"""What a ForgeRepository takes, and how a stack's config becomes it."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from values.wiring import EnvironmentWiring, RepositoryWiring


class ForgeEnvironment(TypedDict):
    """An environment that a job names to get what others must not have: one per stack that is deployed."""

    name: str
    """Its name, as in `environment:` of a job."""
    branches: Sequence[str]
    """Patterns of the branches whose workflows may use it."""
    reviewer_users: NotRequired[Sequence[str]]
    """Users, by login, one of whom must approve each use."""
    reviewer_teams: NotRequired[Sequence[str]]
    """Teams of the owner, by slug, one of whose members must approve each use."""
    variables: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables that only jobs in this environment get."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Secrets that only jobs in this environment get."""


class ActionsPermissions(TypedDict):
    """Which actions the repository's workflows may use."""

    allowed_actions: str
    """`all`, or `local_only` for those in repositories of the owner."""
    sha_pinning_required: bool
    """Whether only actions run that a workflow names by their whole commit; false leaves this as it is."""


class ForgeRepositoryArgs(TypedDict):
    """The wiring of one repository."""

    repository: str
    """Its name without the owner: the owner is the GitHub provider's."""
    variables: Mapping[str, pulumi.Input[str]]
    """Variables that every job gets."""
    secrets: Mapping[str, pulumi.Input[str]]
    """Secrets that every job gets; what only a deployment needs belongs into its environment."""
    environments: Sequence[ForgeEnvironment]
    """Environments with their own rules."""
    actions_permissions: NotRequired[ActionsPermissions]
    """Without it, they stay as they are."""


def repository_args(wiring: RepositoryWiring) -> ForgeRepositoryArgs:
    """What a stack's config says of a repository."""
    args: ForgeRepositoryArgs = {
        "repository": wiring.repository,
        "variables": wiring.variables,
        "secrets": wiring.secrets,
        "environments": [_environment(environment) for environment in wiring.environments],
    }
    permissions = wiring.actions_permissions
    if permissions is not None:
        args["actions_permissions"] = {
            "allowed_actions": permissions.allowed_actions,
            "sha_pinning_required": permissions.sha_pinning_required,
        }
    return args


def _environment(wiring: EnvironmentWiring) -> ForgeEnvironment:
    return {
        "name": wiring.name,
        "branches": wiring.branches,
        "reviewer_users": wiring.reviewer_users,
        "reviewer_teams": wiring.reviewer_teams,
        "variables": wiring.variables,
        "secrets": wiring.secrets,
    }
