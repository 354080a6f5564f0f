"""Deployer: the identity with which `pulumi up` runs on a base runner, and the least that it needs."""

from collections.abc import Sequence
from typing import Final, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_metadata
from components.platform.role_grant import RoleGrant
from values.accounts import DEPLOYER, Deployment
from values.pool import pools_config_map

_READ: Final = ["get", "list", "watch"]
_WRITE: Final = ["create", "update", "patch", "delete"]


# What scales a pool; beside its ScaledObject, whether another one does already.
_AUTOSCALING: Final[list["k8s.rbac.v1.PolicyRuleArgsDict"]] = [
    {"api_groups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": [*_READ, *_WRITE]},
    {"api_groups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _READ},
]


# What has a pool's images pulled ahead.
_PREPULL: Final[list["k8s.rbac.v1.PolicyRuleArgsDict"]] = [
    {"api_groups": ["apps"], "resources": ["daemonsets"], "verbs": [*_READ, *_WRITE]}
]


def _look_at(claims: Sequence[str]) -> "k8s.rbac.v1.PolicyRuleArgsDict":
    """Whether the claims of caches are there, before pools are declared that mount them."""
    return {
        "api_groups": [""],
        "resources": ["persistentvolumeclaims"],
        "resource_names": list(claims),
        "verbs": ["get"],
    }


class DeployerArgs(TypedDict):
    """Where the identity lives and where it may act."""

    namespace: str
    """The base runners' namespace."""
    deployments: list[Deployment]
    """What it may deploy, and where."""


def deployer_rules(
    stack: str, *, autoscaled: bool = False, prepull: bool = False, claims: Sequence[str] = ()
) -> list["k8s.rbac.v1.PolicyRuleArgsDict"]:
    """Rights where a stack's pools are: its Deployments, its one ConfigMap, a look at what becomes of them.

    Nothing on Secrets, rights, policies, quota or the Namespace; the registrar's address and CA can be read only.
    """
    return [
        {"api_groups": ["apps"], "resources": ["deployments"], "verbs": [*_READ, *_WRITE]},
        {"api_groups": ["apps"], "resources": ["replicasets"], "verbs": _READ},
        {"api_groups": [""], "resources": ["pods", "events"], "verbs": _READ},
        # The API server cannot limit create to a name.
        {"api_groups": [""], "resources": ["configmaps"], "verbs": [*_READ, "create"]},
        {
            "api_groups": [""],
            "resources": ["configmaps"],
            "resource_names": [pools_config_map(stack)],
            "verbs": ["update", "patch", "delete"],
        },
        *(_AUTOSCALING if autoscaled else []),
        *(_PREPULL if prepull else []),
        *([_look_at(claims)] if claims else []),
    ]


class Deployer(pulumi.ComponentResource):
    """A ServiceAccount that may deploy pools and nothing else; it holds no credential of the forge."""

    def __init__(self, name: str, args: DeployerArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:Deployer", name, {}, opts)
        k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=object_metadata(DEPLOYER, DEPLOYER, args["namespace"]),
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for deployment in args["deployments"]:
            stack, namespace = deployment["stack"], deployment["namespace"]
            rules = deployer_rules(
                stack,
                autoscaled=deployment.get("autoscaled", False),
                prepull=deployment.get("prepull", False),
                claims=deployment.get("claims", ()),
            )
            grant = RoleGrant(f"{DEPLOYER}-{stack}", namespace, rules, DEPLOYER, args["namespace"])
            grant.declare(self, name, f"-{namespace}-{stack}")
        self.register_outputs({})
