"""The registrar's pod and rights as pure builders."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_labels
from values.contract import (
    CONFIG_PATH,
    CREDENTIAL_PATH,
    HEALTH_PATH,
    REGISTRAR_PORT,
    REGISTRAR_QUEUE_PORT,
    REGISTRAR_STATUS_PORT,
    SERVICE_NAME,
    TLS_CERTIFICATE_PATH,
)
from values.placement import LINUX

REGISTRAR_USER: Final = 65532
SELECTOR: Final = {"app.kubernetes.io/name": SERVICE_NAME}

# All that the registrar may do, in each granted namespace and nowhere else. It changes pods through their status alone
# (annotations can be patched there, the spec cannot), so it can put no container or image into a pod.
GRANTED_RULES: Final[list["k8s.rbac.v1.PolicyRuleArgsDict"]] = [
    {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "delete"]},
    {"api_groups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
    {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    # The pools as they are declared: one at zero has no pods, and its jobs count all the same.
    {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
]


def token_rules(accounts: Sequence[str]) -> list["k8s.rbac.v1.PolicyRuleArgsDict"]:
    """What makes tokens of these ServiceAccounts and of no other; nothing where there are none."""
    if not accounts:
        return []  # a rule without names would be about all of them
    rule: k8s.rbac.v1.PolicyRuleArgsDict = {
        "api_groups": [""],
        "resources": ["serviceaccounts/token"],
        "resource_names": sorted(accounts),
        "verbs": ["create"],
    }
    return [rule]


def registrar_deployment_spec(
    image: pulumi.Input[str],
    config_map: pulumi.Input[str],
    credential_secret: pulumi.Input[str],
    tls_secret: pulumi.Input[str],
    pull_secrets: Sequence[str] = (),
) -> k8s.apps.v1.DeploymentSpecArgsDict:
    """One registrar, never two: a registration cannot be issued twice if nobody else issues any."""
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"match_labels": SELECTOR},
        "revision_history_limit": 3,
        "progress_deadline_seconds": 600,
        "template": {
            "metadata": {"labels": object_labels(SERVICE_NAME)},
            "spec": {
                "service_account_name": SERVICE_NAME,
                "automount_service_account_token": True,
                "enable_service_links": False,
                "restart_policy": "Always",
                "dns_policy": "ClusterFirst",
                "node_selector": dict(LINUX),
                "termination_grace_period_seconds": 30,  # it sees off the runners that leave together with it
                "security_context": {
                    "run_as_non_root": True,
                    "run_as_user": REGISTRAR_USER,
                    "run_as_group": REGISTRAR_USER,
                    "fs_group": REGISTRAR_USER,
                    "seccomp_profile": {"type": "RuntimeDefault"},
                },
                **({"image_pull_secrets": [{"name": name} for name in pull_secrets]} if pull_secrets else {}),
                "containers": [_container(image)],
                "volumes": [
                    {"name": "config", "config_map": {"name": config_map, "default_mode": 0o444}},
                    {"name": "credential", "secret": {"secret_name": credential_secret, "default_mode": 0o440}},
                    {"name": "tls", "secret": {"secret_name": tls_secret, "default_mode": 0o440}},
                    {"name": "tmp", "empty_dir": {"size_limit": "16Mi"}},
                ],
            },
        },
    }


def _container(image: pulumi.Input[str]) -> k8s.core.v1.ContainerArgsDict:
    return {
        "name": SERVICE_NAME,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "ports": [
            {"name": "https", "container_port": REGISTRAR_PORT, "protocol": "TCP"},
            {"name": "status", "container_port": REGISTRAR_STATUS_PORT, "protocol": "TCP"},
            {"name": "queue", "container_port": REGISTRAR_QUEUE_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readiness_probe": _probe(period_seconds=1, failure_threshold=3),
        "liveness_probe": _probe(period_seconds=10, failure_threshold=6),
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "read_only_root_filesystem": True,
        },
        "volume_mounts": [
            {"name": "config", "mount_path": _directory(CONFIG_PATH), "read_only": True},
            {"name": "credential", "mount_path": _directory(CREDENTIAL_PATH), "read_only": True},
            {"name": "tls", "mount_path": _directory(TLS_CERTIFICATE_PATH), "read_only": True},
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - the pod's own, on a root that is read-only
        ],
    }


def _probe(period_seconds: int, failure_threshold: int) -> k8s.core.v1.ProbeArgsDict:
    # On the port that no pod of a granted namespace reaches: a crowd at the other one must not look like ill health.
    return {
        "http_get": {"path": HEALTH_PATH, "port": "status", "scheme": "HTTPS"},
        "period_seconds": period_seconds,
        "timeout_seconds": 2,
        "failure_threshold": failure_threshold,
    }


def _directory(path: str) -> str:
    return str(PurePosixPath(path).parent)
