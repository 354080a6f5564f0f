"""Table of contents: what a stack declares, in order. Reads the config, checks the cluster, declares, and no more."""

from components.interruption import end_at_interrupts

if __name__ == "__main__":
    end_at_interrupts()  # before the imports, which take a second

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from access.cluster.api_server import read_api_server
from access.cluster.claims import require_claims
from access.cluster.errors import ClusterError
from access.cluster.keda import require_keda
from access.cluster.namespaces import require_own_namespaces
from access.cluster.program_choice import choice_of_this_program
from access.cluster.version import read_version, require_version
from components.pools.declare import declare_pools
from components.pools.own_pool import refuse_own_pool
from config import StackConfig, load
from config.forge_questions import forge_questions
from config.hosted_labels import doubtful_labels
from config.job_groups import unrestricted
from config.platform import (
    PlatformConfig,
    deployments_by_namespace,
    grants,
    job_grants,
    own_namespaces,
    previews_by_namespace,
    queues,
    reserved_labels,
)
from config.prepull import doubtful_prepull
from values.api_server import ApiServer
from values.credential import Credential
from values.egress import EgressRule
from values.forge_networks import forge_networks
from values.pool import RunnerPool
from values.problem import ProblemsError
from values.proxy import Proxy, proxy_for

if TYPE_CHECKING:
    from components.platform.declare import Environment, RegistrarPlan

# A stack of pools waits for nothing that it does not need: what only a platform needs is imported where it is declared.
# ruff: noqa: PLC0415


def declare(
    stack: StackConfig,
    cluster_version: str,
    find_api_server: Callable[[Sequence[EgressRule]], ApiServer],
    scaled_by: Mapping[str, str] | None = None,
) -> None:
    """Everything that the stack holds, on a cluster of this version. Declares nothing if it cannot all be right.

    find_api_server is called for a platform only: whoever deploys pools may not know where the API server is.
    scaled_by: where the queue is read of each namespace whose pools follow it.
    """
    require_version(cluster_version)
    refuse_own_pool(stack.pools, os.environ)
    for problem in (*doubtful_labels(stack.pools, own_namespaces(stack.platform)), *doubtful_prepull(stack.pools)):
        pulumi.log.warn(str(problem))
    platform: list[pulumi.Resource] = []
    if stack.platform and stack.credential:
        for sentence in unrestricted(stack.platform):
            pulumi.log.info(sentence)
        registrar = registrar_of(stack, stack.platform, stack.credential, find_api_server(stack.platform.api_server))
        platform = platform_of(stack, stack.platform, registrar)
    declare_pools(
        pulumi.get_stack(),
        stack.pools,
        stack.pools_namespace,
        stack.online_deadline_seconds,
        platform,
        queues=scaled_by or {},
    )


def ask_forge(stack: StackConfig) -> None:
    """Raises ForgeRefusedError where the forge would refuse the platform; a stack without one has no question."""
    questions = forge_questions(stack)
    if questions is not None:
        from access.forge import require_forge

        require_forge(questions, pulumi.warn)


def at_github(stack: StackConfig) -> list[pulumi.Resource]:
    """Runner groups and the wiring of repositories; nothing for a stack that has neither."""
    questions = forge_questions(stack)
    if questions is None or questions.wiring is None:
        return []
    from components.github.declare import declare_github

    wiring, delay = questions.wiring, pulumi.Config("github").get_int("writeDelayMs")
    return declare_github(wiring.forge, wiring.credential, wiring.groups, wiring.repositories, delay)


def platform_of(stack: StackConfig, platform: PlatformConfig, registrar: "RegistrarPlan") -> list[pulumi.Resource]:
    """The registrar, the environments and who may deploy them, the registrar after what it needs at GitHub."""
    from components.platform.declare import Identities, Trust, declare_platform

    trust = Trust(
        blocked_cidrs=stack.blocked_cidrs,
        dns_cidrs=stack.dns_cidrs,
        pod_security_version=stack.pod_security_version,
        image_tags_allowed=stack.image_tags_allowed,
        runner_limits=platform.runner_limits,
        pull_secrets=platform.pull_secrets,
    )
    return declare_platform(
        registrar,
        trust,
        environments_of(platform, stack.pools, stack.proxy),
        Identities(
            deployments=deployments_by_namespace(platform),
            previews=previews_by_namespace(platform),
            auditor_namespace=platform.auditor.namespace if platform.auditor else "",
        ),
        after=at_github(stack),
    )


def registrar_of(
    stack: StackConfig, platform: PlatformConfig, credential: Credential, api_server: ApiServer
) -> "RegistrarPlan":
    """Whom the registrar serves, and how."""
    from components.platform.declare import RegistrarPlan

    forge_proxy = proxy_for(stack.proxy, platform.forge.api_host)
    way_out = stack.proxy.egress if stack.proxy and forge_proxy else forge_networks(platform.forge)
    return RegistrarPlan(
        namespace=platform.registrar_namespace,
        image=platform.registrar_image,
        pull_secrets=platform.registrar_pull_secrets,
        clients=platform.registrar_clients,
        forge_egress=(*way_out, *platform.registrar_egress),
        api_server=api_server.egress,
        forge=platform.forge,
        forge_ca=stack.forge_ca,
        forge_proxy=forge_proxy,
        credential=credential,
        grants=grants(platform),
        deadlines=stack.registrar_deadlines,
        keep_failed=stack.keep_failed,
        certificate_generation=stack.certificate_generation,
    )


def environments_of(platform: PlatformConfig, pools: Iterable[RunnerPool], proxy: Proxy | None) -> "list[Environment]":
    """The namespaces for runners; the pools of the same stack have labels that no other namespace may claim."""
    from components.platform.declare import Environment

    return [
        Environment(
            namespace=environment.namespace,
            quota=environment.quota,
            egress=(*environment.egress, *(proxy.egress if proxy else ())),
            job_credentials=bool(job_grants(platform, environment.namespace)),
            images=environment.images,
            labels=environment.labels,
            reserved_labels=reserved_labels(platform, environment, pools),
            extras=environment.extras,
            autoscaler=environment.autoscaler,
            prepull=environment.prepull,
            claims=[cache.claim for cache in environment.caches],
        )
        for environment in platform.environments
    ]


def main() -> None:
    """Reads, checks, declares. Raises what is wrong as ProblemsError or ClusterError."""
    stack = load(pulumi.Config())
    choice = choice_of_this_program(os.environ)
    version = read_version(choice)
    require_own_namespaces(choice, own_namespaces(stack.platform), pulumi.get_stack())
    ask_forge(stack)
    require_claims(choice, stack.pools, own_namespaces(stack.platform), pulumi.log.warn)
    declare(stack, version, partial(read_api_server, choice), require_keda(choice, stack.pools, queues(stack.platform)))


if __name__ == "__main__":
    try:
        main()
    except (ProblemsError, ClusterError) as error:
        raise pulumi.RunError(str(error)) from error  # which Pulumi tells without a traceback
