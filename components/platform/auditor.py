"""Auditor: the identity with which the whole platform is looked at on a base runner. It reads, and no Secret ever."""

from typing import Final, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels, object_metadata
from components.platform.previewer import previewer_rules, roster_rules
from components.platform.role_grant import RoleGrant
from values.accounts import AUDITOR

_READ: Final = ["get", "list", "watch"]
_ADMISSION: Final = [
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
]


class AuditorArgs(TypedDict):
    """Where the identity lives and what it may look at."""

    namespace: str
    """The base runners' namespace."""
    environments: list[str]
    """The namespaces of all environments."""
    registrar_namespace: str
    """The registrar's."""


def auditor_rules() -> list["k8s.rbac.v1.PolicyRuleArgsDict"]:
    """In the whole cluster: what is admitted to the environments, who gives their accounts rights, and its own role."""
    return [
        {"api_groups": ["admissionregistration.k8s.io"], "resources": _ADMISSION, "verbs": _READ},
        {
            "api_groups": ["rbac.authorization.k8s.io"],
            "resources": ["clusterrolebindings", "clusterroles", "rolebindings"],
            "verbs": _READ,
        },
    ]


class Auditor(pulumi.ComponentResource):
    """A ServiceAccount that may look at everything that a platform declares, but for Secrets; no code of a pull request
    comes to run as it.
    """

    def __init__(self, name: str, args: AuditorArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:Auditor", name, {}, opts)
        home, system = args["namespace"], args["registrar_namespace"]
        child = pulumi.ResourceOptions(parent=self)
        k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=object_metadata(AUDITOR, AUDITOR, home),
            automount_service_account_token=False,
            opts=child,
        )
        for namespace in [*args["environments"], system]:
            rules = previewer_rules() + (roster_rules() if namespace == system else [])
            RoleGrant(AUDITOR, namespace, rules, AUDITOR, home).declare(self, name, f"-{namespace}")
        # Objects of the whole cluster carry the registrar's namespace: there may be two platforms.
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "name": f"{system}-{AUDITOR}",
            "labels": object_labels(AUDITOR),
            "annotations": REPAIR_ANNOTATIONS,
        }
        role = k8s.rbac.v1.ClusterRole(f"{name}-cluster-role", metadata=metadata, rules=auditor_rules(), opts=child)
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-cluster-binding",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{system}-{AUDITOR}"},
            subjects=[{"kind": "ServiceAccount", "name": AUDITOR, "namespace": home}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        self.register_outputs({})
