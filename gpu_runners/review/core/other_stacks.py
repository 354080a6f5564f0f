"""Objects of stacks whose state is in another backend, which no review of this one can read: known by their labels.

Labels prove nothing, so they count only where whoever could write such an object is somebody else's to watch: none of
a platform's objects in its pools' namespace is a deployer's to write, and of a deployer's pools in a platform's
namespace the deployer's own stack is reviewed.
"""

from collections.abc import Collection
from typing import Final

from gpu_runners.review.core.evidence import Json, Key, key_of
from values.accounts import DEPLOYER
from values.contract import OWN_LABELS, POOL_LABEL, QUEUE_AUTHENTICATION, TRUST_CONFIG_MAP
from values.pool import pools_config_map

_DEPLOYERS: Final = f"{DEPLOYER}-"  # and the stack's name: the role of who deploys it
_ROLE_BINDING: Final = "RoleBinding.rbac.authorization.k8s.io"
_SCALED_OBJECT: Final = "ScaledObject.keda.sh"
# By name too: a deployer may make ConfigMaps of other names.
_PLATFORM_OBJECTS: Final = frozenset(
    {("ConfigMap", TRUST_CONFIG_MAP), ("TriggerAuthentication.keda.sh", QUEUE_AUTHENTICATION)}
)
_PLATFORM_KINDS: Final = frozenset(
    {
        "NetworkPolicy.networking.k8s.io", "ResourceQuota", "ServiceAccount", "Role.rbac.authorization.k8s.io",
        _ROLE_BINDING, "Secret", "PersistentVolumeClaim",
    }
)  # fmt: skip


def is_of_another_stack(live: Json, declared: Collection[Key]) -> bool:
    """`declared`: everything in this stack's state."""
    kind, namespace, name = key_of(live)
    labels = live.get("metadata", {}).get("labels") or {}
    if not labels.items() >= OWN_LABELS.items():
        return False
    if ("Namespace", "", namespace) not in declared:
        return kind in _PLATFORM_KINDS or (kind, name) in _PLATFORM_OBJECTS
    deployed = {
        role.removeprefix(_DEPLOYERS) for role in _role_bindings(declared, namespace) if role.startswith(_DEPLOYERS)
    }
    if kind in ("Deployment.apps", _SCALED_OBJECT):
        return bool(deployed) and labels.get(POOL_LABEL) == name
    return kind == "ConfigMap" and name in {pools_config_map(stack) for stack in deployed}


def _role_bindings(declared: Collection[Key], namespace: str) -> set[str]:
    return {name for kind, place, name in declared if (kind, place) == (_ROLE_BINDING, namespace)}
