"""Holds base runners at GitHub against their group: in an organization GitHub itself keeps other workflows off them."""

from collections.abc import Iterator

from config.fields import Section
from config.github import GitHubConfig
from config.platform import PlatformConfig, job_grants
from values.accounts import DEPLOYER
from values.grant import JobGrant
from values.scope import GITHUB, Scope, ScopeKind
from values.workflow import PULL_REQUESTS


def check_job_groups(platform_section: Section, platform: PlatformConfig, github: GitHubConfig) -> None:
    """Notes runners of jobs with rights whose group is not restricted to the workflows of these jobs.

    Of a group that the stack does not declare, GitHub is asked before anything is declared.
    """
    declared = {(group.organization.lower(), group.name.lower()): group for group in github.groups}
    _check_spellings(platform_section, platform, github)
    for index, (scope, name, grants) in _in_organizations(platform):
        key, wanted = f"environments[{index}].runnerGroup", allowed_workflows(grants)
        of_pull_requests = [workflow for workflow in wanted if workflow.endswith(f"@{PULL_REQUESTS}")]
        for workflow in of_pull_requests:
            cure = "give the previewer a namespace of its own with another runner group (`previewer.namespace`)"
            platform_section.note(key, f"{workflow} beside a deployer", "workflows of a branch", cure)
        wanted = [workflow for workflow in wanted if workflow not in of_pull_requests]
        if name is None:
            found, cure = f"the default group of {scope}", "declare one in platform.runnerGroups, or name one"
            platform_section.note(key, found, f"a group restricted to {', '.join(wanted)}", cure)
            continue
        group = declared.get((scope.path.lower(), name.lower()))
        if not platform_section.is_well("runnerGroups"):
            continue
        if group is not None and set(map(str.lower, group.workflows)) != set(map(str.lower, wanted)):
            found = f"{name}, for {', '.join(group.workflows) or 'every workflow'}"
            cure = f"write these as its workflows in platform.runnerGroups: {', '.join(wanted)}"
            platform_section.note(key, found, f"a group for {', '.join(wanted)} alone", cure)


def _check_spellings(section: Section, platform: PlatformConfig, github: GitHubConfig) -> None:
    """Notes each group that is declared in another case: GitHub has no two such, the registrar asks for the name."""
    names = {(group.organization.lower(), group.name.lower()): group.name for group in github.groups}
    for index, environment in enumerate(platform.environments):
        name = environment.runner_group
        declared = names.get((environment.scope.path.lower(), name.lower())) if name else None
        if name and declared and declared != name:
            allowed = f"{declared}, as platform.runnerGroups declares it"
            section.note(f"environments[{index}].runnerGroup", name, allowed, f"write {declared}")


def restrictions(platform: PlatformConfig) -> dict[tuple[Scope, str | None], frozenset[str]]:
    """What the group of each scope must be restricted to, for the groups that hold runners of jobs that deploy."""
    found: dict[tuple[Scope, str | None], frozenset[str]] = {}
    for _, (scope, name, grants) in _in_organizations(platform):
        found[scope, name] = found.get((scope, name), frozenset()) | set(allowed_workflows(grants))
    return found


def unrestricted(platform: PlatformConfig) -> list[str]:
    """What is to be said of base runners that no group protects: a sentence for each namespace."""
    has_groups = platform.forge.kind == GITHUB
    return [
        f"any workflow of {environment.scope.path or 'this forge'} that names their labels may run on the base runners "
        f"of {environment.namespace}, as there are no runner groups; rights in the cluster get {_named(grants)} alone"
        for environment in platform.environments
        if not (has_groups and environment.scope.kind == ScopeKind.ORGANIZATION)
        and (grants := job_grants(platform, environment.namespace))
    ]


def allowed_workflows(grants: tuple[JobGrant, ...]) -> list[str]:
    """As a runner group names them."""
    return sorted({f"{grant.repository}/{workflow}" for grant in grants for workflow in grant.workflows})


def _named(grants: tuple[JobGrant, ...]) -> str:
    return ", ".join(sorted({str(workflow) for grant in grants for workflow in grant.workflows}))


def _in_organizations(
    platform: PlatformConfig,
) -> Iterator[tuple[int, tuple[Scope, str | None, tuple[JobGrant, ...]]]]:
    """Environments of an organization at GitHub on whose runners jobs may deploy."""
    if platform.forge.kind != GITHUB:
        return
    for index, environment in enumerate(platform.environments):
        grants = job_grants(platform, environment.namespace)
        if environment.scope.kind == ScopeKind.ORGANIZATION and any(grant.account == DEPLOYER for grant in grants):
            yield index, (environment.scope, environment.runner_group, grants)
