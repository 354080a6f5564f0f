"""Reads the environments of a platform: the namespaces that may hold runners, and what each of them grants at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.egress import read_egress
from config.fields import Section
from config.names import read_namespace
from config.scope import read_scope
from values.egress import EgressRule
from values.kubernetes_syntax import is_dns_label, is_extended_resource, is_image_beginning
from values.placement import NVIDIA_GPU
from values.scope import GITEA, ForgeScope, Scope

MOST_GPUS: Final = 100000


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


def read_environment(section: Section, platform_scope: ForgeScope) -> EnvironmentConfig:
    """One environment; its scope is the platform's unless it names one of the same forge."""
    section.known("namespace", "scope", "runnerGroup", "quota", "egress", "images", "deployer")
    quota = section.section("quota")
    quota.known("gpus", "pods")
    scope = read_scope(section, platform_scope.kind) if section.has("scope") else platform_scope
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
        egress=tuple(read_egress(item) for item in section.sections("egress")),
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


def _read_deployer(section: Section) -> DeployerConfig:
    section.known("namespace", "stack")
    stack = section.text("stack", is_dns_label, "the name of the stack that may be deployed, as a DNS-1123 label")
    return DeployerConfig(read_namespace(section, "namespace"), stack)
