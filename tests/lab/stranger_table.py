"""What strangers make: objects that nobody declares, changed pods, rights and webhooks of the whole cluster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from tests.lab.drift_table import BASE, SPACE, SYSTEM, Row, at
from tests.lab.hand import Hand, Json

CORE, RBAC = "/api/v1", "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
NAME = "drifted-stranger"
HELD = "the pod is deleted, and stays as long as the finalizer does"
TOOLS = "whoever made it may be a tool that manages it (what `kubectl` made, and holds nothing, is deleted)"
ACCOUNT = "deleting the account is a person's: its controller makes it anew"
CLUSTERS = "it is no stack's: whoever runs the cluster takes it out"
OUTSIDE = (
    f"{RBAC}/clusterrolebindings/{NAME}",
    f"{RBAC}/namespaces/default/rolebindings/{NAME}",
    f"{ADMISSION}/mutatingwebhookconfigurations/{NAME}",
    f"{ADMISSION}/validatingwebhookconfigurations/{NAME}",
)
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_VIEWER = {"roleRef": _ROLE, "subjects": [{"kind": "ServiceAccount", "name": "runner", "namespace": SPACE}]}


@dataclass(frozen=True)
class Stranger(Row):
    """A row that is made by its own means, as nobody's tool that a repair knows."""

    by: Callable[[Hand], object] = lambda _: None

    def make(self, hand: Hand) -> None:
        self.by(hand)


def rows(api: KubernetesApi) -> Iterator[Stranger]:
    """Some twenty."""

    def pods() -> list[str]:
        return [item["metadata"]["name"] for item in api.items(f"{CORE}/namespaces/{SPACE}/pods")]

    def only() -> str | None:
        names = pods()
        return names[0] if len(names) == 1 else None

    # A pod that was replaced is still there while it leaves.
    pod = until("the pool has one pod and no other", only, 60, pods)
    return rows_on(pod, api.get(at("ConfigMap", "kube-root-ca.crt", SPACE))["metadata"])


def rows_on(pod: str, root: Json) -> Iterator[Stranger]:
    """The same, on a pod of ours and with the metadata of the ConfigMap that every namespace has."""
    yield from _of_pod(pod)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": root["name"], "uid": root["uid"], "controller": True}
    yield from _objects(owner)
    yield _stranger("ServiceAccount", f"{SPACE}/default", _account, "metadata.annotations", left=ACCOUNT)
    yield _stranger("ServiceAccount", f"{BASE}/default", _pull_secret, "imagePullSecrets", left=ACCOUNT)
    yield from _of_cluster()


def _stranger(kind: str, place: str, by: Callable[[Hand], object], field: str = "", *, left: str) -> Stranger:
    return Stranger("by hand", "", lambda _: None, f"{kind} {place}", field, by, left=left)


def _of_pod(name: str) -> Iterator[Stranger]:
    path = at("Pod", name, SPACE)
    changes: dict[str, Json] = {
        "metadata.labels.team": {"metadata": {"labels": {"team": "x"}}},
        'metadata.annotations["gpu-runners.dev/runner-labels"]': {
            "metadata": {"annotations": {"gpu-runners.dev/runner-labels": "prod"}}
        },
        "metadata.finalizers": {"metadata": {"finalizers": ["example.com/stay"]}},
    }
    for field, body in changes.items():
        yield _stranger("Pod", f"{SPACE}/{name}", _patched(path, body), field, left=HELD)
    security = {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 1001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    debug = {"spec": {"ephemeralContainers": [
        {"name": "debug", "image": "lab.local/pause:lab", "imagePullPolicy": "Never", "securityContext": security},
    ]}}  # fmt: skip
    yield _stranger(
        "Pod",
        f"{SPACE}/{name}",
        _patched(f"{path}/ephemeralcontainers", debug),
        "spec.ephemeralContainers[debug]",
        left=HELD,
    )


def _patched(path: str, body: Json) -> Callable[[Hand], object]:
    return lambda hand: hand.api.patch(f"{path}?fieldManager=kubectl-debug", body, kind="strategic-merge")


def _created(path: str, body: Json) -> Callable[[Hand], object]:
    return lambda hand: hand.api.create(path, body)


def _objects(owner: Json) -> Iterator[Stranger]:
    """One of each kind, each with an excuse where one could pass for it: `owner` is there and makes no pods."""
    labels = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "gpu-runners"}
    security = {
        "runAsNonRoot": True, "runAsUser": 1001, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    container = {
        "name": "x", "image": "lab.local/pause:lab", "imagePullPolicy": "Never",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {
            "requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "8Mi", "ephemeral-storage": "1Mi"},
        },
    }  # fmt: skip
    pod = {"securityContext": security, "containers": [container], "terminationGracePeriodSeconds": 0}
    slice_labels = {"kubernetes.io/service-name": "registrar"}
    endpoint = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.85.0.1"]}], "ports": []}
    token = {"kubernetes.io/service-account.name": "runner"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "first"}
    listed: list[tuple[str, str, str, Json]] = [
        ("Pod", f"{CORE}/namespaces/{SPACE}/pods", SPACE, {"metadata": {"ownerReferences": [owner]}, "spec": pod}),
        ("ConfigMap", f"{CORE}/namespaces/{SPACE}/configmaps", SPACE, {"metadata": {"labels": labels}}),
        ("Secret", f"{CORE}/namespaces/{SPACE}/secrets", SPACE,
         {"metadata": {"annotations": token}, "type": "kubernetes.io/service-account-token"}),
        ("ServiceAccount", f"{CORE}/namespaces/{BASE}/serviceaccounts", BASE, {}),
        ("Service", f"{CORE}/namespaces/{SPACE}/services", SPACE,
         {"spec": {"selector": {"gpu-runners.dev/pool": "first"}, "ports": [{"port": 1}]}}),
        ("RoleBinding", f"{RBAC}/namespaces/{SPACE}/rolebindings", SPACE, _VIEWER),
        ("Role", f"{RBAC}/namespaces/{SYSTEM}/roles", SYSTEM, {"rules": []}),
        ("NetworkPolicy", f"/apis/networking.k8s.io/v1/namespaces/{SPACE}/networkpolicies", SPACE,
         {"spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]}}),
        ("EndpointSlice", f"/apis/discovery.k8s.io/v1/namespaces/{SYSTEM}/endpointslices", SYSTEM,
         {"metadata": {"labels": slice_labels}, **endpoint}),
        ("PersistentVolumeClaim", f"{CORE}/namespaces/{SPACE}/persistentvolumeclaims", SPACE,
         {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}),
        ("PodDisruptionBudget", f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets", SPACE,
         {"spec": {"selector": {}, "maxUnavailable": 0}}),
        ("HorizontalPodAutoscaler", f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers", SPACE,
         {"spec": {"scaleTargetRef": target, "maxReplicas": 99}}),
        ("CronJob", f"/apis/batch/v1/namespaces/{SPACE}/cronjobs", SPACE,
         {"spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {
             "spec": {**pod, "restartPolicy": "Never"}}}}}}),
    ]  # fmt: skip
    for kind, path, namespace, body in listed:
        named = {**body, "metadata": {**body.get("metadata", {}), "name": NAME}}
        yield _stranger(kind, f"{namespace}/{NAME}", _created(path, named), left=TOOLS)


def _account(hand: Hand) -> None:
    annotations = {"eks.amazonaws.com/role-arn": "arn:x"}
    hand.api.patch(at("ServiceAccount", "default", SPACE), {"metadata": {"annotations": annotations}})


def _pull_secret(hand: Hand) -> None:
    hand.api.patch(at("ServiceAccount", "default", BASE), {"imagePullSecrets": [{"name": "x"}]})


def _of_cluster() -> Iterator[Stranger]:
    hook: dict[str, Any] = {
        "name": "stranger.example.com", "failurePolicy": "Ignore", "sideEffects": "None", "timeoutSeconds": 1,
        "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:9/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SPACE}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
    }  # fmt: skip
    bodies: list[Json] = [_VIEWER, _VIEWER, {"webhooks": [hook]}, {"webhooks": [hook]}]
    whats = (
        f"ClusterRoleBinding {NAME}",
        f"RoleBinding default/{NAME}",
        f"MutatingWebhookConfiguration {NAME}",
        f"ValidatingWebhookConfiguration {NAME}",
    )
    for path, what, body in zip(OUTSIDE, whats, bodies, strict=True):
        yield Stranger(
            "by hand",
            "",
            lambda _: None,
            what,
            "",
            _created(path.rpartition("/")[0], {"metadata": {"name": NAME}, **body}),
            left=CLUSTERS,
        )
