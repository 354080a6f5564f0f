"""The rights that `pulumi up` needs in the cluster, and a verdict on the answers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpu_runners.doctor.core.findings import Finding, failed, ok

_WRITES: Final = ("create", "patch", "delete")
_READS: Final = ("list", "watch")
# What the components declare: (API group, plural); those without a namespace apart.
POOLS: Final = (("apps", "deployments"), ("", "configmaps"))
WATCHED: Final = (("", "pods"), ("", "events"), ("apps", "replicasets"))
PLATFORM: Final = (
    *POOLS,
    ("", "persistentvolumeclaims"),
    ("", "resourcequotas"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
)
CLUSTER: Final = (
    ("", "namespaces"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
)


@dataclass(frozen=True)
class Right:
    """May this identity do this? namespace "" for the whole cluster; name "" for any object."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


def of_pools(namespace: str, config_map: str) -> list[Right]:
    """What a stack needs where its pools are. config_map is the one that it writes."""
    rights = [Right(verb, group, plural, namespace) for group, plural in POOLS[:1] for verb in _WRITES]
    rights.append(Right("create", "", "configmaps", namespace))
    rights += [Right(verb, "", "configmaps", namespace, config_map) for verb in ("patch", "delete")]
    return rights + [Right(verb, group, plural, namespace) for group, plural in WATCHED for verb in _READS]


def of_platform(namespaces: Iterable[str]) -> list[Right]:
    """What a platform needs: its namespaces with quota and rules, the registrar, and to give rights away."""
    rights = [Right(verb, group, plural) for group, plural in CLUSTER for verb in _WRITES]
    for namespace in namespaces:
        rights += [Right(verb, group, plural, namespace) for group, plural in PLATFORM for verb in _WRITES]
    return rights


def judged(check: str, wanted: Sequence[Right], refused: Sequence[Right]) -> Finding:
    """One finding for the rights in one place."""
    if not refused:
        return ok(check, f"this identity has the {len(wanted)} rights that `pulumi up` uses")
    words = ", ".join(map(str, refused[:4])) + (f" and {len(refused) - 4} more" if len(refused) > 4 else "")
    first = refused[0]
    place = f" --namespace {first.namespace}" if first.namespace else ""
    cure = (
        f"use a kubeconfig that has these rights; `kubectl auth can-i {first.verb} {first.resource}{place}` shows one"
    )
    return failed(check, f"this identity may not {words}", cure)
