"""Reads the environments of a platform: the namespaces that may hold runners, and what each of them grants at most."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from config.caches import KEY as CACHES
from config.caches import CacheConfig, read_caches
from config.egress import read_egress
from config.fields import Section
from config.jobs import DeployerConfig, PreviewerConfig, read_deployer, read_previewer
from config.kinds import text_kind
from config.names import NAMESPACE_KIND, read_own_namespace, read_runner_labels
from config.pod_extras import GRANTED, read_granted
from config.quota import read_quota
from config.scope import read_scope
from values.egress import EgressRule
from values.kubernetes_syntax import IMAGE_BEGINNING, is_image_beginning
from values.pod_extras import PodExtras
from values.quota import Quota
from values.scope import GITEA, ForgeScope, Scope

MOST_NAME: Final = 100


RUNNER_GROUP_KIND: Final = text_kind(
    lambda text: 0 < len(text) <= MOST_NAME and text == text.strip() and text.isprintable(),
    f"the name of a runner group, at most {MOST_NAME} letters",
    "write the name as the organization's settings show it",
    {"minLength": 1, "maxLength": MOST_NAME},
)
KEDA_KIND: Final = replace(NAMESPACE_KIND, cure=lambda _: "write the namespace of your KEDA, e.g. keda")
IMAGES_KIND: Final = text_kind(
    is_image_beginning,
    "an image or what it begins with, without tag and digest, e.g. registry.example.com/ml/",
    "cut it before the tag or digest, without a scheme; end a folder with /",
    {"pattern": f"^{IMAGE_BEGINNING}$"},
)


@dataclass(frozen=True)
class EnvironmentConfig:
    """One trust zone. images is whatever may run there, labels the words of `runs-on` that it serves; empty for any."""

    namespace: str
    scope: Scope
    runner_group: str | None
    quota: Quota
    labels: tuple[str, ...]
    egress: tuple[EgressRule, ...]
    images: tuple[str, ...]
    extras: PodExtras
    caches: tuple[CacheConfig, ...]
    deployer: DeployerConfig | None
    previewer: PreviewerConfig | None
    autoscaler: str | None = None
    """The namespace of the KEDA that may scale its pools."""
    rerun_lost_jobs: bool = False
    """Whether a job that is lost with its runner is run again, once."""
    prepull: bool = False
    """Whether its pools may have their images pulled ahead."""


def read_environment(
    section: Section,
    platform_scope: ForgeScope,
    quota_defaults: Section,
    pull_secrets: Iterable[str],
    *,
    has_proxy: bool,
) -> EnvironmentConfig:
    """One environment; its scope is the platform's unless it names one of the same forge.

    pull_secrets: those that the platform makes; has_proxy: whether the stack names one.
    """
    jobs = ("deployer", "previewer")
    section.known(
        "namespace",
        "scope",
        "runnerGroup",
        "quota",
        "egress",
        "images",
        "labels",
        "autoscaler",
        "rerunLostJobs",
        "prepull",
        *jobs,
        *GRANTED,
        CACHES,
        elsewhere=dict.fromkeys(("gpus", "pods", "cpu", "memory", "ephemeralStorage"), "write it below `quota`"),
    )
    scope = read_scope(section, platform_scope.kind) if section.has("scope") else platform_scope
    if scope.url and platform_scope.url and scope.url != platform_scope.url:
        section.note("scope", scope.url, f"a scope of {platform_scope.url}", "give another forge a platform of its own")
    group = section.optional_text("runnerGroup", RUNNER_GROUP_KIND)
    if group and platform_scope.kind == GITEA:
        section.note("runnerGroup", group, "nothing: Gitea has no runner groups", "leave it out")
    elif group and scope.scope.is_repository:
        cure = "name the organization as the scope, or leave it out"
        section.note("runnerGroup", f"{group} in {scope.path}", "a group of an organization", cure)
    caches = read_caches(section)
    return EnvironmentConfig(
        namespace=read_own_namespace(section, "namespace"),
        scope=scope.scope,
        runner_group=group,
        quota=read_quota(section.section("quota"), quota_defaults),
        labels=tuple(read_runner_labels(section)),
        egress=tuple(read_egress(item) for item in section.sections("egress")),
        images=tuple(section.texts("images", IMAGES_KIND)),
        extras=read_granted(section, pull_secrets, caches, has_proxy=has_proxy),
        caches=caches,
        deployer=read_deployer(section.section("deployer")) if section.has("deployer") else None,
        previewer=_read_previewer(section),
        autoscaler=section.optional_text("autoscaler", KEDA_KIND),
        rerun_lost_jobs=section.optional_flag("rerunLostJobs"),
        prepull=section.optional_flag("prepull"),
    )


def _read_previewer(section: Section) -> PreviewerConfig | None:
    if not section.has("previewer"):
        return None
    if not section.has("deployer"):
        cure = "name the deployer whose stack is previewed, or remove this"
        section.note("previewer", "a previewer", "one beside a deployer", cure)
    return read_previewer(section.section("previewer"))
