"""A namespace of the platform, with a look before it is made: another stack of the same name may work in it."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from access.cluster.connection import ClusterConnection
from access.cluster.namespaces import require_unused_namespace
from components.cluster_hook import cluster_hook
from components.labels import namespace_annotations


def declare_namespace(
    name: str, namespace: str, labels: Mapping[str, str], parent: pulumi.Resource
) -> "k8s.core.v1.Namespace":
    """The namespace, below parent; name is its logical one. The `preview` or `up` fails where it is another stack's.

    Whether a namespace is the stack's is written in the stack's state, which only the engine has read: it asks by this
    hook when, and only when, it is about to create what is not in there.
    """
    stack = pulumi.get_stack()

    def look(cluster: ClusterConnection) -> None:
        require_unused_namespace(cluster, namespace, stack)

    hook = pulumi.ResourceHook(
        f"{name}-unused",
        cluster_hook(look, lambda: f"whether the namespace {namespace} is another stack's is not known yet"),
        pulumi.ResourceHookOptions(on_dry_run=True),
    )
    return k8s.core.v1.Namespace(
        name,
        metadata={"name": namespace, "labels": {**labels}, "annotations": namespace_annotations()},
        opts=pulumi.ResourceOptions(parent=parent, hooks=pulumi.ResourceHookBinding(before_create=[hook])),
    )
