"""Every Kubernetes label and annotation that the program sets, and nothing that reads them.

Selectors are immutable at the API server: a label added to `selector_labels` would replace every Deployment, so it is
a function of its own, apart from the labels that may grow.
"""

from typing import TYPE_CHECKING, Final

import pulumi

from values.contract import OWN_LABELS, POOL_LABEL, STACK_ANNOTATION

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s

NAME_LABEL: Final = "app.kubernetes.io/name"
NAMESPACE_NAME_LABEL: Final = "kubernetes.io/metadata.name"  # set by the API server on every Namespace

# Takes declared fields back from whoever changed them by hand, where `up` would else stop at a field conflict.
REPAIR_ANNOTATIONS: Final[dict[str, str]] = {"pulumi.com/patchForce": "true"}
# The program waits itself, once for all pools: see online_pools.
WAIT_ELSEWHERE_ANNOTATIONS: Final[dict[str, str]] = {**REPAIR_ANNOTATIONS, "pulumi.com/skipAwait": "true"}
# A Deployment that is deleted goes at once and its pods follow in their own time. Else it would stay until the last job
# has ended, and an `up` in the meantime would write into an object that is about to vanish.
POOL_ANNOTATIONS: Final[dict[str, str]] = {
    **WAIT_ELSEWHERE_ANNOTATIONS,
    "pulumi.com/deletionPropagationPolicy": "background",
}
# A node autoscaler must not take the node of a runner: it looks idle to it while a job computes.
STAY_ANNOTATIONS: Final[dict[str, str]] = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}


def object_labels(name: str) -> dict[str, str]:
    """Labels of any object of ours; name is what the object serves, e.g. `registrar`."""
    return {NAME_LABEL: name, **OWN_LABELS}


def object_metadata(serves: str, name: str, namespace: pulumi.Input[str]) -> "k8s.meta.v1.ObjectMetaArgsDict":
    """Metadata of an object of ours that can be repaired; serves is as in object_labels."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": object_labels(serves),
        "annotations": REPAIR_ANNOTATIONS,
    }


def namespace_annotations() -> dict[str, str]:
    """Annotations of a namespace: whose it is, so that no other stack takes it over."""
    return {**REPAIR_ANNOTATIONS, STACK_ANNOTATION: pulumi.get_stack()}


def selector_labels(pool: str) -> dict[str, str]:
    """What selects the pods of a pool. Adding one replaces every Deployment."""
    return {POOL_LABEL: pool}


def pool_labels(pool: str) -> dict[str, str]:
    """Labels of a pool's Deployment and pods: the selector's and those for people."""
    return {**object_labels("runner"), **selector_labels(pool)}
