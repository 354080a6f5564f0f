"""The admission policies of a namespace of runners: what is judged, when, and by which claims. Pure.

Three, so that each reads as one thing: pods when they are made or their spec changes, Deployments in the same way (so
that `up` fails at once and not its pods later), and what may change in a pod's metadata afterwards. A fourth for what
scales a pool, where anything may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import pulumi_kubernetes as k8s

from components.labels import NAMESPACE_NAME_LABEL
from components.platform.admission.claims import Claim, claims
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.pod_shape import pod_shape, template_shape
from components.platform.admission.prepull_shape import prepull_shape, prepull_template_shape
from components.platform.admission.scaled_object_shape import scaled_object_shape
from components.platform.admission.shape import text, texts
from values.contract import DELETION_COST_ANNOTATION, DOMAIN, PREPULL_LABEL

REFUSED: Final = "refused in a namespace of runners: "
CURE: Final = "; cure: declare a pool, or have the platform's environment changed"
# Besides those that a controller takes off, these two come and go with a deletion.
_DELETION_FINALIZERS: Final = ("foregroundDeletion", "orphan")
# Annotations by which container runtimes grant devices or take protection away.
_RUNTIME_ANNOTATIONS: Final = (
    "cdi.k8s.io/",
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "io.kubernetes.",
    "io.katacontainers.",
    "io.containerd.",
    "nvidia.com/",
)

_PULLS_AHEAD: Final = f"{text(PREPULL_LABEL)} in object.metadata.?labels.orValue({{}})"

# The parts of a pod, by the beginning of their fields' paths, and how the policies call them.
_PARTS: Final = {
    "spec.containers": "runner",
    "spec.initContainers": "registration",
    "spec.volumes": "volumes",
    "metadata": "metadata",
    "spec": "spec",
}

# Quoted, so that a stack which makes no policy does not load the module.
Spec: TypeAlias = "k8s.admissionregistration.v1.ValidatingAdmissionPolicySpecArgsDict"
Rule: TypeAlias = "k8s.admissionregistration.v1.NamedRuleWithOperationsArgsDict"


@dataclass(frozen=True)
class Policy:
    """One policy: `suffix` follows the namespace in its name, `child` its component's in the stack's state."""

    suffix: str
    child: str
    spec: Spec


def policies(grants: AdmissionGrants) -> list[Policy]:
    """All policies of a namespace."""
    spec_changes = "request.operation == 'CREATE' || object.spec != oldObject.spec"
    pods = _rule("", ["pods", "pods/ephemeralcontainers", "pods/resize"])
    deployments = _rule("apps", ["deployments"])
    pod, template = pod_shape(grants), template_shape(grants)
    made = [_at_creation(claim) for claim in _by_part(claims(pod.metadata, "variables.pod.metadata", "metadata"))]
    of_pods = [Claim("", "pod", "object"), *made, *_by_part(claims(pod.spec, "variables.pod.spec", "spec"))]
    of_deployments = [
        Claim("", "pod", "object.spec.template"),
        *_by_part(claims(template.metadata, "variables.pod.metadata", "metadata")),
        *_by_part(claims(template.spec, "variables.pod.spec", "spec")),
    ]
    space = grants["namespace"]
    queue_url = grants.get("queue_url", "")
    of_scaling = _of_scaled_objects(space, queue_url) if queue_url else []
    if grants.get("prepull", False):
        runners = f"({spec_changes}) && !({_PULLS_AHEAD})"
        of_scaling += _of_prepull(grants, pods, f"({spec_changes}) && {_PULLS_AHEAD}", spec_changes)
    else:
        runners = spec_changes
    return [
        Policy("runner-pods", "", _spec(space, [pods], runners, of_pods)),
        Policy("runner-pools", "-pools", _spec(space, [deployments], spec_changes, of_deployments)),
        Policy("runner-metadata", "-metadata", _spec(space, [pods, deployments], "true", changes())),
        *of_scaling,
    ]


def _of_scaled_objects(namespace: str, queue_url: str) -> list[Policy]:
    """What may set the replicas of a pool."""
    rule = _rule("keda.sh", ["scaledobjects"], version="v1alpha1")
    condition = "request.operation == 'CREATE' || object.spec != oldObject.spec"
    judged = claims(scaled_object_shape(namespace, queue_url), "object.spec", "spec")
    return [Policy("runner-autoscaling", "-autoscaling", _spec(namespace, [rule], condition, judged))]


def _of_prepull(grants: AdmissionGrants, pods: Rule, of_pods: str, of_sets: str) -> list[Policy]:
    """What has images pulled ahead: pods, told from runners by a label that nobody may change, and DaemonSets."""
    space, pod, template = grants["namespace"], prepull_shape(grants), prepull_template_shape(grants)
    made = [_at_creation(claim) for claim in _by_part(claims(pod.metadata, "variables.pod.metadata", "metadata"))]
    pulling = [Claim("", "pod", "object"), *made, *_by_part(claims(pod.spec, "variables.pod.spec", "spec"))]
    sets = [
        Claim("", "pod", "object.spec.template"),
        *_by_part(claims(template.metadata, "variables.pod.metadata", "metadata")),
        *_by_part(claims(template.spec, "variables.pod.spec", "spec")),
    ]
    return [
        Policy("prepull-pods", "-prepull-pods", _spec(space, [pods], of_pods, pulling)),
        Policy("prepull", "-prepull", _spec(space, [_rule("apps", ["daemonsets"])], of_sets, sets)),
    ]


def _by_part(judged: Sequence[Claim]) -> list[Claim]:
    """The claims of each part of a pod as one: the API server's check of types costs the same for each expression.

    Tried: 6 s of the controller manager's time for a policy of 117 expressions, about 3 s for the same in 15.
    """
    parts: dict[str, list[Claim]] = {}
    for claim in judged:
        part = next(path for path in _PARTS if claim.path.startswith(path))
        parts.setdefault(part, []).append(claim)
    return [
        Claim(
            part,
            _PARTS[part],
            "[\n" + ",\n".join(claim.breaches for claim in found) + "\n].filter(t, t != '').join('; ')",
        )
        for part, found in parts.items()
    ]


def _at_creation(claim: Claim) -> Claim:
    # Later, the registrar has written its annotations: `changes` judges what becomes of metadata.
    return Claim(claim.path, claim.variable, f"request.operation != 'CREATE' ? '' :\n{claim.breaches}")


def changes() -> list[Claim]:
    """What nobody may add to an object's metadata, nor change in a pod's; the registrar does so through pods/status.

    Annotations of others pass: networks write theirs on pods.
    """
    added = "{after}.filter(x, !(x in {before}{known})).map(x, {name})"
    finalizers = added.format(
        after=_metadata("finalizers"),
        before=_metadata("finalizers", old=True),
        known=f" + {texts(_DELETION_FINALIZERS)}",
        name="'metadata.finalizers: found ' + string(x) + ', allowed nothing'",
    )
    owners = added.format(
        after=_metadata("ownerReferences"),
        before=_metadata("ownerReferences", old=True),
        known="",
        name="'metadata.ownerReferences[' + x.name + ']: found ' + x.kind + ', allowed a ReplicaSet of a pod'",
    ).replace(".map(", ".filter(x, object.kind != 'Pod' || x.apiVersion != 'apps/v1' || x.kind != 'ReplicaSet').map(")
    after, before = _metadata("annotations", empty="{}"), _metadata("annotations", old=True, empty="{}")
    reserved = f"(a.startsWith('{DOMAIN}/') || a == '{DELETION_COST_ANNOTATION}' || " + (
        " || ".join(f"a.startsWith({text(beginning)})" for beginning in _RUNTIME_ANNOTATIONS) + ")"
    )
    annotations = (
        f"({after}.filter(a, !(a in {before}) || {before}[a] != {after}[a]) + {before}.filter(a, !(a in {after})))"
        f".filter(a, {reserved}).map(a, 'metadata.annotations.' + a + ': found a change, allowed nothing')"
    )
    labels = f"{_metadata('labels', empty='{}')} == {_metadata('labels', old=True, empty='{}')} ? '' : " + text(
        "metadata.labels: found a change, allowed nothing"
    )
    # What a new pod has, its shape says.
    not_a_new_pod = "object.kind == 'Pod' && request.operation == 'CREATE' ? '' :\n"
    a_changed_pod = "object.kind != 'Pod' || request.operation == 'CREATE' ? '' :\n"
    return [
        Claim("metadata.finalizers", "finalizers", f"{not_a_new_pod}{finalizers}.join('; ')"),
        Claim("metadata.ownerReferences", "ownerReferences", f"{not_a_new_pod}{owners}.join('; ')"),
        Claim("metadata.labels", "labels", a_changed_pod + labels),
        Claim("metadata.annotations", "annotations", f"{a_changed_pod}{annotations}.join('; ')"),
    ]


def _metadata(field: str, *, old: bool = False, empty: str = "[]") -> str:
    """CEL: a field of the metadata, empty where it is absent."""
    if not old:
        return f"object.metadata.?{field}.orValue({empty})"
    return f"(request.operation == 'CREATE' ? {empty} : oldObject.metadata.?{field}.orValue({empty}))"


def _spec(namespace: str, rules: Sequence[Rule], condition: str, judged: Sequence[Claim]) -> Spec:
    return {
        "failure_policy": "Fail",
        "match_constraints": {
            "match_policy": "Equivalent",
            "namespace_selector": {"match_labels": {NAMESPACE_NAME_LABEL: namespace}},
            "object_selector": {},
            "resource_rules": list(rules),
        },
        "match_conditions": [{"name": "changes", "expression": condition}],
        "variables": [{"name": claim.variable, "expression": claim.breaches} for claim in judged],
        "validations": [
            {
                "expression": f"variables.{claim.variable} == ''",
                "message_expression": f"{text(REFUSED)} + variables.{claim.variable} + {text(CURE)}",
                # Where what was found has a line break or is longer than the API server lets a message be.
                "message": f"{REFUSED}{claim.path}: allowed what a pool declares{CURE}",
            }
            for claim in judged
            if claim.path
        ],
    }


def _rule(group: str, resources: list[str], version: str = "v1") -> Rule:
    return {
        "api_groups": [group],
        "api_versions": [version],
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
        "scope": "Namespaced",
    }
