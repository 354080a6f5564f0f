"""What a review knows of the API, its lists and its defaults, is what the lab's API server says."""

from collections.abc import Iterator
from typing import Any

from gpu_runners.review.core.api_defaults import DEFAULTS
from gpu_runners.review.core.api_fields import FIELDS
from gpu_runners.review.core.comparison import UNKNOWN
from lab.api_table import FILE, fields_of, module, version_of
from lab.trial.kubernetes import Json, KubernetesApi

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POD: Json = {
    "containers": [
        {
            "name": "x", "image": "x", "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"grpc": {"port": 80}},
            "env": [
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            ],
            "securityContext": {},
        }
    ],
    "volumes": [
        {"name": "a", "secret": {"secretName": "x"}},
        {"name": "b", "configMap": {"name": "x"}},
        {"name": "c", "downwardAPI": {"items": []}},
        {"name": "d", "projected": {"sources": [{"serviceAccountToken": {"path": "x"}}]}},
        {"name": "e", "hostPath": {"path": "/x"}},
    ],
}  # fmt: skip
DEBUG = "EphemeralContainer."  # no pod is made with one; its fields are a container's
TEMPLATE: Json = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
RULE: Json = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
MATCH: Json = {"resourceRules": [RULE]}
HOOK: Json = {
    "name": "a.b.c", "rules": [RULE], "sideEffects": "None", "admissionReviewVersions": ["v1"],
    "clientConfig": {"url": "https://127.0.0.1:9/"},
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "none"}},
}  # fmt: skip
MINIMAL: dict[str, tuple[str, Json]] = {
    "Deployment": ("/apis/apps/v1/namespaces/default/deployments",
                   {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}),
    "Pod": ("/api/v1/namespaces/default/pods", {"spec": POD}),
    "Service": ("/api/v1/namespaces/default/services", {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}),
    "Secret": ("/api/v1/namespaces/default/secrets", {}),
    "Namespace": ("/api/v1/namespaces", {}),
    "PersistentVolumeClaim": ("/api/v1/namespaces/default/persistentvolumeclaims",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}}),
    "ValidatingAdmissionPolicy": (f"{ADMISSION}/validatingadmissionpolicies",
        {"spec": {"matchConstraints": MATCH, "validations": [{"expression": "true"}]}}),
    "ValidatingAdmissionPolicyBinding": (f"{ADMISSION}/validatingadmissionpolicybindings",
        {"spec": {"policyName": "x", "validationActions": ["Deny"], "matchResources": MATCH}}),
    "MutatingWebhookConfiguration": (f"{ADMISSION}/mutatingwebhookconfigurations", {"webhooks": [HOOK]}),
}  # fmt: skip


def test_how_lists_are_told_apart_is_what_the_api_server_says(api: KubernetesApi) -> None:
    """On the Kubernetes that the table was read from, every letter; on another, all that both of them know."""
    fields, version = fields_of(api), version_of(api)
    if f"Kubernetes {version}," in FILE.read_text():
        assert FILE.read_text() == module(version, fields), "run `python -m lab.api_table`"
    both = {
        (kind, field) for kind in FIELDS.keys() & fields.keys() for field in FIELDS[kind].keys() & fields[kind].keys()
    }
    assert len(both) > 500
    assert {place: FIELDS[place[0]][place[1]] for place in both} == {
        place: fields[place[0]][place[1]] for place in both
    }


def filled(holds: str, value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of an object with its place in the table."""
    kind, _, rest = holds.partition(" ")
    if isinstance(value, list):
        inside = rest.partition(" ")[2] if kind == "map" else rest
        for element in value:
            yield from filled(inside, element, place)
    elif isinstance(value, dict) and holds in FIELDS:
        for name, part in value.items():
            inner = f"{holds}.{name}"
            yield inner, part
            yield from filled(FIELDS[holds].get(name, UNKNOWN), part, inner)


def test_each_default_is_what_the_api_server_fills_in(api: KubernetesApi) -> None:
    seen: dict[str, list[Any]] = {}
    for kind, (path, body) in MINIMAL.items():
        made = api.create(f"{path}?dryRun=All", {**body, "metadata": {"name": "drifted-minimal"}})
        for place, value in filled(kind, made):
            seen.setdefault(place, []).append(value)
    wrong = {
        place: seen.get(place)
        for place, value in DEFAULTS.items()
        if not place.startswith(DEBUG) and value not in seen.get(place, [])
    }
    assert wrong == {}, wrong
