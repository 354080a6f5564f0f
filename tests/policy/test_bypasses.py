"""Ways around the rules: another kind of workload, no label, a patch, an unknown value, a field that nobody named."""

from collections.abc import Callable
from typing import Any

import pytest

from policy_rules.resources import POOL_LABEL, RUNNER_LABELS_ANNOTATION, Resource
from policy_rules.unknown import UNKNOWN
from tests.policy.judged_stack import (
    BY_NAME,
    DIGEST,
    LAB_IMAGES,
    Change,
    changed,
    declared,
    made,
    pod,
    pool_inputs,
    runner,
    violations,
)
from tests.policy.test_rules import POOL_BREACHES, devices, toleration, variable, volume

Form = Callable[[dict[str, Any]], Resource]


@pytest.fixture
def stack() -> list[Resource]:
    return list(declared())


def unlabelled(inputs: dict[str, Any]) -> Resource:
    for metadata in (inputs["metadata"], inputs["spec"]["template"]["metadata"]):
        del metadata["labels"][POOL_LABEL]
    return made("kubernetes:apps/v1:Deployment", inputs)


def template_of(kind: str) -> Form:
    version = "batch/v1" if kind == "Job" else "core/v1" if kind == "ReplicationController" else "apps/v1"
    return lambda inputs: made(f"kubernetes:{version}:{kind}", {"spec": {"template": inputs["spec"]["template"]}})


def as_a_custom_resource(inputs: dict[str, Any]) -> Resource:
    target = {"jobTargetRef": {"template": inputs["spec"]["template"]}}
    return made("kubernetes:keda.sh/v1alpha1:ScaledJob", {"kind": "ScaledJob", "spec": target})


def in_disguise(inputs: dict[str, Any]) -> Resource:
    """The provider sends an object as its inputs call it."""
    return made("kubernetes:core/v1:ConfigMap", {**inputs, "apiVersion": "apps/v1", "kind": "Deployment"})


FORMS: dict[str, Form] = {
    "without the pool's label": unlabelled,
    **{kind: template_of(kind) for kind in ("DaemonSet", "StatefulSet", "ReplicaSet", "Job", "ReplicationController")},
    "CronJob": lambda inputs: made(
        "kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": {"template": inputs["spec"]["template"]}}}}
    ),
    "Pod": lambda inputs: made("kubernetes:core/v1:Pod", inputs["spec"]["template"]),
    "PodTemplate": lambda inputs: made("kubernetes:core/v1:PodTemplate", {"template": inputs["spec"]["template"]}),
    "DeploymentPatch": lambda inputs: made("kubernetes:apps/v1:DeploymentPatch", inputs),
    "PodPatch": lambda inputs: made("kubernetes:core/v1:PodPatch", inputs["spec"]["template"]),
    "an old API version": lambda inputs: made("kubernetes:extensions/v1beta1:Deployment", inputs),
    "a list": lambda inputs: made("kubernetes:apps/v1:DeploymentList", {"items": [inputs]}),
    "a list of anything": lambda inputs: made(
        "kubernetes:core/v1:List", {"kind": "List", "items": [{**inputs, "apiVersion": "apps/v1"}]}
    ),
    "a ScaledJob": as_a_custom_resource,
    "in disguise": in_disguise,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_breach_in_a_pod_is_found_in_every_workload(form: Form) -> None:
    missed = []
    for rule, name, change, found in POOL_BREACHES:
        inputs = pool_inputs()
        change(inputs)
        messages = violations(rule, [form(inputs)], LAB_IMAGES)
        if not any(found in violation.message for violation in messages):
            missed.append((rule, name, messages))
    assert missed == []


@pytest.mark.parametrize("form", [form for name, form in FORMS.items() if name != "in disguise"])
def test_a_pod_of_ours_breaks_no_pod_rule_in_any_workload(form: Form) -> None:
    for rule in {rule for rule, *_ in POOL_BREACHES}:
        assert violations(rule, [form(pool_inputs())], LAB_IMAGES) == []


def context(**fields: Any) -> Change:
    return lambda v: pod(v)["securityContext"].update(fields)


def own_context(**fields: Any) -> Change:
    return lambda v: runner(v)["securityContext"].update(fields)


def spec(**fields: Any) -> Change:
    return lambda v: pod(v).update(fields)


def container(**fields: Any) -> Change:
    return lambda v: runner(v).update(fields)


def sidecar_with_the_registrars_token(inputs: dict[str, Any]) -> None:
    mount = {"name": "registrar-token", "mountPath": "/stolen"}
    pod(inputs)["initContainers"][0] |= {"restartPolicy": "Always", "volumeMounts": [mount]}


def without_variable(inputs: dict[str, Any]) -> None:
    """No GPU, and no word to the runtime about it."""
    runner(inputs)["resources"] = {}
    pod(inputs)["tolerations"] = []


def unsaid(name: str) -> Callable[[dict[str, Any]], None]:
    """The image has the word about these devices."""

    def leave_out(inputs: dict[str, Any]) -> None:
        container = runner(inputs)
        container["env"] = [variable for variable in container["env"] if variable["name"] != name]

    return leave_out


def by_a_runtime(inputs: dict[str, Any]) -> None:
    """No GPU, a toleration of none, and the runtime that brings them."""
    without_variable(inputs)
    pod(inputs)["runtimeClassName"] = "nvidia"


def other_account(inputs: dict[str, Any]) -> None:
    pod(inputs)["serviceAccount"] = "deployer"


def annotated(**annotations: str) -> Change:
    return lambda v: v["spec"]["template"]["metadata"]["annotations"].update(annotations)


BYPASSES: list[tuple[str, str, Change, str]] = [
    ("image-digest", "a digest in the tag", container(image="a:b@sha256:" + "0" * 63), "found a:b@sha256"),
    ("image-digest", "a digest and more", container(image=f"{DIGEST} "), "allowed: an image with"),
    ("image-digest", "no image", container(image=None), "found no image"),
    ("image-digest", "in an init container", lambda v: pod(v)["initContainers"][0].update(image="a:1"), "found a:1"),
    ("image-digest", "unknown", container(image=UNKNOWN), "spec.containers[0].image: found a value"),
    ("image-digest", "unknown container", lambda v: pod(v)["containers"].append(UNKNOWN), "spec.containers[1]: found"),
    ("image-digest", "unknown containers", spec(containers=UNKNOWN), "spec.containers: found a value"),
    ("image-digest", "unknown pod", lambda v: v["spec"].update(template=UNKNOWN), "spec: found a value"),
    ("image-digest", "unknown everything", lambda v: v.update(spec=UNKNOWN), "spec: found a value"),
    ("gpu-placement", "by name of a node", spec(nodeName="gpu-1"), "nodeName: found gpu-1"),
    ("gpu-placement", "by a runtime", by_a_runtime, "runtimeClassName: found nvidia in a pod without GPUs"),
    ("gpu-placement", "by a claim", spec(resourceClaims=[{"name": "gpu"}]), "resourceClaims: found"),
    ("gpu-placement", "all visible", variable("NVIDIA_VISIBLE_DEVICES", value="all"), "NVIDIA_VISIBLE_DEVICES=all"),
    ("gpu-placement", "visible from elsewhere", variable("NVIDIA_VISIBLE_DEVICES", valueFrom={}), "from elsewhere"),
    ("gpu-placement", "left to the image", without_variable, "its image may say all"),
    (
        "gpu-placement",
        "all of Habana's",
        variable("HABANA_VISIBLE_DEVICES", value="void"),
        "HABANA_VISIBLE_DEVICES=void",
    ),
    ("gpu-placement", "Habana's, unsaid", unsaid("HABANA_VISIBLE_DEVICES"), "no variable HABANA_VISIBLE_DEVICES"),
    ("gpu-placement", "all of Neuron's", variable("AWS_NEURON_VISIBLE_DEVICES", value="ALL"), "DEVICES=ALL"),
    ("gpu-placement", "one of Ascend's", variable("ASCEND_VISIBLE_DEVICES", value="0"), "ASCEND_VISIBLE_DEVICES=0"),
    ("gpu-placement", "of the pod", spec(resources={"requests": {"amd.com/gpu": "8"}}), "the pod: found amd.com/gpu"),
    ("gpu-placement", "zero", devices("0", "0"), "limit 0"),
    ("gpu-placement", "less than none", devices("-1", "-1"), "limit -1"),
    ("gpu-placement", "a domain like another", spec(tolerations=[toleration("nvidia.com.evil/gpu")]), "tolerations"),
    ("gpu-placement", "an unknown limit", devices(UNKNOWN, "1"), "resources.limits.nvidia.com/gpu: found a value"),  # type: ignore[arg-type]
    ("gpu-placement", "unknown tolerations", spec(tolerations=UNKNOWN), "spec.tolerations: found a value"),
    ("gpu-placement", "a null key", spec(tolerations=[toleration("nvidia.com/gpu"), {"key": None}]), "without a key"),
    ("runner-credentials", "numbered", variable("GITHUB_TOKEN_2", value="x"), "variable GITHUB_TOKEN_2 with a value"),
    ("runner-credentials", "small", variable("npm_token", value="x"), "variable npm_token with a value"),
    ("runner-credentials", "by shape", variable("A", value="ghp_0123456789abcdef"), "variable A with a value"),
    ("runner-credentials", "in an address", variable("A", value="https://a:b@c/"), "variable A with a value"),
    ("runner-credentials", "in a command", container(args=["--key", "AKIA0123456789ABCDEF"]), "a command with"),
    ("runner-credentials", "unknown value", variable("A", value=UNKNOWN), "value: found a value that is known only"),
    ("runner-credentials", "a driver's volume", volume(csi={"driver": "secrets-store.csi.k8s.io"}), "found csi"),
    ("runner-credentials", "a signed certificate", volume(projected={"sources": [{"podCertificate": {}}]}), "podCert"),
    ("runner-credentials", "a new source", volume(projected={"sources": [{"vault": {"path": "x"}}]}), "vault"),
    ("runner-credentials", "an unknown source", variable("A", valueFrom={"vaultRef": {"name": "x"}}), "from vaultRef"),
    ("runner-credentials", "a new envFrom", container(envFrom=[{"vaultRef": {"name": "x"}}]), "envFrom with vaultRef"),
    ("runner-credentials", "a sidecar", sidecar_with_the_registrars_token, "the registrar's token beside job code"),
    ("runner-credentials", "shared processes", spec(shareProcessNamespace=True), "shareProcessNamespace"),
    ("runner-credentials", "the other name of the account", other_account, "serviceAccount: found deployer"),
    ("runner-credentials", "automount unknown", spec(automountServiceAccountToken=UNKNOWN), "automountServiceAccount"),
    ("restricted-pod", "sysctl", context(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "sysctl kernel.msgmax"),
    ("restricted-pod", "procMount", own_context(procMount="Unmasked"), "procMount Unmasked"),
    ("restricted-pod", "SELinux type", context(seLinuxOptions={"type": "spc_t"}), "seLinuxOptions.type: found spc_t"),
    ("restricted-pod", "SELinux user", own_context(seLinuxOptions={"user": "root"}), "seLinuxOptions.user: found root"),
    ("restricted-pod", "SELinux role", own_context(seLinuxOptions={"role": "r"}), "seLinuxOptions.role: found r"),
    ("restricted-pod", "AppArmor", own_context(appArmorProfile={"type": "Unconfined"}), "appArmorProfile: found Unc"),
    (
        "restricted-pod",
        "AppArmor as an annotation",
        annotated(**{"container.apparmor.security.beta.kubernetes.io/runner": "unconfined"}),
        "found unconfined",
    ),
    (
        "restricted-pod",
        "seccomp",
        own_context(seccompProfile={"type": "Unconfined"}),
        "seccompProfile: found Unconfined",
    ),
    ("restricted-pod", "Windows", context(windowsOptions={"hostProcess": True}), "windowsOptions"),
    ("restricted-pod", "another system", spec(os={"name": "windows"}), "os: found windows"),
    ("restricted-pod", "root again", own_context(runAsUser=0), "may be root"),
    ("restricted-pod", "root by the container", own_context(runAsNonRoot=False), "may be root"),
    ("restricted-pod", "root as a number with a point", own_context(runAsUser=0.0), "may be root"),
    ("restricted-pod", "some capabilities", own_context(capabilities={"drop": ["NET_RAW"]}), "drop: [ALL]"),
    ("restricted-pod", "a host's address", container(ports=[{"hostIP": "0.0.0.0"}]), "a host port"),  # noqa: S104
    (
        "restricted-pod",
        "a probe of somebody else",
        container(livenessProbe={"httpGet": {"host": "10.0.0.1", "port": 80}}),
        "livenessProbe to the host 10.0.0.1",
    ),
    (
        "restricted-pod",
        "a hook to somebody else",
        lambda v: runner(v)["lifecycle"].update(postStart={"tcpSocket": {"host": "10.0.0.1", "port": 80}}),
        "postStart to the host",
    ),
    ("restricted-pod", "a block device", container(volumeDevices=[{"name": "work"}]), "volumeDevices: found a field"),
    ("restricted-pod", "a field of tomorrow", spec(hostEverything=True), "hostEverything: found a field"),
    ("restricted-pod", "a container's of tomorrow", container(superuser=True), "superuser: found a field"),
    ("restricted-pod", "a context's of tomorrow", own_context(keepPrivileges=True), "keepPrivileges: found a field"),
    ("restricted-pod", "a pod context's of tomorrow", context(hostUser=1), "hostUser: found a field"),
    ("restricted-pod", "a volume of tomorrow", volume(hostFile={"path": "/"}), "found hostFile"),
    ("restricted-pod", "an empty host path", volume(hostPath={}), "found hostPath"),
    ("restricted-pod", "privileged unknown", own_context(privileged=UNKNOWN), "privileged"),
    ("restricted-pod", "host network unknown", spec(hostNetwork=UNKNOWN), "hostNetwork"),
    ("restricted-pod", "context unknown", container(securityContext=UNKNOWN), "securityContext: found a value"),
    ("restricted-pod", "volumes unknown", spec(volumes=UNKNOWN), "spec.volumes: found a value"),
    ("restricted-pod", "labels unknown", lambda v: v["spec"]["template"].update(metadata=UNKNOWN), "metadata: found"),
]


@pytest.mark.parametrize(
    ("rule", "change", "found"),
    [(rule, change, found) for rule, _, change, found in BYPASSES],
    ids=[f"{rule}: {name}" for rule, name, *_ in BYPASSES],
)
@pytest.mark.parametrize("form", ["as it is", "without the pool's label"])
def test_no_way_around_a_pod_rule(rule: str, change: Change, found: str, form: str) -> None:
    inputs = pool_inputs()
    resource = FORMS[form](inputs) if form in FORMS else made("kubernetes:apps/v1:Deployment", inputs)
    change(inputs)
    messages = [violation.message for violation in violations(rule, [resource], LAB_IMAGES)]
    if (form, found) != ("without the pool's label", "its image may say all"):
        assert [message for message in messages if found in message], messages
    assert all("; allowed: " in message and "; cure: " in message for message in messages)


HARMLESS: list[tuple[str, Change]] = [
    ("names that Pulumi gives", volume(configMap={"name": UNKNOWN})),
    ("safe sysctl", context(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}])),
    ("SELinux container", context(seLinuxOptions={"type": "container_t", "level": "s0"})),
    ("the default procMount", own_context(procMount="Default")),
    ("a profile of the node", own_context(appArmorProfile={"type": "Localhost", "localhostProfile": "x"})),
    ("nothing in words", spec(hostNetwork=None, hostEverything=None)),
    ("a probe of itself", container(readinessProbe={"httpGet": {"port": 80}})),
    ("a place of a token", variable("TOKEN_FILE", value="/x")),
    ("a pattern", variable("PATTERN", value="x")),
    ("a user's path", variable("PATH", value="/usr/bin")),
    ("the runtime that GPUs need", spec(runtimeClassName="nvidia")),
    ("an affinity", spec(affinity={"nodeAffinity": {}}, priorityClassName="low")),
    ("an InfiniBand device", lambda v: runner(v)["resources"]["limits"].update({"rdma/hca": "1"})),
]


@pytest.mark.parametrize("change", [change for _, change in HARMLESS], ids=[name for name, _ in HARMLESS])
def test_what_does_no_harm_passes(change: Change) -> None:
    inputs = pool_inputs()
    change(inputs)
    for rule in {rule for rule, *_ in BYPASSES}:
        assert violations(rule, [made("kubernetes:apps/v1:Deployment", inputs)], LAB_IMAGES) == []


def test_somebody_who_calls_himself_registrar_gets_no_credential(stack: list[Resource]) -> None:
    (registrar,) = [resource for resource in stack if resource.kind == "Deployment" and resource.name == "registrar"]
    secret = [{"name": "s", "secret": {"secretName": "forge-credential"}}]

    def judged(change: Change) -> int:
        resources = changed([registrar], "Deployment", "registrar", change)
        return len(violations("runner-credentials", resources))

    assert judged(lambda v: None) == 0
    assert judged(lambda v: v["metadata"].update(name="registrar-2"))
    assert judged(lambda v: pod(v).update(serviceAccountName="runner"))
    assert judged(lambda v: pod(v)["containers"].append({"name": "job", "image": DIGEST}))
    assert judged(lambda v: v["spec"]["template"]["metadata"]["labels"].update({POOL_LABEL: "x"}))
    assert judged(lambda v: pod(v).update(volumes=secret, initContainers=[{"name": "x"}]))


@pytest.mark.parametrize(
    "type_token",
    [
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:argoproj.io/v1alpha1:Rollout",
        "kubernetes:serving.knative.dev/v1:Service",
        "kubernetes:evil.example/v1:ConfigMap",
        "kubernetes:resource.k8s.io/v1:ResourceClaim",
        "kubernetes:core/v1:LimitRange",  # its defaults give devices to pods that ask for none
        "kubernetes:admissionregistration.k8s.io/v1:MutatingWebhookConfiguration",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "pulumi-python:dynamic:Resource",
        "command:local:Command",
        "github:index/repositoryFile:RepositoryFile",
        "docker:index/container:Container",
    ],
)
def test_what_the_rules_cannot_see_into_is_found(type_token: str) -> None:
    resource = made(type_token, {})
    (violation,) = violations("known-kind", [resource])
    assert f"found {type_token}" in violation.message
    assert violations("known-kind", [resource], {"accept": [type_token]}) == []


def test_an_object_in_disguise_is_found_as_such() -> None:
    assert (
        "a Deployment that is declared as ConfigMap"
        in violations("known-kind", [in_disguise(pool_inputs())])[0].message
    )
    unknown = made("kubernetes:core/v1:ConfigMap", {"kind": UNKNOWN})
    assert "kind: found a value that is known only" in violations("known-kind", [unknown])[0].message
    nameless = made("kubernetes:apps/v1:Deployment", {"metadata": UNKNOWN})
    assert "metadata: found a value that is known only" in violations("known-kind", [nameless])[0].message
    items = made("kubernetes:apps/v1:DeploymentList", {"items": [UNKNOWN]})
    assert "items: found a value" in violations("known-kind", [items])[0].message


OWNERS = {"owners": {"Cml-GPU": "prod"}}


@pytest.mark.parametrize(
    "labels", ["cml-gpu", "CML-gpu", " cml-gpu", "a, cml-gpu ,b", UNKNOWN], ids=["plain", "case", "space", "list", "?"]
)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_label_of_another_stack_is_found_however_it_is_spelled(labels: Any, form: Form) -> None:
    inputs = pool_inputs()
    inputs["spec"]["template"]["metadata"]["annotations"][RUNNER_LABELS_ANNOTATION] = labels
    assert violations("label-owner", [form(inputs)], OWNERS)


def test_unknown_annotations_may_hold_any_label() -> None:
    inputs = pool_inputs()
    inputs["spec"]["template"]["metadata"]["annotations"] = UNKNOWN
    assert violations("label-owner", [made("kubernetes:apps/v1:Deployment", inputs)], OWNERS)


ENFORCE = "pod-security.kubernetes.io/enforce"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda v: v["metadata"]["labels"].update({ENFORCE: UNKNOWN}), "a value that is not known before `up`"),
        (lambda v: v["metadata"].update(labels=UNKNOWN), "metadata.labels: found a value"),
        (lambda v: v["metadata"].pop("labels"), "no Pod Security level"),
        (lambda v: v["metadata"]["labels"].update({f"{ENFORCE}-version": "v1.8"}), "restricted as of v1.8"),
        (lambda v: v["metadata"]["labels"].update({f"{ENFORCE}-version": "v0.99"}), "restricted as of v0.99"),
        (lambda v: v["metadata"]["labels"].update({ENFORCE: "baseline", "app.kubernetes.io/name": "x"}), "baseline"),
    ],
)
def test_a_namespace_cannot_loosen_its_level(change: Change, found: str, stack: list[Resource]) -> None:
    messages = [
        v.message for v in violations("namespace-quota", changed(stack, "Namespace", "gpu-runners-dev", change))
    ]
    assert [message for message in messages if found in message], messages


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda v: v["spec"].update(hard={"requests.rdma/hca": "1"}), "no cap on GPUs"),
        (lambda v: v["spec"].update(hard={"requests.amd.com/gpu": "1"}), "no cap on nvidia.com/gpu"),
        (lambda v: v["spec"].update(scopes=["NotTerminating"]), "no cap on GPUs"),
        (lambda v: v["spec"].update(scopeSelector={"matchExpressions": [{}]}), "no cap on GPUs"),
        (lambda v: v["spec"].update(hard={"requests.nvidia.com/gpu": "-1"}), "no cap on GPUs"),
        (lambda v: v["spec"].update(hard=UNKNOWN), "spec.hard: found a value"),
        (lambda v: v["metadata"].update(namespace="elsewhere"), "no cap on GPUs"),
    ],
)
def test_a_quota_that_lets_gpus_through_is_none(change: Change, found: str, stack: list[Resource]) -> None:
    messages = [
        v.message
        for v in violations("namespace-quota", changed(stack, "ResourceQuota", "gpu-runners-dev-gpus", change))
    ]
    assert [message for message in messages if found in message], messages


def test_a_patch_loosens_neither_level_nor_quota() -> None:
    level = made("kubernetes:core/v1:NamespacePatch", {"metadata": {"name": "x", "labels": {ENFORCE: "privileged"}}})
    assert "found privileged" in violations("namespace-quota", [level])[0].message
    cap = made("kubernetes:core/v1:ResourceQuotaPatch", {"spec": {"hard": {"requests.nvidia.com/gpu": "99"}}})
    assert "a patch of what it caps" in violations("namespace-quota", [cap])[0].message
    people = made("kubernetes:core/v1:NamespacePatch", {"metadata": {"name": "x", "labels": {"team": "a"}}})
    assert violations("namespace-quota", [people]) == []


def test_a_namespace_that_calls_itself_the_registrars_is_judged(stack: list[Resource]) -> None:
    labels = {ENFORCE: "restricted", "app.kubernetes.io/name": "registrar"}
    spoof = made("kubernetes:core/v1:Namespace", {"metadata": {"name": "spoof", "labels": labels}})
    assert "namespace spoof: found no cap on GPUs" in violations("namespace-quota", [*stack, spoof])[0].message


BUDGETS = {"budgets": {"dev": {"nvidia.com/gpu": 4}}}
NAMED = {"kind": "Deployment", "name": "cuda"}
PAUSED = "autoscaling.keda.sh/paused-replicas"


def autoscaler(most: Any, target: dict[str, str] | None = None, namespace: str = "gpu-runners-dev") -> Resource:
    spec = {"scaleTargetRef": target or NAMED, **({} if most is None else {"maxReplicas": most})}
    return made(
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {"metadata": {"namespace": namespace}, "spec": spec}
    )


def scaled_object(annotations: Any = None, **spec: Any) -> Resource:
    metadata = {"namespace": "gpu-runners-dev", **({"annotations": annotations} if annotations else {})}
    inputs = {"metadata": metadata, "spec": {"scaleTargetRef": {"name": "cuda"}, **spec}}
    return made("kubernetes:keda.sh/v1alpha1:ScaledObject", {"kind": "ScaledObject", **inputs})


def patch(**spec: Any) -> Resource:
    metadata = {"name": "cuda", "namespace": "gpu-runners-dev"}
    return made("kubernetes:apps/v1:DeploymentPatch", {"metadata": metadata, "spec": spec})


def workload(type_token: str, **spec: Any) -> Resource:
    return made(type_token, {"spec": {"template": pool_inputs()["spec"]["template"], **spec}})


@pytest.mark.parametrize(
    ("added", "found"),
    [
        (workload("kubernetes:apps/v1:StatefulSet", replicas=4), "5 nvidia.com/gpu"),
        (workload("kubernetes:apps/v1:StatefulSet", replicas="4"), "5 nvidia.com/gpu"),
        (workload("kubernetes:apps/v1:StatefulSet", replicas=UNKNOWN), "replicas: a value that is not known"),
        (workload("kubernetes:apps/v1:StatefulSet", replicas=-4), "replicas: -4"),
        (workload("kubernetes:batch/v1:Job", parallelism=4), "5 nvidia.com/gpu"),
        (workload("kubernetes:apps/v1:DaemonSet"), "one pod for each node"),
        (
            made("kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": pool_inputs()["spec"]}}}),
            "may overlap",
        ),
        (as_a_custom_resource(pool_inputs()), "101 nvidia.com/gpu"),
        (patch(replicas=5), "5 nvidia.com/gpu"),
        (patch(strategy={"rollingUpdate": {"maxSurge": 9}}), "a patch of the strategy"),
        (
            made("kubernetes:apps/v1:DeploymentPatch", {"metadata": {"name": "x"}, "spec": {"replicas": 1}}),
            "a patch of",
        ),
        (autoscaler(5), "5 nvidia.com/gpu"),
        (autoscaler(None), "an autoscaler without a maximum"),
        (autoscaler(UNKNOWN), "an autoscaler without a maximum"),
        (
            autoscaler(1, {"kind": "Deployment", "name": "elsewhere"}),
            "an autoscaler of what this stack does not declare",
        ),
        (autoscaler(1, namespace="elsewhere"), "an autoscaler of what this stack does not declare"),
        (scaled_object(maxReplicaCount=5), "5 nvidia.com/gpu"),
        (scaled_object(), "100 nvidia.com/gpu"),
        (scaled_object(maxReplicaCount=UNKNOWN), "an autoscaler without a maximum"),
        # A paused workload has as many as the annotation says: no maximum holds for it.
        (scaled_object({PAUSED: "50"}, maxReplicaCount=1), "50 nvidia.com/gpu"),
        (scaled_object({PAUSED: UNKNOWN}, maxReplicaCount=1), "an autoscaler without a maximum"),
        (scaled_object(UNKNOWN, maxReplicaCount=1), "an autoscaler without a maximum"),
        (scaled_object({PAUSED: "many"}, maxReplicaCount=1), "an autoscaler without a maximum"),
        (scaled_object(minReplicaCount=7, maxReplicaCount=1), "7 nvidia.com/gpu"),
    ],
)
def test_no_way_around_the_budget(added: Resource, found: str, stack: list[Resource]) -> None:
    messages = [violation.message for violation in violations("gpu-budget", [*stack, added], BUDGETS)]
    assert [message for message in messages if found in message], messages


def pool_with(change: Change, ignored: tuple[str, ...] = ()) -> list[Resource]:
    inputs = pool_inputs()
    change(inputs)
    return [made("kubernetes:apps/v1:Deployment", inputs, ignored)]


def test_devices_are_counted_however_they_are_written() -> None:
    for amount in ("1k", "1e3", "1000", 1000, 1000.0, "+1000"):
        (violation,) = violations("gpu-budget", pool_with(devices(amount, amount)), BUDGETS)  # type: ignore[arg-type]
        assert "found 1000 nvidia.com/gpu" in violation.message
    request_only = pool_with(lambda v: runner(v)["resources"].update(limits={}, requests={"nvidia.com/gpu": "9"}))
    assert "found 9 nvidia.com/gpu" in violations("gpu-budget", request_only, BUDGETS)[0].message
    assert violations("gpu-budget", pool_with(devices(UNKNOWN, "1")), BUDGETS)  # type: ignore[arg-type]


def test_a_rolling_update_holds_more_than_its_replicas() -> None:
    def surging(**strategy: Any) -> Change:
        return lambda v: v["spec"].update(replicas=4, strategy=strategy)

    for strategy in ({}, {"rollingUpdate": {"maxSurge": "1%"}}, {"rollingUpdate": {"maxSurge": 1}}):
        assert "found 5 nvidia.com/gpu" in violations("gpu-budget", pool_with(surging(**strategy)), BUDGETS)[0].message
    unknown = surging(rollingUpdate={"maxSurge": UNKNOWN})
    assert "found 8 nvidia.com/gpu" in violations("gpu-budget", pool_with(unknown), BUDGETS)[0].message
    assert violations("gpu-budget", pool_with(surging(type="Recreate")), BUDGETS) == []
    assert violations("gpu-budget", pool_with(surging(rollingUpdate={"maxSurge": 0})), BUDGETS) == []


@pytest.mark.parametrize("ignored", ["spec.replicas", 'spec["replicas"]', "spec", "*", "spec.*"])
def test_a_pool_whose_replicas_are_anybodys_needs_a_maximum(ignored: str) -> None:
    pool = pool_with(lambda v: None, (ignored,))
    for settings in ({}, BUDGETS):
        (violation,) = violations("gpu-budget", pool, settings)
        assert "Deployment cuda: found an autoscaler without a maximum; allowed: a maximum" in violation.message
    assert violations("gpu-budget", pool, {"maximums": {"gpu-runners-dev/cuda": 4}} | BUDGETS) == []
    (beyond,) = violations("gpu-budget", pool, {"maximums": {"gpu-runners-dev/cuda": 5}} | BUDGETS)
    assert "found 5 nvidia.com/gpu; allowed: at most 4" in beyond.message
    assert violations("gpu-budget", [*pool, autoscaler(4)], BUDGETS) == []
    assert violations("gpu-budget", [*pool, scaled_object(maxReplicaCount=4)], BUDGETS) == []
    # What KEDA is told counts, not what somebody agreed to.
    spoken = {"maximums": {"gpu-runners-dev/cuda": 1}} | BUDGETS
    assert violations("gpu-budget", [*pool, scaled_object(maxReplicaCount=5)], spoken)
    assert violations("gpu-budget", [*pool, autoscaler(9), autoscaler(1)], spoken)
    assert violations("gpu-budget", [*pool, autoscaler(None), autoscaler(1)], spoken)


def test_an_autoscaled_pool_without_gpus_needs_none() -> None:
    pool = pool_with(lambda v: runner(v).update(resources={}), ("spec.replicas",))
    assert violations("gpu-budget", pool, BUDGETS) == []


@pytest.mark.parametrize("value", [True, "true", UNKNOWN])
@pytest.mark.parametrize("kind", ["ActionsRunnerGroup", "EnterpriseActionsRunnerGroup"])
def test_a_group_that_may_be_open_is_found(value: Any, kind: str) -> None:
    token = f"github:index/{kind[0].lower()}{kind[1:]}:{kind}"
    assert violations("private-runner-group", [made(token, {"allowsPublicRepositories": value})])
    assert violations("private-runner-group", [made(token, {"allowsPublicRepositories": False})]) == []
    ignored = made(token, {"allowsPublicRepositories": False}, ("allowsPublicRepositories",))
    assert violations("private-runner-group", [ignored])


def test_every_rule_has_ways_around_it_in_these_tests() -> None:
    of_their_own = {"known-kind", "namespace-quota", "private-runner-group", "label-owner", "gpu-budget"}
    assert {rule for rule, *_ in BYPASSES} | of_their_own == set(BY_NAME)
