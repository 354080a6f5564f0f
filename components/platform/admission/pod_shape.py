"""The whole pod that a namespace admits, as a tree. Pure; `runner_pod` writes such pods, a test holds them together."""

from dataclasses import dataclass
from typing import Final

from components.platform.admission.container_shape import registration_container, runner_container
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.metadata_shape import pod_metadata, template_metadata
from components.platform.admission.shape import (
    Each,
    Fields,
    Rule,
    Value,
    anything,
    exactly,
    number,
    one_of,
    text,
    texts,
)
from components.platform.admission.volume_shape import volumes
from values.contract import ONLINE_GATE, RUNNER_USER
from values.placement import CLUSTER_TAINTS
from values.pod_extras import PodExtras

MOST_TOLERATIONS: Final = 32
MOST_SELECTORS: Final = 32
# Every pod gets these two.
_TOLERATED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_CLASSLESS: Final = Rule(
    ".priority",
    "has({it}.priorityClassName) || {it}.?priority.orValue(0) == 0",
    "string({it}.?priority.orValue(0))",
    "0 without a priorityClassName",
)


@dataclass(frozen=True)
class PodShape:
    """The two halves of a pod or of a pod template; nobody writes a pod's status but the kubelet and the registrar."""

    metadata: Fields
    spec: Fields


def pod_shape(grants: AdmissionGrants) -> PodShape:
    """A pod, with what the API server and the scheduler set in it."""
    added = {
        **by_classes(grants["extras"]),
        "nodeName": Value("request.operation != 'CREATE'", "nothing: the scheduler chooses a node", shown="{v}"),
    }
    return PodShape(pod_metadata(grants), Fields({**_spec(grants), **added}, rules=(_CLASSLESS,)))


def template_shape(grants: AdmissionGrants) -> PodShape:
    """A pod template, i.e. what a Deployment holds of a pod."""
    return PodShape(template_metadata(grants), Fields(_spec(grants)))


def by_classes(extras: PodExtras) -> dict[str, Value]:
    """What the API server sets by a pod's classes; it refuses a pod that says otherwise than its classes."""
    if extras["priority_classes"]:
        added = {"priority": anything(), "preemptionPolicy": one_of("PreemptLowerPriority", "Never")}
    else:
        added = {"priority": exactly(0), "preemptionPolicy": exactly("PreemptLowerPriority")}
    return {**added, "overhead": anything()} if extras["runtime_classes"] else added


def _spec(grants: AdmissionGrants) -> "dict[str, Value | Fields | Each]":
    job_credentials = grants["job_credentials"]
    storage = grants["ephemeral_storage"]
    return {
        "containers": Each(runner_container(grants, job_credentials=job_credentials), most=1),
        "initContainers": Each(registration_container(grants), most=1, required=True),
        "volumes": volumes(storage, grants["extras"]["caches"], job_credentials=job_credentials),
        "serviceAccountName": one_of(*grants["accounts"], required=True),
        "serviceAccount": one_of(*grants["accounts"]),
        "automountServiceAccountToken": exactly(value=False, required=True),
        "enableServiceLinks": exactly(value=False, required=True),
        "hostNetwork": exactly(value=False),
        "hostPID": exactly(value=False),
        "hostIPC": exactly(value=False),
        "restartPolicy": exactly("Always"),
        "dnsPolicy": exactly("ClusterFirst"),
        "schedulerName": exactly("default-scheduler"),
        "terminationGracePeriodSeconds": number(0, int(grants["protect_job_seconds"]), required=True),
        "securityContext": security_context(),
        "readinessGates": Each(Fields({"conditionType": exactly(ONLINE_GATE)}), most=1, required=True, named_by=""),
        "nodeSelector": Value(
            f"size({{v}}) <= {MOST_SELECTORS}", f"at most {MOST_SELECTORS} labels", shown="string(size({v}))"
        ),
        "tolerations": Each(toleration(), most=MOST_TOLERATIONS, named_by=""),
        **_extras(grants["extras"]),
    }


def _extras(extras: PodExtras) -> "dict[str, Value | Each]":
    """The fields of which an environment names what may stand there; without a name there is no such field."""
    fields: dict[str, Value | Each] = {}
    if secrets := extras["pull_secrets"]:
        fields["imagePullSecrets"] = Each(Fields({"name": one_of(*secrets, required=True)}), most=len(secrets))
    if classes := extras["runtime_classes"]:
        fields["runtimeClassName"] = one_of(*classes)
    if classes := extras["priority_classes"]:
        fields["priorityClassName"] = one_of(*classes)
    return fields


def security_context() -> Fields:
    """As whom the containers run."""
    return Fields(
        {
            "runAsNonRoot": exactly(value=True, required=True),
            "runAsUser": exactly(RUNNER_USER, required=True),
            "runAsGroup": exactly(RUNNER_USER, required=True),
            "fsGroup": exactly(RUNNER_USER, required=True),
            "fsGroupChangePolicy": one_of("OnRootMismatch", "Always"),
            "seccompProfile": Fields({"type": exactly("RuntimeDefault", required=True)}, required=True),
        },
        required=True,
    )


def toleration(tolerated: tuple[str, ...] = _TOLERATED) -> Fields:
    """A toleration: of Kubernetes' own taints only these."""
    others = " && ".join(f"!{{v}}.startsWith({text(beginning)})" for beginning in CLUSTER_TAINTS)
    key = Value(
        f"{{v}} != '' && ({{v}} in {texts(tolerated)} || {others})",
        f"a taint's key, of Kubernetes' own only {' and '.join(tolerated)}",
        required=True,
    )
    return Fields(
        {
            "key": key,
            "operator": one_of("Exists", "Equal"),
            "value": anything(),
            "effect": anything(),
            "tolerationSeconds": anything(),
        }
    )
