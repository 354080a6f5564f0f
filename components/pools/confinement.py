"""Who a pod of a pool runs as and what it may not do: the runner's, and the one that has images pulled ahead. Pure.

Everything that the API server would default and somebody might edit is written out, so that an edit shows as drift.
"""

from typing import TYPE_CHECKING, Any

from values.accounts import RUNNER
from values.contract import RUNNER_USER

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s


def confined_pod() -> dict[str, Any]:
    """Fields of the pod's spec: an account without a token, no namespace of the node's, nobody's root."""
    return {
        # Also of base runners: a job gets the rights of an account from the registrar, if it is one that may.
        "service_account_name": RUNNER,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "host_network": False,
        "host_pid": False,
        "host_ipc": False,
        "restart_policy": "Always",  # a Deployment allows no other; the main container says Never for itself
        "dns_policy": "ClusterFirst",
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": RUNNER_USER,
            "run_as_group": RUNNER_USER,
            "fs_group": RUNNER_USER,
            "fs_group_change_policy": "OnRootMismatch",
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
    }


def unprivileged() -> "k8s.core.v1.SecurityContextArgsDict":
    """The security context of each of its containers."""
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        # A job writes where its image lets it: only what `restricted` asks for is enforced here.
        "read_only_root_filesystem": False,
    }
