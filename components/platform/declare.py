"""Declares a platform: the registrar, the environments, and who may deploy them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.platform.auditor import Auditor
from components.platform.deployer import Deployer
from components.platform.forge_credential import ForgeCredential, credential_args
from components.platform.previewer import Previewer
from components.platform.registrar import Registrar
from components.platform.registrar_args import deadlines_args, grant_args
from components.platform.registrar_namespace import RegistrarNamespace
from components.platform.runner_namespace import RunnerNamespace
from values.accounts import AUDITOR, RUNNER, Deployment
from values.autoscaling import queue_url
from values.cache import Claim
from values.credential import Credential
from values.deadlines import Deadlines
from values.egress import EgressRule
from values.grant import Grant
from values.pod_extras import PodExtras
from values.quota import Quota, RunnerLimits
from values.scope import ForgeScope


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A namespace for runners: images and labels are those that pods may have.

    labels: empty for any but the reserved ones, which serve other namespaces. job_credentials: whether jobs there may
    ask the registrar for a token of an account.
    """

    namespace: str
    quota: Quota
    egress: Sequence[EgressRule]
    job_credentials: bool
    images: Sequence[str]
    labels: Sequence[str]
    reserved_labels: Sequence[str]
    extras: PodExtras
    claims: Sequence[Claim] = ()
    autoscaler: str | None = None
    """The namespace of the KEDA that may scale its pools."""
    prepull: bool = False
    """Whether its pools may have their images pulled ahead."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What holds everywhere: what is no internet, where the cluster's DNS answers, how strict the API server is.

    runner_limits is the most that one pod may ask for. pull_secrets: contents of the pull Secrets that are made in each
    namespace whose pods may name them, by name.
    """

    blocked_cidrs: Sequence[str]
    dns_cidrs: Sequence[str]
    pod_security_version: str
    image_tags_allowed: bool
    runner_limits: RunnerLimits
    pull_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class RegistrarPlan:
    """The registrar: where it runs, what it is, whom it serves and how patiently. forge_ca is PEM or "".

    pull_secrets: those of its namespace with which its image is pulled.
    forge_proxy: the URL of the proxy on the way to the forge, or "".
    forge_egress: where the forge answers, and whatever else it is to reach; api_server: where the API server does.
    """

    namespace: str
    image: str
    pull_secrets: Sequence[str]
    clients: Sequence[str]
    forge_egress: Sequence[EgressRule]
    api_server: Sequence[EgressRule]
    forge: ForgeScope
    forge_ca: str
    forge_proxy: str
    credential: Credential
    grants: Sequence[Grant]
    deadlines: Deadlines
    keep_failed: int
    certificate_generation: int


@dataclass(frozen=True, kw_only=True)
class Identities:
    """As whom jobs may act: what the deployer of a namespace may deploy, what its previewer may look at, and where the
    auditor of the whole platform lives, "" for none.
    """

    deployments: Mapping[str, list[Deployment]]
    previews: Mapping[str, list[Deployment]]
    auditor_namespace: str


def declare_platform(
    registrar: RegistrarPlan,
    trust: Trust,
    environments: Sequence[Environment],
    identities: Identities,
    *,
    after: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """All of it; what must be there before a pool is. The registrar comes after `after`."""
    system = RegistrarNamespace(
        "registrar-namespace",
        {
            "namespace": registrar.namespace,
            "pod_security_version": trust.pod_security_version,
            "made_pull_secrets": _of(trust.pull_secrets, registrar.pull_secrets),
        },
    )
    namespaces = [_declare_environment(environment, trust, registrar.namespace) for environment in environments]
    deployers = [
        Deployer(
            f"{namespace}-deployer",
            {"namespace": namespace, "deployments": deployed},
            pulumi.ResourceOptions(depends_on=namespaces),
        )
        for namespace, deployed in identities.deployments.items()
    ]
    previewers = [
        Previewer(
            f"{namespace}-previewer",
            {"namespace": namespace, "deployments": deployed, "registrar_namespace": registrar.namespace},
            pulumi.ResourceOptions(depends_on=[system, *namespaces]),
        )
        for namespace, deployed in identities.previews.items()
    ]
    if identities.auditor_namespace:
        Auditor(
            AUDITOR,
            {
                "namespace": identities.auditor_namespace,
                "environments": [environment.namespace for environment in environments],
                "registrar_namespace": registrar.namespace,
            },
            pulumi.ResourceOptions(depends_on=[system, *namespaces]),
        )
    autoscalers = {environment.namespace: environment.autoscaler for environment in environments}
    serving = _declare_registrar(registrar, trust, system, [*namespaces, *after], autoscalers)
    return [*namespaces, *deployers, *previewers, serving]


def _declare_environment(environment: Environment, trust: Trust, registrar_namespace: str) -> RunnerNamespace:
    return RunnerNamespace(
        environment.namespace,
        {
            "namespace": environment.namespace,
            "gpus": dict(environment.quota.gpus),
            "pods": environment.quota.pods,
            "cpu": environment.quota.cpu,
            "memory": environment.quota.memory,
            "ephemeral_storage": environment.quota.ephemeral_storage,
            "runner_protect_job_seconds": trust.runner_limits.protect_job_seconds,
            "runner_ephemeral_storage": trust.runner_limits.ephemeral_storage,
            "pod_security_version": trust.pod_security_version,
            "registrar_namespace": registrar_namespace,
            "egress": list(environment.egress),
            "blocked_cidrs": list(trust.blocked_cidrs),
            "dns_cidrs": list(trust.dns_cidrs),
            "accounts": [RUNNER],
            "job_credentials": environment.job_credentials,
            "images": list(environment.images),
            "image_tags_allowed": trust.image_tags_allowed,
            "labels": list(environment.labels),
            "reserved_labels": list(environment.reserved_labels),
            "extras": environment.extras,
            "queue_url": queue_url(registrar_namespace) if environment.autoscaler else "",
            "prepull": environment.prepull,
            "claims": list(environment.claims),
            "made_pull_secrets": _of(trust.pull_secrets, environment.extras["pull_secrets"]),
        },
    )


def _of(contents: Mapping[str, str], names: Sequence[str]) -> dict[str, pulumi.Input[str]]:
    """Those of the contents that are named; others are somebody else's to make."""
    return {name: contents[name] for name in names if name in contents}


def _declare_registrar(
    plan: RegistrarPlan,
    trust: Trust,
    system: RegistrarNamespace,
    after: Sequence[pulumi.Resource],
    autoscalers: Mapping[str, str | None],
) -> pulumi.Resource:
    credential = ForgeCredential("forge-credential", credential_args(plan.credential, system.namespace))
    registrar = Registrar(
        "registrar",
        {
            "namespace": plan.namespace,
            "image": plan.image,
            "pull_secrets": list(plan.pull_secrets),
            "forge_kind": plan.forge.kind,
            "forge_url": plan.forge.url,
            "forge_ca": plan.forge_ca,
            "forge_proxy": plan.forge_proxy,
            "credential_secret": credential.secret_name,
            "grants": [grant_args(grant, autoscalers.get(grant.namespace)) for grant in plan.grants],
            "clients": list(plan.clients),
            "forge_egress": list(plan.forge_egress),
            "api_server": list(plan.api_server),
            "dns_cidrs": list(trust.dns_cidrs),
            "deadlines": deadlines_args(plan.deadlines),
            "keep_failed": plan.keep_failed,
            "certificate_generation": plan.certificate_generation,
        },
        pulumi.ResourceOptions(depends_on=[system, *after]),
    )
    pulumi.export("registrar", registrar.url)
    return registrar
