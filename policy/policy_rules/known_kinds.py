"""known-kind: a stack holds nothing that these rules cannot see into: a chart, a command, a kind that makes pods."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from policy_rules.resources import Resource, objects, text
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import UNKNOWN, has_unknown

# By API group. Pods are judged by the other rules; nothing else here makes any, or changes what another makes.
_KINDS: Final = {
    "": (
        *("ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "PodTemplate"),
        *("ReplicationController", "ResourceQuota", "Secret", "Service", "ServiceAccount"),
    ),
    "admissionregistration.k8s.io": ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    "apps": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "autoscaling": ("HorizontalPodAutoscaler",),
    "batch": ("CronJob", "Job"),
    "keda.sh": ("ScaledJob", "ScaledObject", "TriggerAuthentication"),
    "networking.k8s.io": ("Ingress", "NetworkPolicy"),
    "policy": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("StorageClass",),
}
# Components hold resources, which are judged themselves; certificates and numbers make nothing anywhere.
_TYPES: Final = (
    *("pulumi:*", "gpu-runners:index:*", "random:index/*", "tls:index/*"),
    *(
        f"github:index/{word[0].lower()}{word[1:]}:{word}"
        for word in (
            *("ActionsEnvironmentSecret", "ActionsEnvironmentVariable", "ActionsRepositoryPermissions"),
            *("ActionsRunnerGroup", "ActionsSecret", "ActionsVariable", "EnterpriseActionsRunnerGroup"),
            *("RepositoryEnvironment", "RepositoryEnvironmentDeploymentPolicy"),
        )
    ),
)
_CURE: Final = "write what it makes as objects of the stack, or name its type in accept once somebody has read it"


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: accept, patterns of type tokens that need no judge, e.g. `aws:*` of a program around the component."""
    accepted = [*_TYPES, *settings.get("accept", [])]
    for resource in resources:
        yield from (Violation(resource.urn, message) for message in _judge_itself(resource))
    for resource in objects(resources):
        if not _is_known(resource) and not any(fnmatchcase(resource.type, pattern) for pattern in accepted):
            allowed = "a kind that these rules can judge"
            yield Violation(resource.urn, sentence(f"resource {resource.name}", resource.type, allowed, _CURE))


def _is_known(resource: Resource) -> bool:
    return resource.is_kubernetes and resource.kind in _KINDS.get(resource.group, ())


def _judge_itself(resource: Resource) -> Iterator[str]:
    """That an object is what its type says, and all of it can be seen."""
    if not resource.is_kubernetes:
        return
    kind = resource.inputs.get("kind")
    if resource.inputs.get("metadata") is UNKNOWN:
        yield from unjudged(["metadata"])
    if kind is UNKNOWN or (resource.is_list and has_unknown({"items": resource.inputs.get("items")})):
        yield from unjudged(["kind" if kind is UNKNOWN else "items"])
    elif text(resource.inputs, "kind") not in ("", resource.kind):
        yield sentence(f"resource {resource.name}", f"a {kind} that is declared as {resource.kind}", "one kind", _CURE)


RULE: Final = Rule(
    "known-kind",
    "Nothing in the stack hides from these rules.",
    check,
    settings={"accept": {"type": "array", "items": {"type": "string"}, "default": []}},
)
