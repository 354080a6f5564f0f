"""The claims of an environment's caches. Nothing waits for one: some are bound only when a pod comes."""

from collections.abc import Iterable

import pulumi
import pulumi_kubernetes as k8s

from components.labels import WAIT_ELSEWHERE_ANNOTATIONS, object_metadata
from values.cache import Claim


def declare_claims(name: str, namespace: pulumi.Input[str], claims: Iterable[Claim], parent: pulumi.Resource) -> None:
    """One PersistentVolumeClaim for each; name begins their logical names."""
    for claim in claims:
        spec: dict[str, object] = {
            "access_modes": [claim["access_mode"]],
            "volume_mode": "Filesystem",
            "resources": {"requests": {"storage": claim["size"]}},
        }
        if "storage_class" in claim:
            spec["storage_class_name"] = claim["storage_class"]
        if "volume" in claim:
            spec["volume_name"] = claim["volume"]
        k8s.core.v1.PersistentVolumeClaim(
            f"{name}-cache-{claim['name']}",
            metadata={
                **object_metadata("runners", claim["name"], namespace),
                "annotations": WAIT_ELSEWHERE_ANNOTATIONS,
            },
            spec=spec,
            opts=pulumi.ResourceOptions(parent=parent),
        )
