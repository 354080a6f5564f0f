"""Relations between the pools and the environments of one stack: identity, images, labels, quota and limits."""

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from config.environments import EnvironmentConfig
from config.fields import Section
from config.keys import NAMESPACE
from config.names import LABEL_KIND
from config.platform import PlatformConfig, jobs_of
from values.accounts import JOB_ACCOUNTS
from values.image import image_pattern
from values.kubernetes_syntax import amount, bytes_quantity
from values.pod_extras import PodExtras
from values.pool import RunnerPool, most_runners, storage_limit
from values.quota import RunnerLimits
from values.runner_label import is_runner_label


def check_pools(root: Section, pools: tuple[RunnerPool, ...], platform: PlatformConfig) -> None:
    """Relations between the pools and the environments of one stack."""
    environments = {environment.namespace: environment for environment in platform.environments}
    lent = {(jobs.namespace, jobs.account) for jobs in jobs_of(platform)}
    wanted: Counter[tuple[str, str]] = Counter()
    for index, pool in enumerate(pools):
        namespace = pool["namespace"]
        is_told = not (root.is_well(f"pools[{index}].namespace") and root.is_well("namespace"))
        if namespace and not is_told and environments and namespace not in environments and _are_named(root, platform):
            cure = f"add it to {NAMESPACE}:platform.environments"
            root.note(_written_at(root, index, "namespace"), namespace, f"one of {', '.join(environments)}", cure)
        identity = pool["identity"]
        is_lent = (namespace, identity) in lent or not _all_well(root, platform, identity)
        if identity in JOB_ACCOUNTS and namespace in environments and not is_lent:
            cure = f"name {namespace} as `{identity}.namespace` of the environment that is meant, with its workflows"
            root.note(_written_at(root, index, "identity"), identity, f"a pool in a {identity}'s namespace", cure)
        has_autoscaler = namespace in environments and environments[namespace].autoscaler
        if (
            "autoscaling" in pool
            and namespace in environments
            and not has_autoscaler
            and _all_well(root, platform, "autoscaler")
        ):
            cure = f"name KEDA's namespace as `autoscaler` of the environment {namespace}"
            root.note(f"pools[{index}].autoscaling", "it", "a pool whose environment has an autoscaler", cure)
        is_granted = namespace in environments and environments[namespace].prepull
        if "prepull" in pool and namespace in environments and not is_granted and _all_well(root, platform, "prepull"):
            cure = f"add `prepull: true` to the environment {namespace}, or leave it out"
            root.note(f"pools[{index}].prepull", "true", "a pool whose environment grants it", cure)
        if namespace in environments:
            _check_images(root, index, pool, platform)
            _check_extras(root, index, pool, platform)
            _check_writes(root, index, pool, environments[namespace].extras)
            _check_labels(root, index, pool, environments[namespace].labels)
        if root.is_well("runnerLimits"):
            _check_limits(root, index, pool, platform.runner_limits)
        if "gpu" in pool and pool["gpu"]["resource"]:
            wanted[namespace, pool["gpu"]["resource"]] += pool["gpu"]["count"] * most_runners(pool)
    for index, environment in enumerate(platform.environments):
        own = [pool for pool in pools if pool["namespace"] == environment.namespace]
        _check_quota(root, index, environment, own)
        _check_single_mounts(root, environment, own)
    unread = {
        environment.namespace
        for index, environment in enumerate(platform.environments)
        if not root.is_well(f"platform.environments[{index}].quota")
    }
    for (namespace, resource), count in wanted.items():
        if namespace in unread:
            continue
        granted = environments[namespace].quota.gpus.get(resource, 0) if namespace in environments else count
        if count > granted:
            cure = "lower replicas or gpu.count, or raise the environment's quota"
            root.note("pools", f"{count} {resource} in {namespace}", f"at most its quota, {granted}", cure)


def _all_well(root: Section, platform: PlatformConfig, field: str) -> bool:
    """Whether nobody has a problem with that field of the platform or an environment: a pool may mean a wrong one."""
    environments = (f"platform.environments[{index}].{field}" for index in range(len(platform.environments)))
    return all(map(root.is_well, (f"platform.{field}", *environments)))


def _are_named(root: Section, platform: PlatformConfig) -> bool:
    """Whether every environment has a name: a wrong one might be what a pool means."""
    return all(
        environment.namespace and root.is_well(f"platform.environments[{index}].namespace")
        for index, environment in enumerate(platform.environments)
    )


def _check_quota(root: Section, index: int, environment: EnvironmentConfig, pools: Sequence[RunnerPool]) -> None:
    """Whether all runners of an environment fit into its quota at the same time; their GPUs are counted elsewhere."""
    quota = environment.quota
    sums = (
        ("pods", "replicas", Fraction(quota.pods), Fraction(sum(map(most_runners, pools)))),
        *(
            (key, key, amount(granted), sum((most_runners(pool) * amount(text) for pool, text in asked), Fraction()))
            for key, granted, asked in (
                ("cpu", quota.cpu, [(pool, pool["cpu"]) for pool in pools]),
                ("memory", quota.memory, [(pool, pool["memory"]) for pool in pools]),
                ("ephemeralStorage", quota.ephemeral_storage, [(pool, _disk(pool)) for pool in pools]),
            )
            if granted and all(text for _, text in asked)
        ),
    )
    for key, field, most, wanted in sums:
        if wanted > most and root.is_well(f"platform.environments[{index}].quota.{key}"):
            unit = "pods" if key == "pods" else "cores" if key == "cpu" else "bytes"
            less = "replicas" if field == "replicas" else f"replicas or {field}"
            cure = f"lower {less}, or raise quota.{key} of the environment"
            found = f"{_written(wanted, unit)} of all replicas in {environment.namespace}"
            root.note("pools", found, f"at most its quota.{key}, {_written(most, unit)}", cure)


def _check_single_mounts(root: Section, environment: EnvironmentConfig, pools: Sequence[RunnerPool]) -> None:
    """A claim that one pod may use keeps all others waiting, as long as a pod that waits for a job has it."""
    for cache in environment.caches:
        name = cache.claim["name"]
        users = sum(most_runners(pool) for pool in pools if name in [it["claim"] for it in pool.get("caches", [])])
        if cache.claim["access_mode"] == "ReadWriteOncePod" and users > 1:
            found = f"{users} runners in {environment.namespace} with the cache {name}"
            cure = "give the cache ReadWriteMany, or ReadWriteOnce for pods of one node"
            root.note("pools", found, "one: its accessMode is ReadWriteOncePod", cure)


def _disk(pool: RunnerPool) -> str:
    return storage_limit(pool) if pool["work_volume"] and pool["ephemeral_storage"] else ""


def _written(number: Fraction, unit: str) -> str:
    if unit == "bytes":
        return bytes_quantity(number)
    return f"{number.numerator if number.denominator == 1 else f'{float(number):.3f}'} {unit}"


def _check_images(root: Section, index: int, pool: RunnerPool, platform: PlatformConfig) -> None:
    at = [environment.namespace for environment in platform.environments].index(pool["namespace"])
    images = platform.environments[at].images
    if not root.is_well(f"platform.environments[{at}].images"):
        return  # nobody knows what was meant
    # Digests are asked for where an image is read; without a list, any may run.
    pattern = re.compile(image_pattern(images, tags_allowed=True) if images else "")
    for key, image in (("image", pool["image"]), ("runnerImage", pool["runner_image"])):
        if image and pattern.match(image) is None:
            cure = f"choose one of these, or add it to the images of {pool['namespace']} in {NAMESPACE}:platform"
            root.note(_written_at(root, index, key), image, f"images of {', '.join(images)}", cure)


def _check_labels(root: Section, index: int, pool: RunnerPool, labels: tuple[str, ...]) -> None:
    for label in pool["labels"]:
        # what is no label at all, here or there, is refused as what it is
        if LABEL_KIND.check(label) and label not in labels and labels and all(map(is_runner_label, labels)):
            cure = f"choose one of these, or add it to the labels of {pool['namespace']} in {NAMESPACE}:platform"
            root.note(f"pools[{index}].labels", label, f"labels of {', '.join(labels)}", cure)


def _check_extras(root: Section, index: int, pool: RunnerPool, platform: PlatformConfig) -> None:
    """Whether the environment grants what the pool asks for; admission says the same to pools of other stacks.

    What is told of for itself, there or here, is not told again.
    """
    at = [environment.namespace for environment in platform.environments].index(pool["namespace"])
    extras = platform.environments[at].extras
    named = pool.get("runtime_class"), pool.get("priority_class")
    runtime_classes, priority_classes = ([name] if name else [] for name in named)
    for key, asked, grant, granted in (
        ("pullSecrets", pool.get("pull_secrets", []), "pullSecrets", extras["pull_secrets"]),
        ("env", list(pool.get("env", {})), "env", extras["variables"]),
        (
            "caches",
            [cache["claim"] for cache in pool.get("caches", [])],
            "caches",
            [c["claim"] for c in extras["caches"]],
        ),
        ("runtimeClassName", runtime_classes, "runtimeClasses", extras["runtime_classes"]),
        ("priorityClassName", priority_classes, "priorityClasses", extras["priority_classes"]),
    ):
        places = [f"pools[{index}].{key}", f"platform.environments[{at}].{grant}"]
        if key == "pullSecrets":
            places += [f"platform.{key}", key]  # what is made counts where an environment lists none
        for name in asked if all(map(root.is_well, places)) else ():
            if name not in granted:
                cure = f"add it to {grant} of {pool['namespace']} in {NAMESPACE}:platform.environments, or leave it out"
                allowed = f"what its environment grants: {', '.join(granted) or 'none'}"
                root.note(_written_at(root, index, key), name, allowed, cure)


def _check_writes(root: Section, index: int, pool: RunnerPool, extras: PodExtras) -> None:
    """Whether jobs may write to the caches to which the pool would let them."""
    readable = [cache["claim"] for cache in extras["caches"] if not cache["writable"]]
    for number, cache in enumerate(pool.get("caches", [])):
        if cache["writable"] and cache["claim"] in readable:
            cure = "leave writable out, or let the environment's cache have another access (docs/caches.md)"
            root.note(f"pools[{index}].caches[{number}].writable", "true", "false: the cache is readOnly", cure)


def _check_limits(root: Section, index: int, pool: RunnerPool, limits: RunnerLimits) -> None:
    key = f"{NAMESPACE}:runnerLimits"
    if pool["protect_job_seconds"] > limits.protect_job_seconds:
        allowed, cure = f"at most {limits.protect_job_seconds}", f"lower it, or raise {key}.protectJobSeconds"
        root.note(_written_at(root, index, "protectJobSeconds"), str(pool["protect_job_seconds"]), allowed, cure)
    texts = (pool["work_volume"], pool["ephemeral_storage"], limits.ephemeral_storage)
    if all(texts) and amount(storage_limit(pool)) > amount(limits.ephemeral_storage):
        allowed = f"at most {limits.ephemeral_storage} with all else that a runner writes"
        cure = f"lower it, or raise {key}.ephemeralStorage"
        root.note(_written_at(root, index, "workVolume"), f"{storage_limit(pool)} in all", allowed, cure)


def _written_at(root: Section, index: int, name: str) -> str:
    """The key at which somebody wrote what holds for a field of a pool: its own, the defaults' or the stack's."""
    own, defaults = root.values["pools"][index], root.values.get("poolDefaults") or {}
    if name not in own and name in defaults:
        return f"poolDefaults.{name}"
    return name if name not in own and name in root.values else f"pools[{index}].{name}"
