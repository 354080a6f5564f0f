"""What is to be asked of a forge before anything is declared: built from a stack's config, asked by `access`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from values.credential import Credential
from values.scope import ForgeScope, Scope
from values.wiring import GroupWiring, RepositoryWiring

# A scope, and the runner group there; None is the one by default.
ScopeAndGroup = tuple[Scope, str | None]


@dataclass(frozen=True)
class RegistrarQuestion:
    """Can a registrar with this credential work in these scopes and groups?

    ca: PEM of the forge's own, or "". declared_groups: organization in lower case and name, of its own.
    restrictions: the workflows, owner/repository/FILE@REF, that alone may use a group, as its runners may deploy.
    reruns: the scopes whose lost jobs are run again.
    """

    forge: ForgeScope
    credential: Credential
    scopes: tuple[ScopeAndGroup, ...]
    ca: str = ""
    declared_groups: frozenset[tuple[str, str]] = frozenset()
    restrictions: Mapping[ScopeAndGroup, frozenset[str]] = field(default_factory=dict)
    reruns: frozenset[Scope] = frozenset()


@dataclass(frozen=True)
class WiringQuestion:
    """Can `pulumi up` with this credential declare these groups and repositories?"""

    forge: ForgeScope
    credential: Credential
    groups: tuple[GroupWiring, ...] = ()
    repositories: tuple[RepositoryWiring, ...] = ()
    ca: str = ""


@dataclass(frozen=True)
class ForgeQuestions:
    """Everything that a stack with a platform needs to know; wiring is None where it declares nothing at the forge."""

    registrar: RegistrarQuestion
    wiring: WiringQuestion | None = None
