"""Table of contents: what a stack declares, in order. Reads the config, checks the cluster, declares, and no more."""

import os
from collections.abc import Callable
from functools import partial

import pulumi

from access.cluster.api_server import read_api_server
from access.cluster.choice import ClusterChoice
from access.cluster.version import read_version, require_version
from access.github.registrar import require_all, require_github_access
from access.github.wiring import require_wiring_access
from components.platform.deployer import Deployer
from components.platform.forge_credential import ForgeCredential, credential_args
from components.platform.previewer import Previewer
from components.platform.registrar import Registrar
from components.platform.registrar_args import deadlines_args, grant_args
from components.platform.registrar_namespace import RegistrarNamespace
from components.platform.runner_namespace import RunnerNamespace
from components.pools.online_pools import OnlinePools
from components.pools.own_pool import refuse_own_pool
from components.pools.runner_deployment import RunnerDeployment
from config import StackConfig, load
from config.platform import accounts, deployments_by_namespace, grants
from values.api_server import ApiServer
from values.forge_networks import forge_networks
from values.pool import pool_key
from values.scope import GITHUB


def declare_github(stack: StackConfig) -> list[pulumi.Resource]:
    """Runner groups and the wiring of repositories at GitHub; nothing for a stack that has neither."""
    if stack.platform is None or stack.wiring_credential is None:
        return []
    # Only here: whoever declares nothing at GitHub need not wait for its SDK.
    from components.github.forge_repository import ForgeRepository  # noqa: PLC0415
    from components.github.github_provider import github_provider  # noqa: PLC0415
    from components.github.repository_args import repository_args  # noqa: PLC0415
    from components.github.runner_group import RunnerGroup  # noqa: PLC0415

    forge, proof = stack.platform.forge, stack.wiring_credential
    delay = pulumi.Config("github").get_int("writeDelayMs")
    within = {
        owner: pulumi.ResourceOptions(providers=[github_provider(owner, forge, proof, delay)])
        for owner in stack.github.owners
    }
    groups = [
        RunnerGroup(
            f"{group.organization}/{group.name}",
            {
                "group": group.name,
                "repositories": list(group.paths),
                "workflows": list(group.workflows),
            },
            within[group.organization],
        )
        for group in stack.github.groups
    ]
    repositories = [
        ForgeRepository(repository.path, repository_args(repository), within[repository.owner])
        for repository in stack.github.repositories
    ]
    return [*groups, *repositories]


def declare_platform(stack: StackConfig, find_api_server: Callable[[], ApiServer]) -> list[pulumi.Resource]:
    """The registrar, the environments and who may deploy them; nothing for a stack that has no platform."""
    platform = stack.platform
    if platform is None or stack.credential is None:
        return []
    system = RegistrarNamespace(
        "registrar-namespace",
        {"namespace": platform.registrar_namespace, "pod_security_version": stack.pod_security_version},
    )
    credential = ForgeCredential("forge-credential", credential_args(stack.credential, system.namespace))
    environments = [
        RunnerNamespace(
            environment.namespace,
            {
                "namespace": environment.namespace,
                "gpus": dict(environment.gpus),
                "pods": environment.pods,
                "pod_security_version": stack.pod_security_version,
                "registrar_namespace": platform.registrar_namespace,
                "egress": list(environment.egress),
                "blocked_cidrs": list(stack.blocked_cidrs),
                "dns_cidrs": list(stack.dns_cidrs),
                "accounts": accounts(platform, environment),
                "images": list(environment.images),
                "image_tags_allowed": stack.image_tags_allowed,
            },
        )
        for environment in platform.environments
    ]
    deployers = [
        Deployer(
            f"{namespace}-deployer",
            {"namespace": namespace, "deployments": deployments},
            pulumi.ResourceOptions(depends_on=environments),
        )
        for namespace, deployments in deployments_by_namespace(platform).items()
    ]
    previewers = [
        Previewer(
            f"{namespace}-previewer",
            {
                "namespace": namespace,
                "deployments": deployments,
                "registrar_namespace": platform.registrar_namespace,
            },
            pulumi.ResourceOptions(depends_on=[system, *environments]),
        )
        for namespace, deployments in deployments_by_namespace(platform).items()
    ]
    registrar = Registrar(
        "registrar",
        {
            "namespace": platform.registrar_namespace,
            "image": platform.registrar_image,
            "forge_kind": platform.forge.kind,
            "forge_url": platform.forge.url,
            "forge_ca": stack.forge_ca,
            "credential_secret": credential.secret_name,
            "grants": [grant_args(grant) for grant in grants(platform)],
            "clients": list(platform.registrar_clients),
            "forge_egress": [*forge_networks(platform.forge), *platform.registrar_egress],
            "api_server": find_api_server().egress,
            "dns_cidrs": list(stack.dns_cidrs),
            "deadlines": deadlines_args(stack.registrar_deadlines),
            "keep_failed": stack.keep_failed,
            "certificate_generation": stack.certificate_generation,
        },
        pulumi.ResourceOptions(depends_on=[system, *environments, *declare_github(stack)]),
    )
    pulumi.export("registrar", registrar.url)
    return [*environments, *deployers, *previewers, registrar]


def declare_pools(stack: StackConfig, platform: list[pulumi.Resource]) -> None:
    """The pools, and the wait for all of them."""
    pools = [
        RunnerDeployment(f"{pool['namespace']}-{pool['name']}", pool, pulumi.ResourceOptions(depends_on=platform))
        for pool in stack.pools
    ]
    if pools:
        OnlinePools(
            f"pools-{pulumi.get_stack()}",
            {
                "namespace": stack.pools_namespace,
                "stack": pulumi.get_stack(),
                "pools": list(stack.pools),
                "deadline_seconds": stack.online_deadline_seconds,
            },
            pulumi.ResourceOptions(depends_on=pools),
        )
    pulumi.export("pools", [pool_key(pool) for pool in stack.pools])


def require_forge(stack: StackConfig) -> None:
    """Asks the forge, where it can tell beforehand, whether registrar and `pulumi up` will be able to work there."""
    platform, held = stack.platform, stack.credential
    if platform is None or held is None or platform.forge.kind != GITHUB:
        return
    forge, ca = platform.forge, stack.forge_ca
    wanted = [(environment.scope.path, environment.runner_group) for environment in platform.environments]
    declared = {(group.organization, group.name) for group in stack.github.groups}
    checks = [partial(require_github_access, forge, wanted, held, ca, declared=declared)]
    if stack.wiring_credential is not None:
        groups = {f"{each.organization}/{each.name}": (each.organization, each.paths) for each in stack.github.groups}
        wirings = {repository.path: repository for repository in stack.github.repositories}
        checks.append(partial(require_wiring_access, forge, groups, wirings, stack.wiring_credential, ca))
    require_all(*checks)


def declare(stack: StackConfig, cluster_version: str, find_api_server: Callable[[], ApiServer]) -> None:
    """Everything that the stack holds, on a cluster of this version. Declares nothing if it cannot all be right.

    find_api_server is called for a platform only: whoever deploys pools may not know where the API server is.
    """
    require_version(cluster_version)
    refuse_own_pool(stack.pools, os.environ)
    declare_pools(stack, declare_platform(stack, find_api_server))


if __name__ == "__main__":
    STACK = load(pulumi.Config())
    CHOICE = ClusterChoice.of_this_program(os.environ)
    VERSION = read_version(CHOICE)
    require_forge(STACK)
    declare(STACK, VERSION, partial(read_api_server, CHOICE))
