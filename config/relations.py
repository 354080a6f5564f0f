"""Relations between the pools and the environments of one stack: identity, images, and the quota of GPUs."""

import re
from collections import Counter

from config.fields import Section
from config.keys import NAMESPACE
from config.platform import PlatformConfig
from values.accounts import DEPLOYER, PREVIEWER
from values.image import image_pattern
from values.pool import RunnerPool


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
