"""Reads the pools of a stack: what each field may be, and what pools must not share."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from config.fields import Section
from values.kubernetes_syntax import (
    has_digest,
    is_dns_label,
    is_extended_resource,
    is_image,
    is_label_key,
    is_label_value,
    is_quantity,
)
from values.placement import PRESETS, TAINT_EFFECTS, TOLERATION_OPERATORS, GpuPlacement, Toleration
from values.pool import IDENTITIES, RunnerPool

# A pod's name is the pool's and 17 letters more; the forge shows it as the runner's name.
LONGEST_POOL_NAME: Final = 40
MOST_REPLICAS: Final = 1000
MOST_GPUS_PER_POD: Final = 64
LONGEST_JOB_SECONDS: Final = 432000  # five days, the longest a self-hosted job may take at the forges
SHORTEST_PROTECTION_SECONDS: Final = 30
_DNS: Final = "a DNS-1123 label: at most 63 lowercase letters, digits and '-', with a letter or digit at both ends"
_QUANTITY: Final = 'a positive Kubernetes quantity in quotes, e.g. "500m" or "8Gi"'


def read_image(section: Section, name: str, *, tags_allowed: bool) -> str:
    """An image, by digest unless the stack allows tags."""
    if tags_allowed:
        return section.text(name, is_image, "an image reference, e.g. registry.example.com/cuda:12.4")
    return section.text(
        name,
        lambda text: is_image(text) and has_digest(text),
        "an image with a digest, e.g. registry.example.com/cuda@sha256:…",
        "append the digest that your registry shows, or set gpu-runners:allowImageTags to true",
    )


def read_namespace(section: Section, name: str) -> str:
    """The name of a namespace."""
    return section.text(name, is_dns_label, _DNS)


def read_pools(root: Section, defaults: Section, forge: str, *, tags_allowed: bool) -> tuple[RunnerPool, ...]:
    """All pools; a field that a pool leaves out comes from poolDefaults, namespace and runnerImage from the stack."""
    defaults.known(*DEFAULTED)
    pools: list[RunnerPool] = []
    merged_sections: list[Section] = []
    for section in root.sections("pools"):
        section.known("name", "namespace", "labels", "replicas", "image", "runnerImage", "gpu", *DEFAULTED)
        given = {name: root.values.get(name) or None for name in ("namespace", "runnerImage")}
        merged = Section(section.key, given | dict(defaults.values) | dict(section.values), section.problems)
        merged_sections.append(merged)
        pools.append(_read_pool(merged, forge, tags_allowed=tags_allowed))
    _refuse_duplicates(root, merged_sections)
    return tuple(pools)


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
        "cpu": section.text("cpu", is_quantity, _QUANTITY),
        "memory": section.text("memory", is_quantity, _QUANTITY),
        "shared_memory": section.text("sharedMemory", is_quantity, _QUANTITY),
        "work_volume": section.text("workVolume", is_quantity, _QUANTITY),
        "protect_job_seconds": section.integer("protectJobSeconds", SHORTEST_PROTECTION_SECONDS, LONGEST_JOB_SECONDS),
        "identity": section.text("identity", lambda text: text in IDENTITIES, " or ".join(IDENTITIES)),
        "autoscaled": section.flag("autoscaled"),
    }
    if section.has("gpu"):
        pool["gpu"] = _read_gpu(section.section("gpu"))
    return pool


def _read_labels(section: Section) -> list[str]:
    labels = section.texts(
        "labels",
        lambda text: bool(text) and not any(letter in ",:" or letter.isspace() for letter in text),
        "a runner label: a word without comma, colon or space, as in `runs-on`",
    )
    if not section.values.get("labels"):
        section.note("labels", "nothing", "at least one runner label", "name the word that jobs write in `runs-on`")
    for label, count in Counter(labels).items():
        if count > 1:
            section.note("labels", f"{label} {count} times", "each label once", "remove all but one")
    return labels


def _read_gpu(section: Section) -> GpuPlacement:
    section.known("preset", "resource", "count", "nodeSelector", "tolerations")
    name = section.optional_text("preset", lambda text: text in PRESETS, f"one of {', '.join(PRESETS)}")
    preset = PRESETS.get(name or "")
    values = {"resource": preset.resource if preset else None} | dict(section.values)
    own = Section(section.key, values, section.problems)
    selector = own.pairs("nodeSelector", is_label_key, is_label_value, "a Kubernetes label: a key and a text value")
    tolerations = [_read_toleration(item) for item in own.sections("tolerations")]
    return {
        "resource": own.text(
            "resource",
            is_extended_resource,
            "a device plugin's resource, e.g. nvidia.com/gpu, amd.com/gpu or nvidia.com/mig-1g.10gb",
            "name it, or choose a preset",
        ),
        "count": own.integer("count", 1, MOST_GPUS_PER_POD, "a pool without GPUs has no `gpu` at all"),
        "node_selector": {**(preset.node_selector if preset else {}), **selector},
        "tolerations": [*(preset.tolerations if preset else ()), *tolerations],
    }


def _read_toleration(section: Section) -> Toleration:
    section.known("key", "operator", "value", "effect")
    operator = section.text("operator", lambda text: text in TOLERATION_OPERATORS, " or ".join(TOLERATION_OPERATORS))
    toleration: Toleration = {
        "key": section.text(
            "key",
            is_label_key,
            "the key of a taint",
            "name the taint: a toleration without a key accepts every taint, of broken nodes too",
        ),
        "operator": operator,
    }
    if operator == "Equal":
        toleration["value"] = section.text("value", is_label_value, "the value of the taint")
    elif section.has("value"):
        section.note("value", shown_with_exists(section), "no value with operator Exists", "remove it, or say Equal")
    effect = section.optional_text("effect", lambda text: text in TAINT_EFFECTS, f"one of {', '.join(TAINT_EFFECTS)}")
    if effect is not None:
        toleration["effect"] = effect
    return toleration


def shown_with_exists(section: Section) -> str:
    """The value that a toleration has beside operator Exists."""
    return f"{section.values['value']!r} with operator Exists"


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
