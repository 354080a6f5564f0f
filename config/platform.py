"""Reads the platform section: the registrar, its forge, and the environments whose namespaces may hold runners."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from config.caches import KEY as CACHES
from config.egress import check_forge_is_reached, read_egress
from config.environments import EnvironmentConfig, read_environment
from config.fields import Section
from config.jobs import AuditorConfig, Granted, check_jobs, granted_jobs, read_auditor
from config.names import NAMESPACE_KIND, read_image, read_own_namespace
from config.pod_extras import MOST_NAMES, PULL_SECRET_KIND
from config.pull_secrets import KEY as PULL_SECRETS
from config.pull_secrets import read_pull_secrets
from config.quota import read_runner_limits
from config.scope import read_scope
from values.accounts import AUDITOR, DEPLOYER, PREVIEWER, RUNNER, Deployment
from values.autoscaling import queue_url
from values.egress import EgressRule
from values.grant import Grant, JobGrant
from values.pool import RunnerPool
from values.proxy import Proxy, proxy_for
from values.quota import RunnerLimits
from values.runner_label import folded
from values.scope import GITHUB, ForgeScope

API_SERVER: Final = "apiServer"


@dataclass(frozen=True)
class PlatformConfig:
    """What an administrator declares once for all pools. pull_secrets: contents of those that it makes, by name."""

    forge: ForgeScope
    registrar_namespace: str
    registrar_image: str
    registrar_pull_secrets: tuple[str, ...]
    registrar_clients: tuple[str, ...]
    registrar_egress: tuple[EgressRule, ...]
    api_server: tuple[EgressRule, ...]
    """Where the API server answers, for a cluster that does not say it; empty where the cluster is asked."""
    environments: tuple[EnvironmentConfig, ...]
    runner_limits: RunnerLimits
    auditor: AuditorConfig | None = None
    pull_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def jobs_of(platform: PlatformConfig) -> list[Granted]:
    """Whose jobs may act as which account, of each environment."""
    environments = (
        (f"environments[{index}]", environment.deployer, environment.previewer)
        for index, environment in enumerate(platform.environments)
    )
    scopes = {environment.namespace: environment.scope for environment in platform.environments}
    return list(granted_jobs(environments, platform.auditor, scopes))


def job_grants(platform: PlatformConfig, namespace: str) -> tuple[JobGrant, ...]:
    """As whom jobs on a namespace's runners may act; each account once, as all environments agree on it."""
    granted = {jobs.account: jobs.grant for jobs in jobs_of(platform) if jobs.namespace == namespace}
    return tuple(grant for grant in granted.values() if grant is not None)


def own_namespaces(platform: PlatformConfig | None) -> list[str]:
    """Those that the stack makes."""
    if platform is None:
        return []
    return [platform.registrar_namespace, *(environment.namespace for environment in platform.environments)]


def grants(platform: PlatformConfig) -> list[Grant]:
    """What the registrar is granted: the runners of every environment, and who of their jobs may act in the cluster."""
    return [
        Grant(
            namespace=environment.namespace,
            scope=environment.scope,
            service_accounts=(RUNNER,),
            runner_group=environment.runner_group,
            labels=frozenset(environment.labels) or None,
            jobs=job_grants(platform, environment.namespace),
            rerun_lost_jobs=environment.rerun_lost_jobs,
        )
        for environment in platform.environments
    ]


def autoscalers(platform: PlatformConfig) -> dict[str, str]:
    """The namespace of the KEDA that may scale an environment's pools, by the environment's namespace."""
    return {
        environment.namespace: environment.autoscaler for environment in platform.environments if environment.autoscaler
    }


def queues(platform: PlatformConfig | None) -> dict[str, str]:
    """Where the queue is read of each namespace that this very stack lets KEDA scale; none without a platform."""
    if platform is None:
        return {}
    return dict.fromkeys(autoscalers(platform), queue_url(platform.registrar_namespace))


def reserved_labels(platform: PlatformConfig, environment: EnvironmentConfig, pools: Iterable[RunnerPool]) -> list[str]:
    """Runner labels that serve other namespaces, i.e. that an environment without a list of its own may not claim.

    They are those that others list, and those of this stack's pools elsewhere, as of base runners. Those of its own
    pools are not, in whatever case: admission makes no difference, as GitHub makes none.
    """
    listed = {label for other in platform.environments if other != environment for label in other.labels}
    own: set[str] = set()
    for pool in pools:
        (own if pool["namespace"] == environment.namespace else listed).update(pool["labels"])
    served = folded(own)
    return sorted(label for label in listed if not folded([label]) <= served)


def deployments_by_namespace(platform: PlatformConfig) -> dict[str, list[Deployment]]:
    """What the deployer of each namespace may deploy."""
    deployments: dict[str, list[Deployment]] = {}
    for environment in platform.environments:
        if environment.deployer:
            deployment: Deployment = {"namespace": environment.namespace, "stack": environment.deployer.stack}
            if environment.autoscaler:
                deployment["autoscaled"] = True
            if environment.prepull:
                deployment["prepull"] = True
            if environment.caches:
                deployment["claims"] = sorted(cache.claim["name"] for cache in environment.caches)
            deployments.setdefault(environment.deployer.namespace, []).append(deployment)
    return deployments


def previews_by_namespace(platform: PlatformConfig) -> dict[str, list[Deployment]]:
    """What the previewer of each namespace may look at: the deployer's, where no other is named."""
    found: dict[str, list[Deployment]] = {}
    for environment in platform.environments:
        if environment.deployer:
            deployment: Deployment = {"namespace": environment.namespace, "stack": environment.deployer.stack}
            namespace = environment.previewer.namespace if environment.previewer else ""
            found.setdefault(namespace or environment.deployer.namespace, []).append(deployment)
    return found


def read_platform(
    root: Section,
    section: Section,
    forge: str,
    environment: Mapping[str, str],
    proxy: Proxy | None,
    *,
    tags_allowed: bool,
) -> PlatformConfig:
    """The section at gpu-runners:platform, which is not empty; root is the stack, whose defaults hold."""
    section.known(
        "scope", "registrar", "environments", AUDITOR, "runnerGroups", "repositories", PULL_SECRETS, API_SERVER
    )
    registrar = section.section("registrar")
    registrar.known("namespace", "image", "clients", "egress", "pullSecrets")
    from_stack = {"pullSecrets": root.values.get("pullSecrets")}
    pull_secrets = read_pull_secrets(root, section, environment)
    scope = read_scope(section, forge)
    environments = tuple(
        read_environment(item, scope, root.section("quotaDefaults"), pull_secrets, has_proxy=proxy is not None)
        for item in section.sections("environments")
    )
    platform = PlatformConfig(
        forge=scope,
        registrar_namespace=read_own_namespace(registrar, "namespace"),
        registrar_image=read_image(registrar, "image", tags_allowed=tags_allowed),
        registrar_pull_secrets=tuple(
            replace(registrar, fallbacks=from_stack, origins=dict.fromkeys(from_stack, root.at("pullSecrets"))).texts(
                "pullSecrets", PULL_SECRET_KIND, MOST_NAMES
            )
        ),
        registrar_clients=tuple(registrar.texts("clients", NAMESPACE_KIND)),
        registrar_egress=tuple(read_egress(item) for item in registrar.sections("egress")),
        api_server=tuple(read_egress(item) for item in section.sections(API_SERVER)),
        environments=environments,
        runner_limits=read_runner_limits(root.section("runnerLimits")),
        auditor=read_auditor(section.section(AUDITOR)) if section.has(AUDITOR) else None,
        pull_secrets=pull_secrets,
    )
    if not proxy_for(proxy, scope.api_host):
        check_forge_is_reached(registrar, scope, platform.registrar_egress)
    if not section.values.get("environments") and section.is_well("environments"):
        section.note("environments", "nothing", "at least one environment", "name the namespace of your runners")
    _check_namespaces(section, platform)
    _check_volumes(section, platform)
    if forge == GITHUB:
        _check_folders(section, platform)
    if scope.url:  # else nobody knows whose runners they are
        check_jobs(section, jobs_of(platform))
    return platform


def _check_folders(section: Section, platform: PlatformConfig) -> None:
    """GitHub reads workflows in one folder alone."""
    for key, jobs in (
        *((f"environments[{i}].{DEPLOYER}", e.deployer) for i, e in enumerate(platform.environments)),
        *((f"environments[{i}].{PREVIEWER}", e.previewer) for i, e in enumerate(platform.environments)),
        (AUDITOR, platform.auditor),
    ):
        for workflow in jobs.jobs.workflows if jobs else ():
            if not workflow.file.startswith(".github/"):
                found, allowed = str(workflow), "a file in .github/workflows: GitHub reads no other folder"
                section.note(f"{key}.workflows", found, allowed, "move it there, and name it so")


def _check_volumes(section: Section, platform: PlatformConfig) -> None:
    """A PersistentVolume binds to one claim; a second one would wait for ever, and its pool with it."""
    named: dict[str, str] = {}
    for index, environment in enumerate(platform.environments):
        for number, cache in enumerate(environment.caches):
            at, volume = f"environments[{index}].{CACHES}[{number}]", cache.claim.get("volume")
            if volume and volume in named:
                cure = "make a second PersistentVolume for the same storage, and name it here"
                section.note(f"{at}.volume", f"{volume}, which {named[volume]} names", "a volume for each claim", cure)
            elif volume:
                named[volume] = at


def _check_namespaces(section: Section, platform: PlatformConfig) -> None:
    names = [environment.namespace for environment in platform.environments if environment.namespace]
    for name, count in Counter(names).items():
        if count > 1:
            section.note(
                "environments", f"namespace {name} {count} times", "each namespace once", "merge them into one"
            )
    if platform.auditor and platform.auditor.namespace and platform.auditor.namespace not in names:
        allowed = f"the namespace of an environment: {', '.join(names)}"
        cure = "name the environment of the base runners, or add it"
        section.note(f"{AUDITOR}.namespace", platform.auditor.namespace, allowed, cure)
    for index, environment in enumerate(platform.environments):
        at = f"environments[{index}]"
        if environment.autoscaler and environment.autoscaler in (*names, platform.registrar_namespace):
            allowed = "the namespace in which KEDA runs, e.g. keda"
            cure = "name it: where runners or the registrar live, nobody else's pods may be"
            section.note(f"{at}.autoscaler", environment.autoscaler, allowed, cure)
        if environment.namespace and environment.namespace == platform.registrar_namespace:
            allowed = "another namespace than the registrar's"
            section.note(f"{at}.namespace", environment.namespace, allowed, "name another: the credential lives there")
        for account, identity in ((DEPLOYER, environment.deployer), (PREVIEWER, environment.previewer)):
            if identity is None or not identity.namespace:
                continue
            if identity.namespace == environment.namespace:
                allowed = "the namespace of another environment"
                cure = "give base runners an environment of their own: whoever deploys a namespace makes its pods"
                section.note(f"{at}.{account}.namespace", environment.namespace, allowed, cure)
            elif identity.namespace not in names:
                allowed = f"the namespace of an environment: {', '.join(names)}"
                cure = "name the environment of the base runners, or add it"
                section.note(f"{at}.{account}.namespace", identity.namespace, allowed, cure)
