"""What a ForgeRepository takes. Apart from it, so that reading a stack's config does not wait for GitHub's SDK."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi


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
