"""The stack's config: one parser, stricter than the schema in Pulumi.yaml, which holds the only defaults.

`load` reads everything, then raises one error that lists every problem. Knows no Kubernetes object and declares none.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pulumi

from config.credential import read_credential, read_wiring_credential
from config.deadlines import read_deadlines
from config.fields import Section, without_echoes
from config.github import GitHubConfig, check_provider, read_github
from config.hosted_labels import refuse_hosted_labels
from config.job_groups import check_job_groups
from config.keys import NAMESPACE, check_keys, read_values, refuse_encrypted, refuse_plain
from config.kinds import SECONDS, NumberKind, TextKind, choice, text_kind
from config.networks import BLOCKED_KIND, DNS_KIND
from config.platform import PlatformConfig, read_platform
from config.pools import read_pools
from config.proxy import read_proxy
from config.quota import check_quota_defaults, read_runner_limits
from config.relations import check_pools
from config.shape import Shape
from config.trusted_branches import check_trusted_branches
from values.credential import Credential
from values.deadlines import Deadlines
from values.pool import RunnerPool
from values.problem import Problem, ProblemsError, count_of
from values.proxy import Proxy
from values.scope import FORGES


class StackConfigError(ProblemsError, pulumi.RunError):
    """Everything that is wrong with a stack's config, in one message."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"the stack's config has {count_of(problems)}; nothing was changed:", problems)


@dataclass(frozen=True)
class StackConfig:
    """What a stack declares: a platform, pools, or both. Seconds are whole; pools_namespace is "" without pools."""

    pools: tuple[RunnerPool, ...]
    pools_namespace: str
    online_deadline_seconds: int
    platform: PlatformConfig | None
    credential: Credential | None
    github: GitHubConfig
    wiring_credential: Credential | None
    forge_ca: str
    pod_security_version: str
    blocked_cidrs: tuple[str, ...]
    dns_cidrs: tuple[str, ...]
    image_tags_allowed: bool
    proxy: Proxy | None
    registrar_deadlines: Deadlines
    keep_failed: int
    certificate_generation: int


def load(config: pulumi.Config, environment: Mapping[str, str] = os.environ, shape: Shape | None = None) -> StackConfig:
    """The stack's config; what is read of it is written down in the shape. Raises StackConfigError."""
    root = Section(f"{NAMESPACE}:", read_values(config), shape=shape)
    refuse_encrypted(root)
    if root.problems:  # whatever else is wrong, its message might show what was to stay a secret
        raise StackConfigError(root.problems)
    check_keys(root)
    forge = _read_forge(root)
    tags_allowed = root.flag("allowImageTags") or not root.is_well("allowImageTags")  # what is no flag is told alone
    section = root.section("platform")
    proxy = read_proxy(root, has_platform=bool(section.values))
    pools = read_pools(root, root.section("poolDefaults"), forge, proxy, tags_allowed=tags_allowed)
    forge_ca = root.text("forgeCa", CA_KIND)
    platform, github = None, GitHubConfig()
    if section.values:
        platform = read_platform(root, section, forge, environment, proxy, tags_allowed=tags_allowed)
        check_pools(root, pools, platform)
        refuse_hosted_labels(root, pools, platform)
    # What belongs to the half that a stack does not have is read all the same: a mistake there is not to wait for it.
    credential = read_credential(root, forge, environment, is_needed=platform is not None)
    if platform is not None:
        github = read_github(root, section, forge, environment)
        if forge:  # else nobody knows whether there are groups
            check_job_groups(section, platform, github)
            check_trusted_branches(section, platform, github)
    wiring_credential = read_wiring_credential(root, credential, environment, is_needed=bool(github.owners))
    if github.owners:
        check_provider(root, github, wiring_credential, environment)
    refuse_plain(root)
    check_quota_defaults(root.section("quotaDefaults"))
    read_runner_limits(root.section("runnerLimits"))
    if not pools and platform is None and not root.values.get("pools"):
        root.note("pools", "neither pools nor a platform", "at least one of them", "see docs/stacks.md for examples")
    stack = StackConfig(
        pools=pools,
        pools_namespace=root.values.get("namespace") or (pools[0]["namespace"] if pools else ""),
        online_deadline_seconds=root.integer("onlineDeadlineSeconds", NumberKind(10, 86400, SECONDS)),
        platform=platform,
        credential=credential,
        github=github,
        wiring_credential=wiring_credential,
        forge_ca=forge_ca,
        pod_security_version=root.text("podSecurityVersion", VERSION_KIND),
        blocked_cidrs=tuple(root.texts("blockedCidrs", BLOCKED_KIND)),
        dns_cidrs=tuple(root.texts("dnsCidrs", DNS_KIND)),
        image_tags_allowed=tags_allowed,
        proxy=proxy,
        registrar_deadlines=read_deadlines(root.section("registrarDeadlines")),
        keep_failed=root.integer("keepFailed", NumberKind(0, 100, "pods")),
        certificate_generation=root.integer("registrarCertificate", NumberKind(1, 1000000)),
    )
    if root.problems:
        raise StackConfigError(without_echoes(root.problems))
    return stack


def _read_forge(root: Section) -> str:
    return root.text("forge", FORGE_KIND)


def _is_certificate(text: str) -> bool:
    if not text:
        return True
    # Only here: most stacks have none, and each `up` and preview would wait for the library.
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    try:
        return bool(load_pem_x509_certificates(text.encode()))
    except ValueError:
        return False


def _forge_cure(text: str) -> str:
    if text.strip().lower() in FORGES:
        return f"write {text.strip().lower()}"
    return f"say which forge your runners belong to{': no other is served' if text else ''}"


FORGE_KIND: Final = replace(choice(FORGES), cure=_forge_cure)
# Of a version later than its own, a cluster takes its own.
_VERSION: Final = r"v1\.(?:2[5-9]|[3-9][0-9])"
CA_KIND: Final = text_kind(
    _is_certificate,
    "the PEM of a CA's certificate, or nothing at all",
    "`pulumi config set forgeCa < ca.pem`: all of the file, with its BEGIN and END lines",
)
VERSION_KIND: Final = TextKind(
    lambda text: re.fullmatch(_VERSION, text, re.ASCII) is not None,
    "a Kubernetes version from v1.25 to v1.99, e.g. v1.35",
    lambda text: f"write v{text}" if re.fullmatch(_VERSION, f"v{text}", re.ASCII) else "write e.g. v1.35",
    {"pattern": f"^{_VERSION}$"},
)
