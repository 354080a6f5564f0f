"""Drift made by hand, one row each: how, on what, what is changed, and the field that a review has to name."""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as field_of
from functools import partial
from typing import Any

from tests.lab.hand import Change, Hand, Json

SPACE = "gpu-runners-drifted"
BASE, SYSTEM = f"{SPACE}-base", f"{SPACE}-system"
CONTROLLER = "example-operator"
PREFIXED = "pulumi-kubernetes-00000000"
ADMISSION = (
    *(f"{SPACE}-{suffix}" for suffix in ("runner-pods", "runner-pools")),
    *(f"{BASE}-{suffix}" for suffix in ("runner-pods", "runner-pools", "runner-metadata")),
)
ANNOTATION = 'metadata.annotations["example.com/x"]'
IMMUTABLE = "the object cannot be changed in place: `pulumi up --replace` makes it anew"
FINALIZER = "a finalizer is its controller's to take away"
POD = "spec.template.spec"
RUNNER = f"{POD}.containers[runner]"


@dataclass(frozen=True)
class Row:
    """One change. `how` is a method of Hand, with a manager behind a colon where it takes one; `left` is why a repair
    leaves it, "" where it does not.
    """

    how: str
    path: str
    change: Change
    what: str
    field: str = ""
    left: str = field_of(default="", kw_only=True)

    def make(self, hand: Hand) -> None:
        """Makes the change on the cluster."""
        method, _, manager = self.how.partition(":")
        made = getattr(hand, method)
        (partial(made, manager=manager) if manager else made)(self.path, self.change)

    def __str__(self) -> str:
        return f"{self.what} {self.field} by {self.how}"


def at(kind: str, name: str, namespace: str = "") -> str:
    """Where an object is."""
    plural, root = _PLACES[kind]
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{plural}/{name}"


_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_PLACES = {
    "Namespace": ("namespaces", "/api/v1"),
    "ResourceQuota": ("resourcequotas", "/api/v1"),
    "ConfigMap": ("configmaps", "/api/v1"),
    "Secret": ("secrets", "/api/v1"),
    "Service": ("services", "/api/v1"),
    "ServiceAccount": ("serviceaccounts", "/api/v1"),
    "Pod": ("pods", "/api/v1"),
    "Deployment": ("deployments", "/apis/apps/v1"),
    "NetworkPolicy": ("networkpolicies", "/apis/networking.k8s.io/v1"),
    "Role": ("roles", _RBAC),
    "RoleBinding": ("rolebindings", _RBAC),
    "ValidatingAdmissionPolicy": ("validatingadmissionpolicies", _ADMISSION),
    "ValidatingAdmissionPolicyBinding": ("validatingadmissionpolicybindings", _ADMISSION),
}


def put(*steps: str | int, to: Any) -> Change:
    """Sets the field at these steps; the mappings on the way are made."""

    def change(live: Json) -> None:
        here: Any = live
        for step in steps[:-1]:
            here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
        here[steps[-1]] = to

    return change


def drop(*steps: str | int) -> Change:
    """Takes the field at these steps out."""

    def change(live: Json) -> None:
        here: Any = live
        for step in steps[:-1]:
            here = here[step]
        del here[steps[-1]]

    return change


def add(*steps: str | int, element: Any) -> Change:
    """Puts an element at the end of the list at these steps."""

    def change(live: Json) -> None:
        here: Any = live
        for step in steps[:-1]:
            here = here[step]
        here.setdefault(steps[-1], []).append(element) if isinstance(here, dict) else here[steps[-1]].append(element)

    return change


def _row(how: str, kind: str, place: str, change: Change, field: str = "", left: str = "") -> Row:
    namespace, _, name = place.rpartition("/")
    return Row(how, at(kind, name, namespace), change, f"{kind} {place}", field, left=left)


def _nothing(_: Json) -> None:
    return None


def platform_rows(credential: str) -> Iterator[Row]:
    """On every kind that a platform declares. `credential` is the name of the forge's Secret."""
    for name in ADMISSION:  # first, so that nothing refuses the rest
        change = put("spec", "validationActions", to=["Audit"])
        yield _row("patch", "ValidatingAdmissionPolicyBinding", name, change, "spec.validationActions")
    yield _row("delete", "ValidatingAdmissionPolicyBinding", f"{SPACE}-runner-metadata", _nothing)
    label, note = ("metadata", "labels"), ("metadata", "annotations", "example.com/x")
    yield from (
        _row("patch", "Namespace", SPACE, put(*label, "pod-security.kubernetes.io/enforce", to="privileged"),
             'metadata.labels["pod-security.kubernetes.io/enforce"]'),
        _row("edit", "Namespace", BASE, put(*label, "team", to="x"), "metadata.labels.team"),
        _row("replace", "Namespace", SYSTEM, drop(*label, "app.kubernetes.io/part-of"),
             'metadata.labels["app.kubernetes.io/part-of"]'),
        _row("apply:helm", "Namespace", SPACE, put(*note, to="1"), ANNOTATION),
        _row("edit", "ResourceQuota", f"{SPACE}/gpus", put("spec", "hard", "pods", to="4000"), "spec.hard.pods"),
        _row("apply", "ResourceQuota", f"{SPACE}/gpus", put("spec", "hard", "requests.nvidia.com/gpu", to="64"),
             'spec.hard["requests.nvidia.com/gpu"]'),
        _row("replace", "ResourceQuota", f"{SPACE}/gpus", drop("spec", "hard", "limits.memory"),
             'spec.hard["limits.memory"]'),
        _row("delete", "ResourceQuota", f"{BASE}/gpus", _nothing),
        _row("delete", "NetworkPolicy", f"{SPACE}/deny-all", _nothing),
        _row("apply", "NetworkPolicy", f"{SPACE}/runner-egress", add("spec", "egress", element={}), "spec.egress"),
        _row("edit", "NetworkPolicy", f"{SPACE}/runner-egress",
             put("spec", "podSelector", to={"matchLabels": {"a": "b"}}),
             "spec.podSelector.matchLabels"),
        _row("replace", "NetworkPolicy", f"{BASE}/deny-all", put("spec", "policyTypes", to=["Ingress"]),
             "spec.policyTypes"),
        _row(f"update:{CONTROLLER}", "NetworkPolicy", f"{BASE}/runner-egress", put("spec", "ingress", to=[{}]),
             "spec.ingress"),
        _row("patch", "ServiceAccount", f"{SPACE}/runner", put("automountServiceAccountToken", to=True),
             "automountServiceAccountToken"),
        _row("edit", "ServiceAccount", f"{SPACE}/runner", add("imagePullSecrets", element={"name": "stolen"}),
             "imagePullSecrets"),
        _row("apply:helm", "ServiceAccount", f"{SPACE}/runner",
             put("metadata", "annotations", "eks.amazonaws.com/role-arn", to="arn:x"),
             'metadata.annotations["eks.amazonaws.com/role-arn"]'),
        _row("clear", "ServiceAccount", f"{BASE}/deployer", put(*label, "team", to="x"), "metadata.labels.team"),
        _row("clear", "ServiceAccount", f"{BASE}/deployer", _nothing, "metadata.managedFields"),
        _row("delete", "ServiceAccount", f"{BASE}/previewer", _nothing),
        _row("edit", "Role", f"{SPACE}/registrar", add("rules", 0, "verbs", element="create"), "rules"),
        _row("apply", "Role", f"{SPACE}/deployer-drifted",
             add("rules", element={"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}), "rules"),
        _row(f"apply:{PREFIXED}", "Role", f"{SPACE}/previewer", put(*label, "team", to="x"), "metadata.labels.team"),
        _row("patch", "RoleBinding", f"{SPACE}/registrar",
             add("subjects", element={"kind": "ServiceAccount", "name": "default", "namespace": SPACE}), "subjects"),
        _row("replace", "RoleBinding", f"{SPACE}/deployer-drifted", put("subjects", to=[]), "subjects"),
        _row("make_anew", "RoleBinding", f"{SPACE}/previewer", put("roleRef", "name", to="registrar"), "roleRef.name",
             IMMUTABLE),
        _row("replace", "RoleBinding", f"{SPACE}/previewer", _nothing, "metadata.managedFields", IMMUTABLE),
        _row("apply", "ConfigMap", f"{SPACE}/registrar", put("data", "url", to="https://evil.example.com"), "data.url"),
        _row("edit", "ConfigMap", f"{SPACE}/registrar", put("data", "extra", to="1"), "data.extra"),
        _row("replace", "ConfigMap", f"{BASE}/registrar", drop("data", "ca.crt"), 'data["ca.crt"]'),
        _row(f"update:{CONTROLLER}", "ConfigMap", f"{BASE}/registrar", put("binaryData", to={"x": "AAAA"}),
             "binaryData.x"),
        _row("patch", "Service", f"{SYSTEM}/registrar", put("spec", "selector", "evil", to="1"), "spec.selector.evil"),
        _row("edit", "Service", f"{SYSTEM}/registrar",
             add("spec", "ports", element={"name": "x", "port": 9, "targetPort": 9, "protocol": "TCP"}),
             "spec.ports[9,TCP]"),
        _row(f"apply:{PREFIXED}", "Service", f"{SYSTEM}/registrar", put("spec", "externalIPs", to=["192.0.2.1"]),
             "spec.externalIPs"),
        _row("apply", "Service", f"{SYSTEM}/registrar", put("spec", "publishNotReadyAddresses", to=True),
             "spec.publishNotReadyAddresses"),
        _row("patch", "Service", f"{SYSTEM}/registrar", put("spec", "internalTrafficPolicy", to="Local"),
             "spec.internalTrafficPolicy"),
        _row("patch", "Deployment", f"{SYSTEM}/registrar", put("spec", "paused", to=True), "spec.paused"),
        _row("edit", "Deployment", f"{SYSTEM}/registrar",
             add("spec", "template", "spec", "containers", 0, "env", element={"name": "PYTHONPATH", "value": "/x"}),
             f"{POD}.containers[registrar].env[PYTHONPATH]"),
        _row("apply", "Deployment", f"{SYSTEM}/registrar",
             put("spec", "template", "spec", "containers", 0, "image", to="evil:1"),
             f"{POD}.containers[registrar].image"),
        _row("patch", "Secret", f"{SYSTEM}/{credential}", put(*label, "team", to="x"), "metadata.labels.team",
             IMMUTABLE),
        _row("make_anew", "Secret", f"{SYSTEM}/{credential}", put("data", "token", to="ZXZpbA=="), "data", IMMUTABLE),
        _row("patch", "ValidatingAdmissionPolicy", f"{SPACE}-runner-pods", put("spec", "failurePolicy", to="Ignore"),
             "spec.failurePolicy"),
        _row("edit", "ValidatingAdmissionPolicy", f"{SPACE}-runner-pods",
             add("spec", "matchConditions", element={"name": "never", "expression": "false"}),
             "spec.matchConditions[never]"),
        _row("replace", "ValidatingAdmissionPolicy", f"{SPACE}-runner-pools", drop("spec", "validations", -1),
             "spec.validations"),
        _row("apply", "ValidatingAdmissionPolicyBinding", f"{BASE}-runner-pods",
             put("spec", "matchResources", "namespaceSelector", to={"matchLabels": {"a": "b"}}),
             "spec.matchResources"),
        _row("delete", "ValidatingAdmissionPolicy", f"{BASE}-runner-metadata", _nothing),
    )  # fmt: skip


def pool_rows(stack: str) -> Iterator[Row]:
    """On the pools `first`, `second` and `third` of a stack, whose admission policies only watch by now."""
    spec, first, second = ("spec", "template", "spec"), f"{SPACE}/first", f"{SPACE}/second"
    runner = (*spec, "containers", 0)
    yield _row("patch", "Deployment", first, put("spec", "paused", to=True), "spec.paused")
    yield from (
        _row(how, "Deployment", first, change, field, FINALIZER if field == "metadata.finalizers" else "")
        for how, change, field in (
            ("apply", put(*spec, "hostNetwork", to=True), f"{POD}.hostNetwork"),
            (f"apply:{PREFIXED}", put(*spec, "hostPID", to=True), f"{POD}.hostPID"),
            ("apply:helm", put(*spec, "hostIPC", to=True), f"{POD}.hostIPC"),
            (f"update:{CONTROLLER}", put(*spec, "setHostnameAsFQDN", to=True), f"{POD}.setHostnameAsFQDN"),
            ("patch", put(*runner, "image", to="evil:1"), f"{RUNNER}.image"),
            ("edit", add(*runner, "env", element={"name": "EXTRA", "value": "planted-Zq81xv"}), f"{RUNNER}.env[EXTRA]"),
            ("replace", put(*runner, "env", 0, "value", to="9"), f"{RUNNER}.env["),
            ("edit", put(*runner, "command", 2, to="evil"), f"{RUNNER}.command"),
            ("replace", put(*runner, "securityContext", "allowPrivilegeEscalation", to=True),
             f"{RUNNER}.securityContext.allowPrivilegeEscalation"),
            ("apply", put(*runner, "securityContext", "privileged", to=True), f"{RUNNER}.securityContext.privileged"),
            ("replace", drop(*runner, "securityContext", "capabilities"), f"{RUNNER}.securityContext.capabilities"),
            ("edit", put(*runner, "resources", "limits", "memory", to="9Gi"), f"{RUNNER}.resources.limits.memory"),
            ("patch", drop(*runner, "lifecycle"), f"{RUNNER}.lifecycle"),
            ("edit", add(*spec, "tolerations", element={"key": "spot", "operator": "Exists"}), f"{POD}.tolerations"),
            ("patch", put(*spec, "nodeSelector", "zone", to="a"), f"{POD}.nodeSelector.zone"),
            ("replace", add(*spec, "volumes", element={"name": "root", "hostPath": {"path": "/"}}),
             f"{POD}.volumes[root]"),
            ("apply:helm", add(*spec, "containers", element={"name": "sidecar", "image": "lab.local/pause:lab"}),
             f"{POD}.containers[sidecar]"),
            ("edit", put(*spec, "initContainers", 0, "image", to="evil:1"),
             f"{POD}.initContainers[registration].image"),
            ("patch", put(*spec, "automountServiceAccountToken", to=True), f"{POD}.automountServiceAccountToken"),
            ("apply", put(*spec, "serviceAccountName", to="deployer"), f"{POD}.serviceAccountName"),
            ("patch", put(*spec, "terminationGracePeriodSeconds", to=1), f"{POD}.terminationGracePeriodSeconds"),
            ("replace", put(*spec, "dnsPolicy", to="Default"), f"{POD}.dnsPolicy"),
            ("patch", put(*spec, "hostAliases", to=[{"ip": "192.0.2.1", "hostnames": ["github.com"]}]),
             f"{POD}.hostAliases[192.0.2.1]"),
            ("replace", drop(*spec, "readinessGates"), f"{POD}.readinessGates"),
            ("edit", put(*spec, "securityContext", "runAsUser", to=0), f"{POD}.securityContext.runAsUser"),
            ("patch", put(*spec, "securityContext", "seccompProfile", "type", to="Unconfined"),
             f"{POD}.securityContext.seccompProfile.type"),
            ("patch", put(*spec, "enableServiceLinks", to=True), f"{POD}.enableServiceLinks"),
            ("patch", put("spec", "template", "metadata", "annotations", "gpu-runners.dev/runner-labels", to="prod"),
             'spec.template.metadata.annotations["gpu-runners.dev/runner-labels"]'),
            (f"apply:{PREFIXED}", put("spec", "template", "metadata", "labels", "team", to="x"),
             "spec.template.metadata.labels.team"),
            ("edit", put("spec", "strategy", "rollingUpdate", "maxSurge", to=1),
             "spec.strategy.rollingUpdate.maxSurge"),
            ("patch", put("spec", "revisionHistoryLimit", to=0), "spec.revisionHistoryLimit"),
            ("patch", put("spec", "minReadySeconds", to=9), "spec.minReadySeconds"),
            ("patch", put("metadata", "labels", "team", to="x"), "metadata.labels.team"),
            ("replace", drop("metadata", "annotations", "pulumi.com/patchForce"),
             'metadata.annotations["pulumi.com/patchForce"]'),
            ("patch", put("metadata", "finalizers", to=["example.com/stay"]), "metadata.finalizers"),
        )
    )  # fmt: skip
    yield from (
        _row("clear", "Deployment", second, put(*spec, "hostNetwork", to=True), f"{POD}.hostNetwork"),
        _row("clear", "Deployment", second, _nothing, "metadata.managedFields"),
        _row("patch", "Deployment", second, put("spec", "replicas", to=1), "spec.replicas"),
        _row("delete", "Deployment", f"{SPACE}/third", _nothing),
        _row("apply", "ConfigMap", f"{SPACE}/pools-{stack}", put("data", "x", to="1"), "data.x"),
    )
