"""Reads the pools of a stack: what each field may be, and what pools must not share."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from config.autoscaling import read_autoscaling
from config.fields import Section
from config.gpu import read_gpu
from config.kinds import SECONDS, NumberKind, choice, quantity, text_kind
from config.names import IMAGE_KIND, NAMESPACE_KIND, read_image, read_own_namespace, read_runner_labels
from config.pod_extras import EXTRAS, MOST_NAMES, PULL_POLICY_KIND, PULL_SECRET_KIND, add_extras
from values.kubernetes_syntax import amount, is_dns_label
from values.pool import IDENTITIES, RunnerPool
from values.proxy import Proxy
from values.quantity import CPU, EPHEMERAL_STORAGE, MEMORY, SHARED_MEMORY, WORK_VOLUME

# A pod's name is the pool's and 17 letters more; the forge shows it as the runner's name.
LONGEST_POOL_NAME: Final = 40
MOST_REPLICAS: Final = 1000
LONGEST_JOB_SECONDS: Final = 432000  # five days, the longest a self-hosted job may take at the forges
SHORTEST_PROTECTION_SECONDS: Final = 30
PROTECTION_KIND: Final = NumberKind(SHORTEST_PROTECTION_SECONDS, LONGEST_JOB_SECONDS, SECONDS)
NAME_KIND: Final = text_kind(
    lambda text: is_dns_label(text) and len(text) <= LONGEST_POOL_NAME,
    f"a DNS-1123 label of at most {LONGEST_POOL_NAME} letters: lowercase letters, digits and '-'",
    "write e.g. cuda or big-gpu",
    {"pattern": f"^[a-z0-9](?:[-a-z0-9]{{0,{LONGEST_POOL_NAME - 2}}}[a-z0-9])?$"},
)


def read_pools(
    root: Section, defaults: Section, forge: str, proxy: Proxy | None, *, tags_allowed: bool
) -> tuple[RunnerPool, ...]:
    """All pools; a field that a pool leaves out comes from poolDefaults, some from the stack itself."""
    defaults.known(*DEFAULTED)
    pools: list[RunnerPool] = []
    merged_sections: list[Section] = []
    for section in root.sections("pools"):
        names = ("name", "labels", "replicas", "autoscaling", "image", "gpu", "prepull")
        section.known(*names, *EXTRAS, *FROM_STACK, *DEFAULTED, elsewhere=ELSEWHERE)
        given = {name: root.values[name] for name in FROM_STACK if root.values.get(name)}
        origins = {**{name: root.at(name) for name in given}, **{name: defaults.at(name) for name in DEFAULTED}}
        merged = replace(section, fallbacks={**given, **defaults.values}, origins=origins)
        merged_sections.append(merged)
        pool = _read_pool(merged, forge, tags_allowed=tags_allowed)
        pools.append({**pool, "proxy": proxy.variables} if proxy else pool)
    _refuse_duplicates(root, merged_sections)
    _check_what_pools_leave_out(root, defaults, tags_allowed=tags_allowed)
    return tuple(pools)


# Keys that a stack gives to pools without them.
FROM_STACK: Final = ("namespace", "runnerImage", "ephemeralStorage", "imagePullPolicy", "pullSecrets")
# What people write beside a pool's name, as in a pod or a workflow.
ELSEWHERE: Final = {
    **dict.fromkeys(("count", "nodeSelector", "preset", "resource", "tolerations"), "write it below `gpu`"),
    **dict.fromkeys(("runs-on", "runsOn"), "write it into `labels`"),
    **dict.fromkeys(("minReplicas", "maxReplicas", "min", "max"), "write min and max below `autoscaling`"),
    **dict.fromkeys(("resources", "limits", "requests"), "write `cpu`, `memory` and `gpu`"),
    **dict.fromkeys(("nodeName", "affinity", "topologySpreadConstraints"), "write a nodeSelector below `gpu`"),
    **dict.fromkeys(("volumes", "volumeMounts"), "write `caches`, which the environment grants"),
    **dict.fromkeys(
        ("serviceAccount", "serviceAccountName"), "leave it out: base runners have `identity`, others no right"
    ),
    **dict.fromkeys(
        ("command", "args", "initContainers", "container", "template", "spec"), "leave it out: jobs run in `image`"
    ),
    **dict.fromkeys(("securityContext", "privileged", "user"), "leave it out: every runner is uid 1001, without root"),
    **dict.fromkeys(("shm", "shmSize", "shm_size", "shm-size"), "write `sharedMemory`"),
}
QUANTITIES: Final = {"cpu": CPU, "memory": MEMORY, "sharedMemory": SHARED_MEMORY, "workVolume": WORK_VOLUME}
DEFAULTED: Final = (
    "cpu",
    "memory",
    "sharedMemory",
    "workVolume",
    "protectJobSeconds",
    "identity",
    "autoscaled",
)


def _check_what_pools_leave_out(root: Section, defaults: Section, *, tags_allowed: bool) -> None:
    """What a pool may leave out stands, by the same rules, where it comes from, whether or not one leaves it out."""
    root.reads("namespace", NAMESPACE_KIND.json_schema)
    if root.values.get("namespace"):
        read_own_namespace(root, "namespace")
    root.reads("runnerImage", IMAGE_KIND.json_schema)
    if root.values.get("runnerImage"):
        read_image(root, "runnerImage", tags_allowed=tags_allowed)
    root.optional_text("ephemeralStorage", quantity(EPHEMERAL_STORAGE))
    root.optional_text("imagePullPolicy", PULL_POLICY_KIND)
    root.texts("pullSecrets", PULL_SECRET_KIND, MOST_NAMES)
    for name, kind in QUANTITIES.items():
        defaults.optional_text(name, quantity(kind))
    defaults.optional_integer("protectJobSeconds", PROTECTION_KIND)
    defaults.optional_text("identity", choice(IDENTITIES))
    defaults.optional_flag("autoscaled")


def _read_pool(section: Section, forge: str, *, tags_allowed: bool) -> RunnerPool:
    pool: RunnerPool = {
        "name": section.text("name", NAME_KIND),
        "namespace": read_own_namespace(section, "namespace"),
        "labels": _read_labels(section),
        "replicas": _read_replicas(section),
        "image": read_image(section, "image", tags_allowed=tags_allowed),
        "runner_image": read_image(section, "runnerImage", tags_allowed=tags_allowed),
        "forge": forge,
        "cpu": section.text("cpu", quantity(CPU)),
        "memory": section.text("memory", quantity(MEMORY)),
        "shared_memory": section.text("sharedMemory", quantity(SHARED_MEMORY)),
        "work_volume": section.text("workVolume", quantity(WORK_VOLUME)),
        "ephemeral_storage": section.text("ephemeralStorage", quantity(EPHEMERAL_STORAGE)),
        "protect_job_seconds": section.integer("protectJobSeconds", PROTECTION_KIND),
        "identity": section.text("identity", choice(IDENTITIES)),
        "image_pull_policy": section.text("imagePullPolicy", PULL_POLICY_KIND),
        "autoscaled": section.flag("autoscaled"),
    }
    add_extras(section, pool)
    if section.has("autoscaling"):
        pool["autoscaling"] = read_autoscaling(section, MOST_REPLICAS)
        pool["replicas"], pool["autoscaled"] = pool["autoscaling"]["min"], True
    if section.has("gpu"):
        pool["gpu"] = read_gpu(section.section("gpu"))
    if section.optional_flag("prepull"):
        pool["prepull"] = True
        if not section.has("gpu"):
            cure = "leave it out, or say which nodes with `gpu`"
            section.note("prepull", "true without gpu", "a pool with gpu: its nodes pull ahead", cure)
    _check_shared_memory(section, pool)
    return pool


def _read_replicas(section: Section) -> int:
    if section.has("autoscaling"):
        return 0
    return section.integer("replicas", NumberKind(0, MOST_REPLICAS), always=False)


def _check_shared_memory(section: Section, pool: RunnerPool) -> None:
    shared, memory = pool["shared_memory"], pool["memory"]
    if shared and memory and amount(shared) > amount(memory):
        cure = "lower it, or raise memory: what lies in /dev/shm counts towards the pod's memory"
        section.note_where_written("sharedMemory", shared, f"at most memory, {memory}", cure)


def _read_labels(section: Section) -> list[str]:
    labels = read_runner_labels(section)
    if not section.value("labels"):
        section.note("labels", "nothing", "at least one runner label", "name the word that jobs write in `runs-on`")
    return labels


def _refuse_duplicates(root: Section, pools: Iterable[Section]) -> None:
    """Compares what is written, so that a pool with other problems is told of this one as well."""
    first: dict[tuple[str, str], int] = {}
    for index, pool in enumerate(pools):
        namespace, name = pool.value("namespace"), pool.value("name")
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
