"""A runner pod's metadata: its labels, its annotations and, once it is a pod, who made it. Pure."""

from typing import Final

from components.labels import STAY_ANNOTATIONS, pool_labels
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.shape import (
    Each,
    Entries,
    Fields,
    Rule,
    Value,
    anything,
    exactly,
    matching,
    texts,
)
from values.contract import POOL_LABEL, RUNNER_LABELS_ANNOTATION

MOST_LABELS: Final = 32
POOL_NAME: Final = "^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"
# Visible ASCII: what a forge might fold into another label's letters is none, and no comma or colon.
LABEL: Final = "[!-+.-9;-~-]{1,100}"
RESTARTED_ANNOTATION: Final = "kubectl.kubernetes.io/restartedAt"  # `kubectl rollout restart` writes it
TEMPLATE_HASH_LABEL: Final = "pod-template-hash"  # the Deployment controller's


def template_metadata(grants: AdmissionGrants) -> Fields:
    """The metadata of a pod template."""
    return Fields({**_both(grants, of_a_pod=False), "creationTimestamp": anything()})


def pod_metadata(grants: AdmissionGrants) -> Fields:
    """The metadata of a pod at its creation, with what the API server and the ReplicaSet's controller add."""
    owner = Fields(
        {
            "apiVersion": exactly("apps/v1"),
            "kind": exactly("ReplicaSet"),
            "name": anything(),
            "uid": anything(),
            "controller": anything(),
            "blockOwnerDeletion": anything(),
        }
    )
    by_the_api_server = ("name", "generateName", "namespace", "uid", "creationTimestamp", "generation", "managedFields")
    return Fields(
        {
            **_both(grants, of_a_pod=True),
            **{name: anything() for name in by_the_api_server},
            "ownerReferences": Each(owner, most=1),
        }
    )


def _both(grants: AdmissionGrants, *, of_a_pod: bool) -> dict[str, Entries]:
    ours = pool_labels("")
    labels = {key: exactly(value, required=True) for key, value in ours.items() if key != POOL_LABEL}
    labels[POOL_LABEL] = matching(POOL_NAME, "the name of a pool", required=True)
    if of_a_pod:
        labels[TEMPLATE_HASH_LABEL] = anything()
    annotations = {key: exactly(value) for key, value in STAY_ANNOTATIONS.items()}
    annotations[RESTARTED_ANNOTATION] = matching("^[-0-9TZ:.+]{1,40}$", "a time")
    annotations[RUNNER_LABELS_ANNOTATION] = Value("true", "runner labels of this namespace", required=True)
    return {
        "labels": Entries(labels, required=True),
        "annotations": Entries(annotations, rules=(runner_labels(grants),), required=True),
    }


def runner_labels(grants: AdmissionGrants) -> Rule:
    """Labels that serve others are compared as forges compare them, whatever their case."""
    # An absent annotation is refused as such.
    value = f"{{it}}[?'{RUNNER_LABELS_ANNOTATION}'].orValue('')"
    split = f"{value}.split(',', {MOST_LABELS + 1})"
    if grants["labels"]:
        allowed = ", ".join(grants["labels"])
        listed = texts(grants["labels"]).replace("{", "{{").replace("}", "}}")
        holds = f"{split}.all(l, l in {listed})"
    else:
        reserved = [label.lower() for label in grants["reserved_labels"]]
        allowed = f"words of visible ASCII{', but for ' + ', '.join(reserved) if reserved else ''}"
        listed = texts(reserved).replace("{", "{{").replace("}", "}}")
        pattern = f"^{LABEL}$".replace("{", "{{").replace("}", "}}")
        holds = f"{split}.all(l, l.matches('{pattern}') && !(l.lowerAscii() in {listed}))"
    absent = f"!('{RUNNER_LABELS_ANNOTATION}' in {{it}})"
    return Rule(
        f".{RUNNER_LABELS_ANNOTATION}",
        f"{absent} || (size({split}) <= {MOST_LABELS} && {holds})",
        value,
        f"at most {MOST_LABELS} of: {allowed}",
    )
