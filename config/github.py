"""Reads what a stack declares at GitHub: runner groups, and the wiring of repositories. Asks nobody."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from config.environments import RUNNER_GROUP_KIND
from config.fields import Section
from config.kinds import TextKind, text_kind
from config.repositories import GITHUB_REPOSITORY_KIND, RepositoryReader
from config.wiring_secrets import REPOSITORIES_KEY
from values.credential import Credential
from values.scope import GITHUB, Scope, is_repository
from values.wiring import RepositoryWiring

GROUPS_KEY: Final = "runnerGroups"
OWNER_VARIABLES: Final = ("GITHUB_OWNER", "GITHUB_ORGANIZATION")
CA_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_WORKFLOW: Final = r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}/\.github/workflows/[^/@\s]{1,200}\.ya?ml@[!-~]{1,250}"
WORKFLOW_KIND: Final = text_kind(
    lambda text: re.fullmatch(_WORKFLOW, text) is not None,
    "owner/repository/.github/workflows/FILE@REF",
    "write e.g. mlops/guide/.github/workflows/train.yml@refs/heads/main",
    {"pattern": f"^{_WORKFLOW}$"},
)
GROUP_KIND: Final = TextKind(
    lambda text: RUNNER_GROUP_KIND.check(text) and text.lower() != "default",
    f"{RUNNER_GROUP_KIND.allowed}, other than Default",
    lambda text: (
        "choose another name, e.g. gpus: the group Default is GitHub's own"
        if text.lower() == "default"
        else "write e.g. gpus, without blanks around it and letters that nobody sees"
    ),
)


@dataclass(frozen=True)
class RunnerGroupConfig:
    """A runner group of the organization that its repositories belong to."""

    name: str
    repositories: tuple[Scope, ...]
    workflows: tuple[str, ...]

    @property
    def organization(self) -> str:
        """Whose it is."""
        return self.repositories[0].owner if self.repositories else ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Its repositories, each as owner/repository."""
        return tuple(map(str, self.repositories))


@dataclass(frozen=True)
class GitHubConfig:
    """What the stack declares at GitHub; empty for most."""

    groups: tuple[RunnerGroupConfig, ...] = ()
    repositories: tuple[RepositoryWiring, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners of all of it, each once, sorted."""
        owners = {*(each.organization for each in self.groups), *(each.owner for each in self.repositories)}
        return tuple(sorted(owner for owner in owners if owner))


def read_github(root: Section, platform: Section, forge: str, environment: Mapping[str, str]) -> GitHubConfig:
    """The runner groups and the repositories of a platform section."""
    for name in (GROUPS_KEY, REPOSITORIES_KEY):
        if platform.values.get(name) and forge and forge != GITHUB:
            cure = f"remove it, and set this at {forge} by hand; or name {GITHUB} as the forge"
            platform.note(name, f"{name} for the forge {forge}", f"{name} for the forge {GITHUB}", cure)
    if forge != GITHUB:
        return GitHubConfig()
    groups = tuple(_read_group(section) for section in platform.sections(GROUPS_KEY))
    reader = RepositoryReader(root, environment)
    repositories = tuple(reader.read(section) for section in platform.sections(REPOSITORIES_KEY))
    platform.once(GROUPS_KEY, [f"{group.organization}/{group.name}" for group in groups if group.name])
    platform.once(REPOSITORIES_KEY, [repository.path for repository in repositories])
    github = GitHubConfig(groups, repositories)
    _check_spellings(platform, github.owners)
    return github


def _check_spellings(platform: Section, owners: Sequence[str]) -> None:
    """An owner in two spellings would be two: two providers, and an App that is installed at one of them."""
    for spelling, count in Counter(map(str.lower, owners)).items():
        if count > 1 and platform.is_well(REPOSITORIES_KEY):
            found = " and ".join(owner for owner in owners if owner.lower() == spelling)
            platform.note(REPOSITORIES_KEY, found, "one spelling of each owner", "write it as its page at GitHub does")


def check_provider(
    root: Section, github: GitHubConfig, credential: Credential | None, environment: Mapping[str, str]
) -> None:
    """Notes what would keep Pulumi's GitHub provider from its work, or make it work somewhere else."""
    owners = github.owners
    if credential and credential.app_id and len(owners) > 1:
        cure = "use githubToken, or a stack for each owner"
        root.note(
            credential.app_key, f"an App for {', '.join(owners)}", "an App for one owner: it is installed at", cure
        )
    for name in OWNER_VARIABLES:
        value = environment.get(name)
        if value and [owner for owner in owners if owner != value]:
            found, allowed = f"{name}={value} in the environment", f"nothing there, or {' and '.join(owners)}"
            root.note("platform", found, allowed, f"`unset {name}`: it beats what the stack says")
    is_given = root.values.get("forgeCa") and root.is_well("forgeCa")
    if owners and is_given and not any(environment.get(name) for name in CA_VARIABLES):
        cure = "set SSL_CERT_FILE in the environment to a file with this CA and the public ones"
        root.note("forgeCa", "a CA that Pulumi's GitHub provider does not know", "one that it finds", cure)


def _read_group(section: Section) -> RunnerGroupConfig:
    section.known("name", "repositories", "workflows")
    paths = section.texts("repositories", GITHUB_REPOSITORY_KIND)
    group = RunnerGroupConfig(
        name=section.text("name", GROUP_KIND),
        repositories=tuple(Scope(path) for path in paths if is_repository(path)),
        workflows=tuple(section.texts("workflows", WORKFLOW_KIND)),
    )
    if not section.values.get("repositories"):
        section.note("repositories", "nothing", "at least one owner/repository", "name those that may use its runners")
    section.once("repositories", paths, "GitHub makes no difference between upper and lower case")
    owners = sorted({repository.owner.lower(): repository.owner for repository in group.repositories}.values())
    if len(owners) > 1:
        cure = "declare a group for each organization"
        section.note("repositories", f"owners {', '.join(owners)}", "repositories of one organization", cure)
    return group
