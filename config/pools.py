"""Reads the pools of a stack: what each field may be, and what pools must not share."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from config.fields import Section
from config.gpu import read_gpu
from config.names import read_image, read_namespace, read_quantity, read_runner_labels
from values.kubernetes_syntax import is_dns_label
from values.pool import IDENTITIES, RunnerPool

# A pod's name is the pool's and 17 letters more; the forge shows it as the runner's name.
LONGEST_POOL_NAME: Final = 40
MOST_REPLICAS: Final = 1000
LONGEST_JOB_SECONDS: Final = 432000  # five days, the longest a self-hosted job may take at the forges
SHORTEST_PROTECTION_SECONDS: Final = 30


def read_pools(root: Section, defaults: Section, forge: str, *, tags_allowed: bool) -> tuple[RunnerPool, ...]:
    """All pools; a field that a pool leaves out comes from poolDefaults, some from the stack itself."""
    defaults.known(*DEFAULTED)
    pools: list[RunnerPool] = []
    merged_sections: list[Section] = []
    for section in root.sections("pools"):
        section.known("name", "labels", "replicas", "image", "gpu", *FROM_STACK, *DEFAULTED)
        given = {name: root.values.get(name) or None for name in FROM_STACK}
        merged = Section(section.key, given | dict(defaults.values) | dict(section.values), section.problems)
        merged_sections.append(merged)
        pools.append(_read_pool(merged, forge, tags_allowed=tags_allowed))
    _refuse_duplicates(root, merged_sections)
    return tuple(pools)


FROM_STACK: Final = ("namespace", "runnerImage", "ephemeralStorage")  # keys that a stack gives to pools without them
DEFAULTED: Final = (
    "cpu",
    "memory",
    "sharedMemory",
    "workVolume",
    "protectJobSeconds",
    "identity",
    "autoscaled",
)


def _read_pool(section: Section, forge: str, *, tags_allowed: bool) -> RunnerPool:
    pool: RunnerPool = {
        "name": section.text(
            "name",
            lambda text: is_dns_label(text) and len(text) <= LONGEST_POOL_NAME,
            f"a DNS-1123 label of at most {LONGEST_POOL_NAME} letters",
        ),
        "namespace": read_namespace(section, "namespace"),
        "labels": _read_labels(section),
        "replicas": section.integer("replicas", 0, MOST_REPLICAS),
        "image": read_image(section, "image", tags_allowed=tags_allowed),
        "runner_image": read_image(section, "runnerImage", tags_allowed=tags_allowed),
        "forge": forge,
        "cpu": read_quantity(section, "cpu"),
        "memory": read_quantity(section, "memory"),
        "shared_memory": read_quantity(section, "sharedMemory"),
        "work_volume": read_quantity(section, "workVolume"),
        "ephemeral_storage": read_quantity(section, "ephemeralStorage"),
        "protect_job_seconds": section.integer("protectJobSeconds", SHORTEST_PROTECTION_SECONDS, LONGEST_JOB_SECONDS),
        "identity": section.text("identity", lambda text: text in IDENTITIES, " or ".join(IDENTITIES)),
        "autoscaled": section.flag("autoscaled"),
    }
    if section.has("gpu"):
        pool["gpu"] = read_gpu(section.section("gpu"))
    return pool


def _read_labels(section: Section) -> list[str]:
    labels = read_runner_labels(section)
    if not section.values.get("labels"):
        section.note("labels", "nothing", "at least one runner label", "name the word that jobs write in `runs-on`")
    for label, count in Counter(labels).items():
        if count > 1:
            section.note("labels", f"{label} {count} times", "each label once", "remove all but one")
    return labels


def _refuse_duplicates(root: Section, pools: Iterable[Section]) -> None:
    """Compares what is written, so that a pool with other problems is told of this one as well."""
    first: dict[tuple[str, str], int] = {}
    for index, pool in enumerate(pools):
        namespace, name = pool.values.get("namespace"), pool.values.get("name")
        if not isinstance(name, str) or not isinstance(namespace, str):
            continue
        if (namespace, name) in first:
            root.note(
                f"pools[{index}].name",
                f"{namespace}/{name}, which is pools[{first[namespace, name]}]",
                "a pool once per namespace",
                "rename one, or raise the replicas of the other",
            )
        first.setdefault((namespace, name), index)
