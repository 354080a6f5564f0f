"""What workflows find in their repository at the forge: variables, secrets, environments, Actions permissions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from values.scope import Scope


@dataclass(frozen=True)
class EnvironmentWiring:
    """An environment that a job names to get what others must not have: one per stack that is deployed.

    branches: patterns of those whose workflows may use it. Reviewers are users by login and teams of the owner by slug;
    one of them must approve each use. Secrets are in plain text, and in no repr.
    """

    name: str
    branches: tuple[str, ...]
    reviewer_users: tuple[str, ...] = ()
    reviewer_teams: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ActionsPermissions:
    """Which actions the workflows may use: allowed_actions is `all`, or `local_only` for those of the same owner.

    sha_pinning_required: only actions run that a workflow names by their whole commit; false leaves this as it is.
    """

    allowed_actions: str
    sha_pinning_required: bool


@dataclass(frozen=True)
class RepositoryWiring:
    """The wiring of the repository at path, owner/repository. Secrets are in plain text, and in no repr."""

    path: str
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    environments: tuple[EnvironmentWiring, ...] = ()
    actions_permissions: ActionsPermissions | None = None

    @property
    def owner(self) -> str:
        """Whose it is."""
        return Scope(self.path).owner

    @property
    def repository(self) -> str:
        """Its name without the owner."""
        return Scope(self.path).repository


@dataclass(frozen=True)
class GroupWiring:
    """A runner group that is to be declared, for these repositories, and these of their workflows only, if any."""

    organization: str
    name: str
    repositories: tuple[Scope, ...]
    workflows: tuple[str, ...] = ()
