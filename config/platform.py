"""Reads the platform section: the registrar, its forge, and the environments whose namespaces may hold runners."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.fields import Section
from config.pools import read_image, read_namespace
from values.accounts import DEPLOYER, PREVIEWER, RUNNER, Deployment
from values.deadlines import Deadlines
from values.egress import EgressRule
from values.forge_networks import forge_networks
from values.grant import Grant
from values.kubernetes_syntax import is_cidr, is_dns_label, is_extended_resource, is_image_beginning
from values.placement import NVIDIA_GPU
from values.problem import shown
from values.scope import GITEA, ForgeScope, Scope, parse_scope

MOST_GPUS: Final = 100000
_A_DAY: Final = 86400


@dataclass(frozen=True)
class DeployerConfig:
    """Who may deploy an environment: the ServiceAccount `deployer` of a namespace, for one stack."""

    namespace: str
    stack: str


@dataclass(frozen=True)
class EnvironmentConfig:
    """One trust zone. gpus is the quota per resource, images whatever may run there."""

    namespace: str
    scope: Scope
    runner_group: str | None
    gpus: Mapping[str, int]
    pods: int | None
    egress: tuple[EgressRule, ...]
    images: tuple[str, ...]
    deployer: DeployerConfig | None


@dataclass(frozen=True)
class PlatformConfig:
    """What an administrator declares once for all pools."""

    forge: ForgeScope
    registrar_namespace: str
    registrar_image: str
    registrar_clients: tuple[str, ...]
    registrar_egress: tuple[EgressRule, ...]
    environments: tuple[EnvironmentConfig, ...]


def accounts(platform: PlatformConfig, environment: EnvironmentConfig) -> list[str]:
    """The ServiceAccounts that an environment's pods may run as."""
    is_deployers = environment.namespace in deployments_by_namespace(platform)
    return [RUNNER, DEPLOYER, PREVIEWER] if is_deployers else [RUNNER]


def grants(platform: PlatformConfig) -> list[Grant]:
    """What the registrar is granted: the runners of every environment, and deployers where they live."""
    return [
        Grant(
            namespace=environment.namespace,
            scope=environment.scope,
            service_accounts=tuple(accounts(platform, environment)),
            runner_group=environment.runner_group,
        )
        for environment in platform.environments
    ]


def deployments_by_namespace(platform: PlatformConfig) -> dict[str, list[Deployment]]:
    """What the deployer of each namespace may deploy."""
    found: dict[str, list[Deployment]] = {}
    for environment in platform.environments:
        if environment.deployer:
            deployment: Deployment = {"namespace": environment.namespace, "stack": environment.deployer.stack}
            found.setdefault(environment.deployer.namespace, []).append(deployment)
    return found


def read_platform(section: Section, forge: str, *, tags_allowed: bool) -> PlatformConfig:
    """The section at gpu-runners:platform, which is not empty."""
    section.known("scope", "registrar", "environments", "runnerGroups", "repositories")
    registrar = section.section("registrar")
    registrar.known("namespace", "image", "clients", "egress")
    scope = _read_scope(section, forge)
    environments = tuple(_read_environment(item, scope) for item in section.sections("environments"))
    platform = PlatformConfig(
        forge=scope,
        registrar_namespace=read_namespace(registrar, "namespace"),
        registrar_image=read_image(registrar, "image", tags_allowed=tags_allowed),
        registrar_clients=tuple(registrar.texts("clients", is_dns_label, "the name of a namespace")),
        registrar_egress=tuple(_read_egress(item) for item in registrar.sections("egress")),
        environments=environments,
    )
    _check_forge_is_reached(registrar, platform)
    if not section.values.get("environments"):
        section.note("environments", "nothing", "at least one environment", "name the namespace of your runners")
    _check_namespaces(section, platform)
    return platform


def read_deadlines(section: Section) -> Deadlines:
    """The section at gpu-runners:registrarDeadlines."""
    names = ("scheduleSeconds", "pullSeconds", "onlineSeconds", "lostSeconds", "ghostSeconds")
    section.known(*names)
    schedule, pull, online, lost, ghost = (section.integer(name, 5, _A_DAY) for name in names)
    return Deadlines(
        schedule_seconds=schedule,
        pull_seconds=pull,
        online_seconds=online,
        lost_seconds=lost,
        ghost_seconds=ghost,
    )


def _read_scope(section: Section, forge: str) -> ForgeScope:
    value = section.values.get("scope")
    try:
        if not isinstance(value, str):
            raise ValueError("it is no text")  # noqa: TRY004, TRY301 - one more thing that a scope is not
        return parse_scope(forge, value)
    except ValueError as error:
        section.note(
            "scope",
            f"{shown(value)}: {error}",
            "the URL of a repository, an owner or the whole forge",
            "write e.g. https://gitea.example.com/owner/repository",
        )
        return ForgeScope(forge, "", "")


def _read_environment(section: Section, platform_scope: ForgeScope) -> EnvironmentConfig:
    section.known("namespace", "scope", "runnerGroup", "quota", "egress", "images", "deployer")
    quota = section.section("quota")
    quota.known("gpus", "pods")
    scope = _read_scope(section, platform_scope.kind) if section.has("scope") else platform_scope
    if scope.url and platform_scope.url and scope.url != platform_scope.url:
        section.note("scope", scope.url, f"a scope of {platform_scope.url}", "give another forge a platform of its own")
    group = section.optional_text("runnerGroup", bool, "the name of a runner group")
    if group and platform_scope.kind == GITEA:
        section.note("runnerGroup", group, "nothing: Gitea has no runner groups", "leave it out")
    elif group and scope.scope.is_repository:
        cure = "name the organization as the scope, or leave it out"
        section.note("runnerGroup", f"{group} in {scope.path}", "a group of an organization", cure)
    return EnvironmentConfig(
        namespace=read_namespace(section, "namespace"),
        scope=scope.scope,
        runner_group=group,
        gpus=_read_gpus(quota),
        pods=quota.integer("pods", 1, MOST_GPUS) if quota.has("pods") else None,
        egress=tuple(_read_egress(item) for item in section.sections("egress")),
        images=tuple(
            section.texts(
                "images",
                is_image_beginning,
                "an image or what it begins with, without tag and digest, e.g. registry.example.com/ml/",
                "leave it out to admit every registry",
            )
        ),
        deployer=_read_deployer(section.section("deployer")) if section.has("deployer") else None,
    )


def _read_gpus(quota: Section) -> dict[str, int]:
    """A number of NVIDIA GPUs, or a mapping from resource to number."""
    if not isinstance(quota.values.get("gpus"), dict):
        return {NVIDIA_GPU: quota.integer("gpus", 0, MOST_GPUS, "count all pools, and a spare for leaving runners")}
    section = quota.section("gpus")
    for resource in section.values:
        if not is_extended_resource(resource):
            section.note(
                resource, "an unknown resource", "a device plugin's resource, e.g. nvidia.com/gpu", "correct it"
            )
    return {resource: section.integer(resource, 0, MOST_GPUS) for resource in section.values}


def _read_egress(section: Section) -> EgressRule:
    section.known("cidr", "ports")
    rule: EgressRule = {"cidr": section.text("cidr", is_cidr, "a network such as 10.85.0.1/32, without host bits")}
    ports = section.values.get("ports")
    if ports is not None:
        valid = isinstance(ports, list) and all(type(port) is int and 0 < port < 65536 for port in ports)
        if valid and ports:
            rule["ports"] = list(ports)
        else:
            section.note("ports", shown(ports), "a list of TCP ports", "leave it out to allow all ports")
    return rule


def _check_forge_is_reached(registrar: Section, platform: PlatformConfig) -> None:
    """The registrar reaches its forge and nothing else, so somebody must say where a forge answers that has a name."""
    forge = platform.forge
    if forge.url and not forge_networks(forge) and not registrar.values.get("egress"):
        allowed = f"where {forge.host} answers, e.g. [{{cidr: 203.0.113.7/32, ports: [{forge.port}]}}]"
        cure = f"`getent ahosts {forge.host}` tells its addresses"
        registrar.note("egress", "nothing", allowed, cure)


def _read_deployer(section: Section) -> DeployerConfig:
    section.known("namespace", "stack")
    stack = section.text("stack", is_dns_label, "the name of the stack that may be deployed, as a DNS-1123 label")
    return DeployerConfig(read_namespace(section, "namespace"), stack)


def _check_namespaces(section: Section, platform: PlatformConfig) -> None:
    names = [environment.namespace for environment in platform.environments if environment.namespace]
    for name, count in Counter(names).items():
        if count > 1:
            section.note(
                "environments", f"namespace {name} {count} times", "each namespace once", "merge them into one"
            )
    for index, environment in enumerate(platform.environments):
        at = f"environments[{index}]"
        if environment.namespace and environment.namespace == platform.registrar_namespace:
            allowed = "another namespace than the registrar's"
            section.note(f"{at}.namespace", environment.namespace, allowed, "name another: the credential lives there")
        if environment.deployer and environment.deployer.namespace not in ("", *names):
            allowed = f"the namespace of an environment: {', '.join(names)}"
            cure = "name the environment of the base runners, or add it"
            section.note(f"{at}.deployer.namespace", environment.deployer.namespace, allowed, cure)
