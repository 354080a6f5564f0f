"""The stack's config: one parser, stricter than the schema in Pulumi.yaml, which holds the only defaults.

`load` reads everything, then raises one error that lists every problem. Knows no Kubernetes object and declares none.
"""

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from cryptography.x509 import load_pem_x509_certificates

from config.credential import SECRET_KEYS, read_credential, read_wiring_credential
from config.fields import Section
from config.github import GitHubConfig, check_provider, read_github
from config.platform import PlatformConfig, read_deadlines, read_platform
from config.pools import read_namespace, read_pools
from config.repositories import named_secrets
from values.accounts import DEPLOYER, PREVIEWER
from values.credential import Credential
from values.deadlines import Deadlines
from values.image import image_pattern
from values.kubernetes_syntax import is_cidr
from values.pool import RunnerPool
from values.problem import Problem, ProblemsError, count_of
from values.scope import FORGES

NAMESPACE: Final = "gpu-runners"
KEYS: Final = (
    "allowImageTags",
    "blockedCidrs",
    "dnsCidrs",
    "forge",
    "forgeCa",
    "githubApp",
    "githubWiringApp",
    "keepFailed",
    "namespace",
    "onlineDeadlineSeconds",
    "platform",
    "podSecurityVersion",
    "poolDefaults",
    "pools",
    "registrarCertificate",
    "registrarDeadlines",
    "runnerImage",
)
TEXT_KEYS: Final = ("forge", "forgeCa", "namespace", "podSecurityVersion", "runnerImage")


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
    registrar_deadlines: Deadlines
    keep_failed: int
    certificate_generation: int


def load(config: pulumi.Config, environment: Mapping[str, str] = os.environ) -> StackConfig:
    """The stack's config. Raises StackConfigError."""
    root = Section(f"{NAMESPACE}:", _values(config))
    _check_keys(root)
    forge = _read_forge(root)
    tags_allowed = root.flag("allowImageTags")
    pools = read_pools(root, root.section("poolDefaults"), forge, tags_allowed=tags_allowed)
    platform, credential, github, wiring_credential = None, None, GitHubConfig(), None
    if root.values.get("platform"):
        section = root.section("platform")
        platform = read_platform(section, forge, tags_allowed=tags_allowed)
        _check_pools(root, pools, platform)
        credential = read_credential(root, forge, environment)
        github = read_github(root, section, forge, environment)
        if github.owners:  # else nobody needs it
            wiring_credential = read_wiring_credential(root, credential, environment)
            check_provider(root, github, wiring_credential, environment)
    if not pools and platform is None and not root.values.get("pools"):
        root.note("pools", "neither pools nor a platform", "at least one of them", "see Pulumi.dev.yaml for an example")
    stack = StackConfig(
        pools=pools,
        pools_namespace=_pools_namespace(root, pools),
        online_deadline_seconds=root.integer("onlineDeadlineSeconds", 10, 86400),
        platform=platform,
        credential=credential,
        github=github,
        wiring_credential=wiring_credential,
        forge_ca=root.text("forgeCa", _is_certificate, "the PEM of a CA's certificate, or nothing at all"),
        pod_security_version=root.text("podSecurityVersion", _is_version, "a Kubernetes version such as v1.35"),
        blocked_cidrs=tuple(root.texts("blockedCidrs", is_cidr, "a network such as 10.0.0.0/8")),
        dns_cidrs=tuple(root.texts("dnsCidrs", is_cidr, "a network such as 10.96.0.10/32")),
        image_tags_allowed=tags_allowed,
        registrar_deadlines=read_deadlines(root.section("registrarDeadlines")),
        keep_failed=root.integer("keepFailed", 0, 100),
        certificate_generation=root.integer("registrarCertificate", 1, 1000000),
    )
    if root.problems:
        raise StackConfigError(root.problems)
    return stack


def _values(config: pulumi.Config) -> dict[str, Any]:
    """The project's values with their types: the engine hands over everything as text."""
    values: dict[str, Any] = {}
    for key in KEYS:
        text = config.get(key)
        if text is None:
            continue
        values[key] = text if key in TEXT_KEYS else _parsed(text)
    return values


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _check_keys(root: Section) -> None:
    # The engine hands the config over in a variable, tests set it in the SDK.
    given = pulumi.runtime.config.get_config_env() | pulumi.runtime.config.CONFIG.get()
    names = [key.removeprefix(root.key) for key in given if key.startswith(root.key)]
    named = named_secrets(root.values.get("platform"))
    Section(root.key, dict.fromkeys(names), root.problems).known(*KEYS, *SECRET_KEYS, *named)
    for key in given:
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE and difflib.get_close_matches(namespace, [NAMESPACE], cutoff=0.8):
            cure = f"did you mean {root.key}{name}?"
            root.problems.append(Problem(key, "a key that nothing reads", f"keys that begin with {root.key}", cure))


def _read_forge(root: Section) -> str:
    cure = "say which forge your runners belong to"
    return root.text("forge", lambda text: text in FORGES, " or ".join(FORGES), cure)


def _pools_namespace(root: Section, pools: tuple[RunnerPool, ...]) -> str:
    if root.values.get("namespace"):
        return read_namespace(root, "namespace")
    return pools[0]["namespace"] if pools else ""


def _check_pools(root: Section, pools: tuple[RunnerPool, ...], platform: PlatformConfig) -> None:
    """Relations between the pools and the environments of one stack."""
    environments = {environment.namespace: environment for environment in platform.environments}
    deployers = {environment.deployer.namespace for environment in platform.environments if environment.deployer}
    wanted: Counter[tuple[str, str]] = Counter()
    for index, pool in enumerate(pools):
        namespace = pool["namespace"]
        if namespace and environments and namespace not in environments:
            cure = f"add it to {NAMESPACE}:platform.environments"
            root.note(f"pools[{index}].namespace", namespace, f"one of {', '.join(environments)}", cure)
        if pool["identity"] in (DEPLOYER, PREVIEWER) and namespace in environments and namespace not in deployers:
            cure = f"name {namespace} as `deployer.namespace` of the environment that it deploys"
            root.note(f"pools[{index}].identity", pool["identity"], "a pool in a deployer's namespace", cure)
        if namespace in environments and environments[namespace].images:
            _check_images(root, index, pool, environments[namespace].images)
        if "gpu" in pool and pool["gpu"]["resource"]:
            wanted[namespace, pool["gpu"]["resource"]] += pool["gpu"]["count"] * pool["replicas"]
    for (namespace, resource), count in wanted.items():
        granted = environments[namespace].gpus.get(resource, 0) if namespace in environments else count
        if count > granted:
            cure = "lower replicas or gpu.count, or raise the environment's quota"
            root.note("pools", f"{count} {resource} in {namespace}", f"at most its quota, {granted}", cure)


def _check_images(root: Section, index: int, pool: RunnerPool, images: tuple[str, ...]) -> None:
    # Digests are asked for where an image is read.
    pattern = re.compile(image_pattern(images, tags_allowed=True))
    for key, image in (("image", pool["image"]), ("runnerImage", pool["runner_image"])):
        if image and pattern.match(image) is None:
            cure = f"choose one of these, or add it to the images of {pool['namespace']} in {NAMESPACE}:platform"
            root.note(f"pools[{index}].{key}", image, f"images of {', '.join(images)}", cure)


def _is_certificate(text: str) -> bool:
    if not text:
        return True
    try:
        return bool(load_pem_x509_certificates(text.encode()))
    except ValueError:
        return False


def _is_version(text: str) -> bool:
    major, dot, minor = text.removeprefix("v").partition(".")
    return text.startswith("v") and bool(dot) and major.isdecimal() and minor.isdecimal()
