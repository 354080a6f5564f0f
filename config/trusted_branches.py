"""Whether a cache of trusted branches is one: its environment's runners get jobs of workflows of branches alone."""

from config.caches import KEY
from config.fields import Section
from config.github import GitHubConfig
from config.platform import PlatformConfig
from values.cache import ANY_BRANCH, READ_ONLY, TRUSTED_BRANCHES
from values.workflow import BRANCH


def check_trusted_branches(section: Section, platform: PlatformConfig, github: GitHubConfig) -> None:
    """Notes each such cache in an environment whose runners jobs of every branch may get; section is the platform's.

    Only a runner group that is restricted to workflow files, each as of a branch, keeps the other branches away: a
    label in `runs-on` is anybody's to write. Beside base runners no cache is for every branch: what a branch leaves
    there, the job that deploys would read.
    """
    groups = {(group.organization.lower(), group.name.lower()): group for group in github.groups}
    homes = {environment.deployer.namespace for environment in platform.environments if environment.deployer}
    for index, environment in enumerate(platform.environments):
        places = ("scope", "runnerGroups", f"environments[{index}].scope", f"environments[{index}].runnerGroup")
        if not all(map(section.is_well, places)):
            continue  # nobody knows which group was meant
        group = groups.get((environment.scope.owner.lower(), (environment.runner_group or "").lower()))
        refs = [workflow.rpartition("@")[2] for workflow in group.workflows] if group else []
        is_trusted = bool(refs) and all(ref.startswith(BRANCH) for ref in refs)
        for number, cache in enumerate(environment.caches):
            at = f"environments[{index}].{KEY}[{number}].access"
            if cache.access == TRUSTED_BRANCHES and not is_trusted:
                found = f"{TRUSTED_BRANCHES}, but jobs of every branch may get these runners"
                allowed = "a runnerGroup of this stack whose workflows are all as of branches: FILE@refs/heads/BRANCH"
                cure = f"restrict it in platform.runnerGroups; or say {READ_ONLY}, or {ANY_BRANCH} if you accept that"
                section.note(at, found, allowed, cure)
            if cache.access == ANY_BRANCH and environment.namespace in homes:
                found = f"{ANY_BRANCH} where base runners live: a branch could change what the job that deploys reads"
                section.note(
                    at, found, f"{READ_ONLY} or {TRUSTED_BRANCHES}", f"say {READ_ONLY}, or leave the cache out"
                )
