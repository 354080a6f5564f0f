"""Relations between the pools and the environments of one stack: identity, images, labels, quota and limits."""

import re
from collections import Counter

from config.fields import Section
from config.keys import NAMESPACE
from config.platform import PlatformConfig
from values.accounts import DEPLOYER, PREVIEWER
from values.image import image_pattern
from values.kubernetes_syntax import amount
from values.pool import RunnerPool, storage_limit
from values.quota import RunnerLimits


def check_pools(root: Section, pools: tuple[RunnerPool, ...], platform: PlatformConfig) -> None:
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
        if namespace in environments:
            _check_images(root, index, pool, environments[namespace].images)
            _check_labels(root, index, pool, environments[namespace].labels)
        _check_limits(root, index, pool, platform.runner_limits)
        if "gpu" in pool and pool["gpu"]["resource"]:
            wanted[namespace, pool["gpu"]["resource"]] += pool["gpu"]["count"] * pool["replicas"]
    for (namespace, resource), count in wanted.items():
        granted = environments[namespace].quota.gpus.get(resource, 0) if namespace in environments else count
        if count > granted:
            cure = "lower replicas or gpu.count, or raise the environment's quota"
            root.note("pools", f"{count} {resource} in {namespace}", f"at most its quota, {granted}", cure)


def _check_images(root: Section, index: int, pool: RunnerPool, images: tuple[str, ...]) -> None:
    # Digests are asked for where an image is read; without a list, any may run.
    pattern = re.compile(image_pattern(images, tags_allowed=True) if images else "")
    for key, image in (("image", pool["image"]), ("runnerImage", pool["runner_image"])):
        if image and pattern.match(image) is None:
            cure = f"choose one of these, or add it to the images of {pool['namespace']} in {NAMESPACE}:platform"
            root.note(f"pools[{index}].{key}", image, f"images of {', '.join(images)}", cure)


def _check_labels(root: Section, index: int, pool: RunnerPool, labels: tuple[str, ...]) -> None:
    for label in pool["labels"]:
        if labels and label not in labels:
            cure = f"choose one of these, or add it to the labels of {pool['namespace']} in {NAMESPACE}:platform"
            root.note(f"pools[{index}].labels", label, f"labels of {', '.join(labels)}", cure)


def _check_limits(root: Section, index: int, pool: RunnerPool, limits: RunnerLimits) -> None:
    at, key = f"pools[{index}]", f"{NAMESPACE}:runnerLimits"
    if pool["protect_job_seconds"] > limits.protect_job_seconds:
        allowed, cure = f"at most {limits.protect_job_seconds}", f"lower it, or raise {key}.protectJobSeconds"
        root.note(f"{at}.protectJobSeconds", str(pool["protect_job_seconds"]), allowed, cure)
    texts = (pool["work_volume"], pool["ephemeral_storage"], limits.ephemeral_storage)
    if all(texts) and amount(storage_limit(pool)) > amount(limits.ephemeral_storage):
        allowed = f"at most {limits.ephemeral_storage} with all else that a runner writes"
        cure = f"lower it, or raise {key}.ephemeralStorage"
        root.note(f"{at}.workVolume", f"{storage_limit(pool)} in all", allowed, cure)
