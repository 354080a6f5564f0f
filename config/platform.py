"""Reads the platform section: the registrar, its forge, and the environments whose namespaces may hold runners."""

from collections import Counter
from dataclasses import dataclass

from config.egress import check_forge_is_reached, read_egress
from config.environments import EnvironmentConfig, read_environment
from config.fields import Section
from config.names import read_image, read_namespace
from config.scope import read_scope
from values.accounts import DEPLOYER, PREVIEWER, RUNNER, Deployment
from values.egress import EgressRule
from values.grant import Grant
from values.kubernetes_syntax import is_dns_label
from values.scope import ForgeScope


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
    scope = read_scope(section, forge)
    environments = tuple(read_environment(item, scope) for item in section.sections("environments"))
    platform = PlatformConfig(
        forge=scope,
        registrar_namespace=read_namespace(registrar, "namespace"),
        registrar_image=read_image(registrar, "image", tags_allowed=tags_allowed),
        registrar_clients=tuple(registrar.texts("clients", is_dns_label, "the name of a namespace")),
        registrar_egress=tuple(read_egress(item) for item in registrar.sections("egress")),
        environments=environments,
    )
    check_forge_is_reached(registrar, scope)
    if not section.values.get("environments"):
        section.note("environments", "nothing", "at least one environment", "name the namespace of your runners")
    _check_namespaces(section, platform)
    return platform


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
