"""Declares what a stack has at GitHub: runner groups, and the wiring of repositories."""

from collections.abc import Sequence
from typing import Optional

import pulumi

from components.github.forge_repository import ForgeRepository
from components.github.github_provider import github_provider
from components.github.repository_args import repository_args
from components.github.runner_group import RunnerGroup
from values.credential import Credential
from values.scope import ForgeScope
from values.wiring import GroupWiring, RepositoryWiring


def declare_github(
    forge: ForgeScope,
    credential: Credential,
    groups: Sequence[GroupWiring],
    repositories: Sequence[RepositoryWiring],
    write_delay_ms: Optional[int] = None,
) -> list[pulumi.Resource]:
    """All of it, through a provider for each owner; write_delay_ms is how long one waits between two writes."""
    owners = sorted({*(group.organization for group in groups), *(repository.owner for repository in repositories)})
    within = {
        owner: pulumi.ResourceOptions(providers=[github_provider(owner, forge, credential, write_delay_ms)])
        for owner in owners
    }
    declared_groups = [
        RunnerGroup(
            f"{group.organization}/{group.name}",
            {
                "group": group.name,
                "repositories": list(map(str, group.repositories)),
                "workflows": list(group.workflows),
            },
            within[group.organization],
        )
        for group in groups
    ]
    declared_repositories = [
        ForgeRepository(repository.path, repository_args(repository), within[repository.owner])
        for repository in repositories
    ]
    return [*declared_groups, *declared_repositories]
