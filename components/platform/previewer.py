"""Previewer: the identity with which a pull request is reviewed on a base runner. It reads, and no Secret ever."""

from typing import Final, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_metadata
from components.platform.role_grant import RoleGrant
from values.accounts import PREVIEWER, Deployment
from values.contract import REGISTRAR_STATUS_PORT, SERVICE_NAME

_READ: Final = ["get", "list", "watch"]
_GROUPS: Final = ["apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"]
_MORE_GROUPS: Final = [
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "resource.k8s.io",
    "storage.k8s.io",
    "keda.sh",
]
_CORE: Final = [
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "services",
]


class PreviewerArgs(TypedDict):
    """Where the identity lives and what it may look at."""

    namespace: str
    """The base runners' namespace."""
    deployments: list[Deployment]
    """The stacks that it reviews, and where their pools are."""
    registrar_namespace: str
    """Where the list of registrations is."""


def previewer_rules() -> list["k8s.rbac.v1.PolicyRuleArgsDict"]:
    """Everything that an object of ours or a stranger's could be, but for Secrets; nothing can be written."""
    return [
        {"api_groups": [""], "resources": _CORE, "verbs": _READ},
        {"api_groups": [*_GROUPS, *_MORE_GROUPS], "resources": ["*"], "verbs": _READ},
    ]


def roster_rules() -> list["k8s.rbac.v1.PolicyRuleArgsDict"]:
    """GET at the registrar, through the API server: `create` would be POST, and that is on another port anyway."""
    service = f"https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}"
    return [{"api_groups": [""], "resources": ["services/proxy"], "resource_names": [service], "verbs": ["get"]}]


class Previewer(pulumi.ComponentResource):
    """A ServiceAccount that may look at pools; code of a pull request may run as it."""

    def __init__(self, name: str, args: PreviewerArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:Previewer", name, {}, opts)
        self._name, self._home = name, args["namespace"]
        k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=object_metadata(PREVIEWER, PREVIEWER, self._home),
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for namespace in sorted({deployment["namespace"] for deployment in args["deployments"]}):
            self._grant(PREVIEWER, namespace, previewer_rules())
        # Named after the namespace it is for: two base namespaces may share a registrar.
        self._grant(f"{PREVIEWER}-{self._home}", args["registrar_namespace"], roster_rules())
        self.register_outputs({})

    def _grant(self, role_name: str, namespace: str, rules: list["k8s.rbac.v1.PolicyRuleArgsDict"]) -> None:
        grant = RoleGrant(role_name, namespace, rules, PREVIEWER, self._home)
        grant.declare(self, self._name, f"-{namespace}")
