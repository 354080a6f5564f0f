"""What the API server writes into a field that nobody filled (k8s.io/kubernetes, pkg/apis/*/v1/defaults.go).

To set a field to its default, or to take it out then, changes nothing. A test on the lab holds each against the server.
"""

from collections.abc import Mapping
from typing import Any, Final

from gpu_runners.review.core.api_fields import FIELDS

_ANY: Final[Mapping[str, Any]] = {}
DEFAULTS: Final[Mapping[str, Any]] = {
    "ConfigMapVolumeSource.defaultMode": 420,
    "Container.resources": _ANY,
    "Container.terminationMessagePath": "/dev/termination-log",
    "Container.terminationMessagePolicy": "File",
    "ContainerPort.protocol": "TCP",
    "DeploymentSpec.progressDeadlineSeconds": 600,
    "DeploymentSpec.revisionHistoryLimit": 10,
    "DownwardAPIVolumeSource.defaultMode": 420,
    "EphemeralContainer.resources": _ANY,
    "EphemeralContainer.terminationMessagePath": "/dev/termination-log",
    "EphemeralContainer.terminationMessagePolicy": "File",
    "GRPCAction.service": "",
    "HTTPGetAction.path": "/",
    "HTTPGetAction.scheme": "HTTP",
    "HostPathVolumeSource.type": "",
    "MatchResources.matchPolicy": "Equivalent",
    "MatchResources.namespaceSelector": _ANY,
    "MatchResources.objectSelector": _ANY,
    "NamedRuleWithOperations.scope": "*",
    "NamespaceSpec.finalizers": ["kubernetes"],
    "NetworkPolicyPort.protocol": "TCP",
    "ObjectFieldSelector.apiVersion": "v1",
    "PersistentVolumeClaimSpec.volumeMode": "Filesystem",
    "PodSpec.dnsPolicy": "ClusterFirst",
    "PodSpec.enableServiceLinks": True,
    "PodSpec.restartPolicy": "Always",
    "PodSpec.schedulerName": "default-scheduler",
    "PodSpec.securityContext": _ANY,
    "PodSpec.terminationGracePeriodSeconds": 30,
    "Probe.failureThreshold": 3,
    "Probe.periodSeconds": 10,
    "Probe.successThreshold": 1,
    "Probe.timeoutSeconds": 1,
    "ProjectedVolumeSource.defaultMode": 420,
    "ResourceFieldSelector.divisor": "0",
    "RollingUpdateDeployment.maxSurge": "25%",
    "RollingUpdateDeployment.maxUnavailable": "25%",
    "RuleWithOperations.scope": "*",
    "Secret.type": "Opaque",
    "SecretVolumeSource.defaultMode": 420,
    "ServiceAccountTokenProjection.expirationSeconds": 3600,
    "ServicePort.protocol": "TCP",
    "ServiceSpec.internalTrafficPolicy": "Cluster",
    "ServiceSpec.sessionAffinity": "None",
    "ServiceSpec.type": "ClusterIP",
    "ValidatingAdmissionPolicySpec.failurePolicy": "Fail",
    "DeploymentStrategy.type": "RollingUpdate",
}
# No default, and the same as no word at all.
NOTHING: Final[Mapping[str, Any]] = {
    "ServiceSpec.externalTrafficPolicy": "Cluster",
    "SecurityContext.procMount": "Default",
    "DeploymentSpec.minReadySeconds": 0,
    "ObjectMeta.annotations": _ANY,
    "ObjectMeta.labels": _ANY,
    "PodSpec.hostIPC": False,
    "PodSpec.hostNetwork": False,
    "PodSpec.hostPID": False,
    "VolumeMount.readOnly": False,
}
# The API server keeps the deprecated name of a field like the other one.
ALIASES: Final = frozenset({"PodSpec.serviceAccount"})


def is_default(place: str, holds: str, value: Any) -> bool:
    """Whether a value of the field at a place (`PodSpec.dnsPolicy`) is what no word at all would be."""
    for known in (DEFAULTS, NOTHING):
        if place in known and known[place] == value and type(known[place]) is type(value):
            return True
    if value is None:
        return True
    fields = FIELDS.get(holds)
    return (
        fields is not None
        and isinstance(value, Mapping)
        and bool(value)
        and all(is_default(f"{holds}.{name}", fields.get(name, "?"), part) for name, part in value.items())
    )
