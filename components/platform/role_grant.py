"""RoleGrant: rights of one ServiceAccount in one namespace, as a Role and its RoleBinding."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_metadata


@dataclass(frozen=True)
class RoleGrant:
    """What an account may do in a namespace."""

    role: str
    """The name of the Role and of its binding in the cluster."""
    namespace: str
    """Where the rights hold."""
    rules: Sequence["k8s.rbac.v1.PolicyRuleArgsDict"]
    """The rights."""
    account: str
    """The ServiceAccount that gets them; the objects are labelled as its own."""
    account_namespace: str
    """Where the ServiceAccount lives, which need not be where the rights hold."""

    def declare(self, parent: pulumi.Resource, name: str, suffix: str = "") -> None:
        """Declares both below parent, as `NAME-roleSUFFIX` and `NAME-bindingSUFFIX` in the state."""
        metadata = object_metadata(self.account, self.role, self.namespace)
        role = k8s.rbac.v1.Role(
            f"{name}-role{suffix}",
            metadata=metadata,
            rules=self.rules,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding{suffix}",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": self.role},
            subjects=[{"kind": "ServiceAccount", "name": self.account, "namespace": self.account_namespace}],
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[role]),
        )
