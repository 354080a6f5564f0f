"""What a pod may be that only has a pool's images pulled ahead. Pure; `prepull` writes such pods.

It runs fixed words of two images that the namespace admits anyway: no devices, no volumes, no token, next to no memory.
"""

from typing import Final

from components.labels import object_labels
from components.platform.admission.container_shape import shared, visible_devices
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.metadata_shape import POOL_NAME
from components.platform.admission.pod_shape import (
    MOST_SELECTORS,
    MOST_TOLERATIONS,
    PodShape,
    by_classes,
    security_context,
    toleration,
)
from components.platform.admission.shape import Each, Entries, Fields, Value, anything, exactly, matching, one_of, words
from components.prepull_container import IMAGE_CONTAINER, PULLED, PULLED_FOR, REQUESTS, WAIT, WAITING_CONTAINER
from values.contract import PREPULL_LABEL
from values.placement import LINUX
from values.pod_variables import no_devices

# What a DaemonSet's controller adds to its pods.
_TOLERATED: Final = tuple(
    f"node.kubernetes.io/{taint}"
    for taint in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
)

_MOST_SELECTORS: Final = MOST_SELECTORS + len(LINUX)


def prepull_shape(grants: AdmissionGrants) -> PodShape:
    """A pod, with what the API server, the DaemonSet's controller and the scheduler set in it."""
    owner = Fields(
        {
            "apiVersion": exactly("apps/v1"),
            "kind": exactly("DaemonSet"),
            **{name: anything() for name in ("name", "uid", "controller", "blockOwnerDeletion")},
        }
    )
    by_the_api_server = ("name", "generateName", "namespace", "uid", "creationTimestamp", "generation", "managedFields")
    labels = {**_labels(), "controller-revision-hash": anything(), "pod-template-generation": anything()}
    metadata = Fields(
        {
            "labels": Entries(labels, required=True),
            **{name: anything() for name in by_the_api_server},
            "ownerReferences": Each(owner, most=1),
        }
    )
    added: dict[str, Value | Fields | Each] = {
        "affinity": Fields({"nodeAffinity": anything()}),
        "nodeName": Value("request.operation != 'CREATE'", "nothing: the scheduler chooses a node", shown="{v}"),
        **by_classes(grants["extras"]),
        "tolerations": Each(toleration(_TOLERATED), most=MOST_TOLERATIONS + len(_TOLERATED), named_by=""),
    }
    return PodShape(metadata, Fields({**_spec(grants), **added}))


def prepull_template_shape(grants: AdmissionGrants) -> PodShape:
    """A pod template, i.e. what a DaemonSet holds of a pod."""
    metadata = Fields({"labels": Entries(_labels(), required=True), "creationTimestamp": anything()})
    return PodShape(metadata, Fields(_spec(grants)))


def _labels() -> dict[str, Value]:
    labels = {key: exactly(value, required=True) for key, value in object_labels(PULLED_FOR).items()}
    return {**labels, PREPULL_LABEL: matching(POOL_NAME, "the name of a pool", required=True)}


def _spec(grants: AdmissionGrants) -> "dict[str, Value | Fields | Each]":
    secrets, classes = grants["extras"]["pull_secrets"], grants["extras"]["priority_classes"]
    pulls = {"imagePullSecrets": Each(Fields({"name": one_of(*secrets, required=True)}), most=len(secrets))}
    return {
        "initContainers": Each(_container(grants, IMAGE_CONTAINER, PULLED), most=1, required=True),
        "containers": Each(_container(grants, WAITING_CONTAINER, WAIT), most=1),
        "automountServiceAccountToken": exactly(value=False, required=True),
        "serviceAccountName": one_of(*grants["accounts"], required=True),
        "serviceAccount": one_of(*grants["accounts"]),
        "enableServiceLinks": exactly(value=False, required=True),
        "hostNetwork": exactly(value=False),
        "hostPID": exactly(value=False),
        "hostIPC": exactly(value=False),
        "restartPolicy": exactly("Always"),
        "dnsPolicy": exactly("ClusterFirst"),
        "schedulerName": exactly("default-scheduler"),
        "terminationGracePeriodSeconds": exactly(1, required=True),
        "securityContext": security_context(),
        "nodeSelector": Value(
            f"size({{v}}) <= {_MOST_SELECTORS}", f"at most {_MOST_SELECTORS} labels", shown="string(size({v}))"
        ),
        "tolerations": Each(toleration(), most=MOST_TOLERATIONS, named_by=""),
        **(pulls if secrets else {}),
        # A cluster whose default class is granted writes it into every pod.
        **({"priorityClassName": one_of(*classes)} if classes else {}),
    }


def _container(grants: AdmissionGrants, name: str, script: str) -> Fields:
    amounts = {resource: exactly(amount, required=True) for resource, amount in REQUESTS.items()}
    limits = {resource: value for resource, value in amounts.items() if resource != "cpu"}
    silent = no_devices(())
    variable = Fields(
        {"name": one_of(*silent, required=True), "value": one_of(*sorted(set(silent.values())), required=True)}
    )
    return Fields(
        {
            **shared(grants),
            "name": exactly(name, required=True),
            "command": words("/bin/sh", "-c", script, required=True),
            "env": Each(variable, most=len(silent), required=True),
            "resources": Fields(
                {"requests": Entries(amounts, required=True), "limits": Entries(limits, required=True)}, required=True
            ),
            "terminationMessagePath": anything(),
        },
        rules=tuple(visible_devices(())),
    )
