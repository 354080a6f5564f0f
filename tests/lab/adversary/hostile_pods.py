"""What somebody who may deploy would write into a pod, one thing at a time: a change, and the field of the refusal."""

from typing import Any, Final

from components.runner_volumes import QUEUE_TIME_FIELD, QUEUE_TIME_KEY
from tests.lab.adversary.written_pods import Change, Json
from values.pod_variables import VISIBLE_DEVICES

TEN_YEARS: Final = 315360000
QUEUE_TIME: Final = "spec.volumes[queue-time].downwardAPI.items[seconds].fieldRef.fieldPath"
ROOT_MOUNT: Final = {"name": "host", "hostPath": {"path": "/"}}


def _spec(**fields: Any) -> Change:
    return lambda template: template["spec"].update(fields)


def _runner(**fields: Any) -> Change:
    return lambda template: template["spec"]["containers"][0].update(fields)


def _registration(**fields: Any) -> Change:
    return lambda template: template["spec"]["initContainers"][0].update(fields)


def _security(**fields: Any) -> Change:
    return lambda template: template["spec"]["containers"][0]["securityContext"].update(fields)


def _of_pod(**fields: Any) -> Change:
    return lambda template: template["spec"]["securityContext"].update(fields)


def _annotation(key: str, value: str) -> Change:
    return lambda template: template["metadata"]["annotations"].update({key: value})


def _label(key: str, value: str) -> Change:
    return lambda template: template["metadata"]["labels"].update({key: value})


def _metadata(**fields: Any) -> Change:
    return lambda template: template["metadata"].update(fields)


def _variable(where: str = "containers", **variable: Any) -> Change:
    return lambda template: template["spec"][where][0]["env"].append(variable)


def _without_variable(name: str) -> Change:
    def change(template: Json) -> None:
        container = template["spec"]["containers"][0]
        container["env"] = [variable for variable in container["env"] if variable["name"] != name]

    return change


def _set_variable(name: str, value: str, where: str = "containers") -> Change:
    def change(template: Json) -> None:
        for variable in template["spec"][where][0]["env"]:
            if variable["name"] == name:
                variable["value"] = value

    return change


def _volume(**volume: Any) -> Change:
    return lambda template: template["spec"]["volumes"].append({"name": "odd", **volume})


def _work(**source: Any) -> Change:
    def change(template: Json) -> None:
        for volume in template["spec"]["volumes"]:
            if volume["name"] == "work":
                del volume["emptyDir"]
                volume.update(source)

    return change


def _queue_time(field: str, path: str = QUEUE_TIME_KEY) -> Change:
    items = [{"path": path, "fieldRef": {"fieldPath": field}}]
    return _volume(name="queue-time", downwardAPI={"items": items, "defaultMode": 0o444})


def _token(**fields: Any) -> Change:
    def change(template: Json) -> None:
        for volume in template["spec"]["volumes"]:
            if volume["name"] == "registrar-token":
                volume["projected"]["sources"][0]["serviceAccountToken"].update(fields)

    return change


def _token_source(source: Json) -> Change:
    def change(template: Json) -> None:
        for volume in template["spec"]["volumes"]:
            if volume["name"] == "registrar-token":
                volume["projected"]["sources"].append(source)

    return change


def _asking(number: int, source: Json | None) -> Change:
    """Another source in the volume by which jobs of base runners ask for rights, or one more, or one less."""

    def change(template: Json) -> None:
        for volume in template["spec"]["volumes"]:
            if volume["name"] == "job-credential":
                volume["projected"]["sources"][number : number + 1] = [source] if source else []

    return change


def _job_token(**fields: Any) -> Change:
    token = {"audience": "registrar-job", "expirationSeconds": 600, "path": "token", **fields}
    return _asking(0, {"serviceAccountToken": token})


def _mount(**mount: Any) -> Change:
    return lambda template: template["spec"]["containers"][0]["volumeMounts"].append(mount)


def _remount(**fields: Any) -> Change:
    return lambda template: template["spec"]["containers"][0]["volumeMounts"][2].update(fields)


def _sidecar(kind: str, **fields: Any) -> Change:
    def change(template: Json) -> None:
        copied = {key: value for key, value in template["spec"]["containers"][0].items() if key != "lifecycle"}
        template["spec"][kind].append({**copied, "name": "miner", **fields})

    return change


def _resource(kind: str, **amounts: str | None) -> Change:
    def change(template: Json) -> None:
        resources = template["spec"]["containers"][0]["resources"][kind]
        for name, amount in amounts.items():
            key = name.replace("_", "-")
            if amount is None:
                del resources[key]
            else:
                resources[key] = amount

    return change


def _devices(resource: str, count: str, *, keep_void: bool = False) -> Change:
    def change(template: Json) -> None:
        container = template["spec"]["containers"][0]
        for kind in ("requests", "limits"):
            container["resources"][kind][resource] = count
        if not keep_void:
            _without_variable("NVIDIA_VISIBLE_DEVICES")(template)

    return change


def _toleration(**toleration: Any) -> Change:
    return lambda template: template["spec"]["tolerations"].append(toleration)


def _after(first: Change, second: Change) -> Change:
    def change(template: Json) -> None:
        first(template)
        second(template)

    return change


HTTP: Final = {"httpGet": {"path": "/", "port": 80}}
SECRET: Final = {"secretKeyRef": {"name": "s", "key": "k"}}

HOSTILE: Final[dict[str, tuple[Change, str]]] = {
    # where it runs, and before whom
    "priority class": (_spec(priorityClassName="system-node-critical"), "spec.priorityClassName"),
    "priority": (_spec(priority=2000001000), "spec.priority"),
    "preemption": (_spec(preemptionPolicy="Never"), "spec.preemptionPolicy"),
    "node by name": (_spec(nodeName="lab"), "spec.nodeName"),
    "scheduler": (_spec(schedulerName="mine"), "spec.schedulerName"),
    "scheduling gate": (_spec(schedulingGates=[{"name": "a.b/c"}]), "spec.schedulingGates"),
    "affinity": (
        _spec(
            affinity={
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}
                    ]
                }
            }
        ),
        "spec.affinity",
    ),
    "spread": (
        _spec(
            topologySpreadConstraints=[
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
            ]
        ),
        "spec.topologySpreadConstraints",
    ),
    "many selectors": (_spec(nodeSelector={f"k{n}": "v" for n in range(40)}), "spec.nodeSelector"),
    "toleration of everything": (_toleration(operator="Exists"), "spec.tolerations[].key"),
    "toleration of the control plane": (
        _toleration(key="node-role.kubernetes.io/control-plane", operator="Exists"),
        "spec.tolerations[].key",
    ),
    "toleration of a drain": (
        _toleration(key="node.kubernetes.io/unschedulable", operator="Exists", effect="NoSchedule"),
        "spec.tolerations[].key",
    ),
    "many tolerations": (
        _spec(tolerations=[{"key": f"k{n}", "operator": "Exists"} for n in range(60)]),
        "spec.tolerations",
    ),
    "runtime class": (_spec(runtimeClassName="nvidia"), "spec.runtimeClassName"),
    "overhead": (_spec(overhead={"cpu": "1"}), "spec.overhead"),
    "operating system": (_spec(os={"name": "linux"}), "spec.os"),
    "user namespace": (_spec(hostUsers=True), "spec.hostUsers"),
    # the node
    "host network": (_spec(hostNetwork=True), "spec.hostNetwork"),
    "host processes": (_spec(hostPID=True), "spec.hostPID"),
    "host IPC": (_spec(hostIPC=True), "spec.hostIPC"),
    "shared processes": (_spec(shareProcessNamespace=True), "spec.shareProcessNamespace"),
    "host port": (_runner(ports=[{"containerPort": 80, "hostPort": 80}]), "spec.containers[runner].ports"),
    "host path": (_volume(hostPath={"path": "/"}), "spec.volumes[odd].hostPath"),
    "host path under our name": (_work(hostPath={"path": "/"}), "spec.volumes[work].hostPath"),
    "escalation": (
        _security(allowPrivilegeEscalation=True),
        "spec.containers[runner].securityContext.allowPrivilegeEscalation",
    ),
    "capability": (
        _security(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
        "spec.containers[runner].securityContext.capabilities.add",
    ),
    "capabilities kept": (
        _security(capabilities={"drop": ["NET_RAW"]}),
        "spec.containers[runner].securityContext.capabilities.drop",
    ),
    "root": (_of_pod(runAsUser=0, runAsNonRoot=False), "spec.securityContext.runAs"),
    "root in the container": (_security(runAsUser=0), "spec.containers[runner].securityContext.runAsUser"),
    "another group": (_of_pod(fsGroup=0), "spec.securityContext.fsGroup"),
    "more groups": (_of_pod(supplementalGroups=[44]), "spec.securityContext.supplementalGroups"),
    "kernel settings": (
        _of_pod(sysctls=[{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]),
        "spec.securityContext.sysctls",
    ),
    "unconfined": (_of_pod(seccompProfile={"type": "Unconfined"}), "spec.securityContext.seccompProfile.type"),
    "a profile of the node": (
        _of_pod(seccompProfile={"type": "Localhost", "localhostProfile": "x"}),
        "spec.securityContext.seccompProfile",
    ),
    "SELinux": (_of_pod(seLinuxOptions={"level": "s0"}), "spec.securityContext.seLinuxOptions"),
    "AppArmor": (_of_pod(appArmorProfile={"type": "Unconfined"}), "spec.securityContext.appArmorProfile"),
    "propagation": (
        _remount(mountPropagation="HostToContainer"),
        "spec.containers[runner].volumeMounts[work].mountPropagation",
    ),
    # volumes
    "Secret": (_volume(secret={"secretName": "s"}), "spec.volumes[odd].secret"),
    "Secret under our name": (_work(secret={"secretName": "s"}), "spec.volumes[work].secret"),
    "projected Secret": (
        _token_source({"secret": {"name": "s"}}),
        "spec.volumes[registrar-token].projected.sources[].secret",
    ),
    "claim": (_volume(persistentVolumeClaim={"claimName": "c"}), "spec.volumes[odd].persistentVolumeClaim"),
    "ephemeral claim": (
        _volume(
            ephemeral={
                "volumeClaimTemplate": {
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Ti"}}}
                }
            }
        ),
        "spec.volumes[odd].ephemeral",
    ),
    "NFS": (_volume(nfs={"server": "10.85.0.1", "path": "/"}), "spec.volumes[odd].nfs"),
    "driver": (_volume(csi={"driver": "secrets-store.csi.k8s.io"}), "spec.volumes[odd].csi"),
    "image as a volume": (_volume(image={"reference": "elsewhere/a:1"}), "spec.volumes[odd].image"),
    "another ConfigMap": (_volume(configMap={"name": "pools-closed"}), "spec.volumes[odd]"),
    "all annotations": (_queue_time("metadata.annotations"), QUEUE_TIME),
    "another annotation": (_queue_time("metadata.annotations['x']"), QUEUE_TIME),
    "its uid": (_queue_time("metadata.uid"), QUEUE_TIME),
    "an annotation as another file": (
        _queue_time(QUEUE_TIME_FIELD, path="x"),
        "spec.volumes[queue-time].downwardAPI.items[",
    ),
    "volume of no name": (_volume(emptyDir={"sizeLimit": "1Mi"}), "spec.volumes"),
    "no size": (_work(emptyDir={}), "spec.volumes[work].emptyDir.sizeLimit"),
    "huge size": (_work(emptyDir={"sizeLimit": "3Ti"}), "spec.volumes[work].emptyDir.sizeLimit"),
    "huge pages": (_work(emptyDir={"medium": "HugePages", "sizeLimit": "1Mi"}), "spec.volumes[work].emptyDir.medium"),
    "token for a cloud": (
        _token(audience="sts.amazonaws.com"),
        "spec.volumes[registrar-token].projected.sources[].serviceAccountToken",
    ),
    "token for the API server": (
        _token(audience=""),
        "spec.volumes[registrar-token].projected.sources[].serviceAccountToken.audience",
    ),
    "token for a day": (
        _token(expirationSeconds=86400),
        "spec.volumes[registrar-token].projected.sources[].serviceAccountToken.expirationSeconds",
    ),
    "the registrar's token for jobs": (
        _mount(name="registrar-token", mountPath="/token"),
        "spec.containers[runner].volumeMounts",
    ),
    "the registrar's address for jobs": (
        _remount(name="registrar-trust"),
        "spec.containers[runner].volumeMounts[registrar-trust]",
    ),
    "devices by mount": (
        _remount(mountPath="/var/run/nvidia-container-devices/all"),
        "spec.containers[runner].volumeMounts[work]",
    ),
    "sub path": (_remount(subPath="x"), "spec.containers[runner].volumeMounts[work]"),
    "sub path expression": (_remount(subPathExpr="$(HOME)"), "spec.containers[runner].volumeMounts[work].subPathExpr"),
    # containers
    "sidecar": (_sidecar("containers"), "spec.containers"),
    "init container": (_sidecar("initContainers", restartPolicy=None), "spec.initContainers"),
    "init sidecar": (_sidecar("initContainers", restartPolicy="Always"), "spec.initContainers"),
    "registration that stays": (
        _registration(restartPolicy="Always"),
        "spec.initContainers[registration].restartPolicy",
    ),
    "no registration": (_spec(initContainers=[]), "spec.initContainers"),
    "renamed": (_runner(name="main"), "spec.containers[main].name"),
    "foreign image": (_runner(image="elsewhere/cuda:12"), "spec.containers[runner].image"),
    "image of a namesake": (_runner(image="lab.locals/cuda:1"), "spec.containers[runner].image"),
    "image by half a digest": (_runner(image="lab.local/a@sha256:00"), "spec.containers[runner].image"),
    "foreign image that registers": (_registration(image="elsewhere/r:1"), "spec.initContainers[registration].image"),
    "arguments": (_runner(args=["x"]), "spec.containers[runner].args"),
    "another command": (_runner(command=["/bin/bash"]), "spec.containers[runner].command"),
    "long script": (_runner(command=["/bin/sh", "-c", "#" * 20000]), "spec.containers"),
    "restarts": (_runner(restartPolicy="Always"), "spec.containers[runner].restartPolicy"),
    "restart rules": (
        _runner(restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]),
        "spec.containers[runner].restartPolicyRules",
    ),
    "terminal": (_runner(tty=True, stdin=True), "spec.containers[runner]."),
    "liveness probe": (_runner(livenessProbe=HTTP), "spec.containers[runner].livenessProbe"),
    "readiness probe": (_runner(readinessProbe=HTTP), "spec.containers[runner].readinessProbe"),
    "startup probe": (_runner(startupProbe=HTTP), "spec.containers[runner].startupProbe"),
    "hook after the start": (
        _runner(lifecycle={"postStart": {"exec": {"command": ["x"]}}}),
        "spec.containers[runner].lifecycle",
    ),
    "hook by HTTP": (_runner(lifecycle={"preStop": HTTP}), "spec.containers[runner].lifecycle.preStop.httpGet"),
    "hook that sleeps": (
        _runner(lifecycle={"preStop": {"sleep": {"seconds": 5}}}),
        "spec.containers[runner].lifecycle.preStop.sleep",
    ),
    "signal": (_after(_spec(os={"name": "linux"}), _runner(lifecycle={"stopSignal": "SIGKILL"})), "spec."),
    "pulled never": (_runner(imagePullPolicy="Never"), "spec.containers[runner].imagePullPolicy"),
    "pulled never while registering": (
        _registration(imagePullPolicy="Never"),
        "spec.initContainers[registration].imagePullPolicy",
    ),
    "a message that jobs may fill": (
        _runner(terminationMessagePath="/dev/termination-log"),
        "spec.containers[runner].terminationMessagePath",
    ),
    "message from elsewhere": (
        _runner(terminationMessagePath="/etc/passwd"),
        "spec.containers[runner].terminationMessagePath",
    ),
    # variables
    "variable from a Secret": (_variable(name="HOME", valueFrom=SECRET), "spec.containers[runner].env"),
    "variable from a field": (
        _variable(name="USER", valueFrom={"fieldRef": {"fieldPath": "spec.nodeName"}}),
        "spec.containers[runner].env",
    ),
    "all of a Secret": (_runner(envFrom=[{"secretRef": {"name": "s"}}]), "spec.containers[runner].envFrom"),
    "all of a ConfigMap": (_runner(envFrom=[{"configMapRef": {"name": "s"}}]), "spec.containers[runner].envFrom"),
    "unknown variable": (
        _after(_without_variable("USER"), _variable(name="LD_PRELOAD", value="/x")),
        "spec.containers[runner].env[LD_PRELOAD]",
    ),
    "driver capabilities": (
        _after(_without_variable("USER"), _variable(name="NVIDIA_DRIVER_CAPABILITIES", value="all")),
        "spec.containers[runner].env[NVIDIA_DRIVER_CAPABILITIES]",
    ),
    "long variable": (_set_variable("USER", "x" * 2000), "spec.containers[runner].env[USER].value"),
    # GPUs that nobody granted
    "all GPUs": (_set_variable("NVIDIA_VISIBLE_DEVICES", "all"), "spec.containers[runner].env[NVIDIA_VISIBLE_DEVICES]"),
    "one GPU by number": (
        _set_variable("NVIDIA_VISIBLE_DEVICES", "0"),
        "spec.containers[runner].env[NVIDIA_VISIBLE_DEVICES]",
    ),
    "GPUs left to the image": (
        _without_variable("NVIDIA_VISIBLE_DEVICES"),
        "spec.containers[runner].env[NVIDIA_VISIBLE_DEVICES]",
    ),
    "GPUs named twice": (
        _after(_without_variable("USER"), _variable(name="NVIDIA_VISIBLE_DEVICES", value="all")),
        "spec.containers[runner].env[NVIDIA_VISIBLE_DEVICES]",
    ),
    "all GPUs while registering": (
        _set_variable("NVIDIA_VISIBLE_DEVICES", "all", "initContainers"),
        "spec.initContainers[registration].env[NVIDIA_VISIBLE_DEVICES]",
    ),
    "all GPUs beside one": (
        _after(_devices("nvidia.com/gpu", "1", keep_void=True), _set_variable("NVIDIA_VISIBLE_DEVICES", "all")),
        "spec.containers[runner].env[NVIDIA_VISIBLE_DEVICES]",
    ),
    **{
        f"{what}, by {devices.name}": (change, f"spec.{place}.env[{devices.name}]")
        for devices in VISIBLE_DEVICES
        for what, change, place in (
            ("all devices", _set_variable(devices.name, "all"), "containers[runner]"),
            ("no word", _set_variable(devices.name, ""), "containers[runner]"),
            ("devices left to the image", _without_variable(devices.name), "containers[runner]"),
            ("devices to register", _set_variable(devices.name, "0", "initContainers"), "initContainers[registration]"),
        )
    },
    "none of a GPU, and the image's word for which": (
        _devices("nvidia.com/gpu", "0"),
        "spec.containers[runner].resources.limits.nvidia.com/gpu",
    ),
    "more than the grant": (_devices("nvidia.com/gpu", "9"), "spec.containers[runner].resources.limits.nvidia.com/gpu"),
    "slices past the grant": (
        _devices("nvidia.com/mig-1g.10gb", "8"),
        "spec.containers[runner].resources.limits.nvidia.com/mig-1g.10gb",
    ),
    "slices of another size": (
        _devices("nvidia.com/mig-7g.80gb", "1"),
        "spec.containers[runner].resources.limits.nvidia.com/mig-7g.80gb",
    ),
    "another vendor": (
        _devices("gpu.intel.com/i915", "1", keep_void=True),
        "spec.containers[runner].resources.limits.gpu.intel.com/i915",
    ),
    "GPUs while registering": (
        _registration(
            resources={
                "requests": {"cpu": "1", "memory": "1Mi", "ephemeral-storage": "1Mi", "nvidia.com/gpu": "1"},
                "limits": {"memory": "1Mi", "ephemeral-storage": "1Mi", "nvidia.com/gpu": "1"},
            }
        ),
        "spec.initContainers[registration].resources.limits.nvidia.com/gpu",
    ),
    "claims of devices": (
        _spec(resourceClaims=[{"name": "g", "resourceClaimTemplateName": "g"}]),
        "spec.resourceClaims",
    ),
    "claims of devices in the container": (
        _after(
            _spec(resourceClaims=[{"name": "g", "resourceClaimTemplateName": "g"}]),
            lambda template: template["spec"]["containers"][0]["resources"].update(claims=[{"name": "g"}]),
        ),
        "spec.",
    ),
    "devices by annotation": (
        _annotation("cdi.k8s.io/gpu", "nvidia.com/gpu=all"),
        "metadata.annotations.cdi.k8s.io/gpu",
    ),
    # how much of the node
    "resources of the pod": (_spec(resources={"limits": {"memory": "1Gi"}}), "spec.resources"),
    "no limits": (_runner(resources={}), "spec.containers[runner].resources"),
    "no memory limit": (_resource("limits", memory=None), "spec.containers[runner].resources.limits.memory"),
    "more memory than requested": (
        _resource("limits", memory="64Gi"),
        "spec.containers[runner].resources.requests.memory",
    ),
    "the node's memory while registering": (
        _registration(
            resources={
                "requests": {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"},
                "limits": {"memory": "1E", "ephemeral-storage": "1Mi"},
            }
        ),
        "spec.initContainers[registration].resources.limits.memory",
    ),
    "no limit on the disk": (
        _resource("limits", ephemeral_storage=None),
        "spec.containers[runner].resources.limits.ephemeral-storage",
    ),
    "all of the disk": (
        _resource("limits", ephemeral_storage="3Ti"),
        "spec.containers[runner].resources.limits.ephemeral-storage",
    ),
    "huge pages as a resource": (
        lambda template: [
            template["spec"]["containers"][0]["resources"][kind].update({"hugepages-2Mi": "2Mi"})
            for kind in ("requests", "limits")
        ],
        "spec.containers[runner].resources.limits.hugepages-2Mi",
    ),
    "grace of ten years": (_spec(terminationGracePeriodSeconds=TEN_YEARS), "spec.terminationGracePeriodSeconds"),
    # who it is
    "another account": (_spec(serviceAccountName="default", serviceAccount="default"), "spec.serviceAccountName"),
    "a deployer": (_spec(serviceAccountName="deployer", serviceAccount="deployer"), "spec.serviceAccountName"),
    "pull secret": (_spec(imagePullSecrets=[{"name": "s"}]), "spec.imagePullSecrets"),
    "host name": (_spec(hostname="registrar"), "spec.hostname"),
    "sub domain": (_spec(subdomain="registrar"), "spec.subdomain"),
    "full host name": (_spec(setHostnameAsFQDN=True), "spec.setHostnameAsFQDN"),
    "names of one's own": (_spec(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["registrar"]}]), "spec.hostAliases"),
    "name servers of one's own": (_spec(dnsConfig={"nameservers": ["10.0.0.1"]}), "spec.dnsConfig"),
    "DNS policy": (_spec(dnsPolicy="Default"), "spec.dnsPolicy"),
    "service links": (_spec(enableServiceLinks=True), "spec.enableServiceLinks"),
    "no gate": (_spec(readinessGates=[]), "spec.readinessGates: found nothing"),
    "a gate of one's own": (_spec(readinessGates=[{"conditionType": "a.b/c"}]), "spec.readinessGates[].conditionType"),
    # what the registrar and the controllers read
    "a runner's id from birth": (
        _annotation("gpu-runners.dev/runner-id", "1"),
        "metadata.annotations.gpu-runners.dev/runner-id",
    ),
    "a runner's id of 4,301 digits": (
        _annotation("gpu-runners.dev/runner-id", "9" * 4301),
        "metadata.annotations.gpu-runners.dev/runner-id",
    ),
    "busy from birth": (_annotation("gpu-runners.dev/busy", "../../x"), "metadata.annotations.gpu-runners.dev/busy"),
    "some annotation of ours": (_annotation("gpu-runners.dev/x", "1"), "metadata.annotations.gpu-runners.dev/x"),
    "deletion cost": (
        _annotation("controller.kubernetes.io/pod-deletion-cost", "2147483647"),
        "metadata.annotations.controller.kubernetes.io/pod-deletion-cost",
    ),
    "AppArmor by annotation": (
        _annotation("container.apparmor.security.beta.kubernetes.io/runner", "unconfined"),
        "metadata.annotations.container.apparmor.security.beta.kubernetes.io/runner",
    ),
    "finalizer": (_metadata(finalizers=["a.b/c"]), "metadata.finalizers"),
    "the base runner's label": (
        _annotation("gpu-runners.dev/runner-labels", "self-hosted"),
        "metadata.annotations.gpu-runners.dev/runner-labels",
    ),
    "the base runner's label beside an own": (
        _annotation("gpu-runners.dev/runner-labels", "closed, self-hosted"),
        "metadata.annotations.gpu-runners.dev/runner-labels",
    ),
    "the base runner's label in capitals": (
        _annotation("gpu-runners.dev/runner-labels", "SELF-HOSTED"),
        "metadata.annotations.gpu-runners.dev/runner-labels",
    ),
    "no runner label": (
        lambda template: template["metadata"]["annotations"].pop("gpu-runners.dev/runner-labels"),
        "metadata.annotations.gpu-runners.dev/runner-labels",
    ),
    "a thousand labels": (
        _annotation("gpu-runners.dev/runner-labels", ",".join(["closed"] * 1000)),
        "metadata: allowed what a pool declares",
    ),
    "the name of a pool that is none": (_label("gpu-runners.dev/pool", "a_b"), "metadata.labels.gpu-runners.dev/pool"),
    "a label of one's own": (_label("app", "registrar"), "metadata.labels.app"),
    "another part of the program": (
        _label("app.kubernetes.io/name", "registrar"),
        "metadata.labels.app.kubernetes.io/name",
    ),
}
LOGIN: Final = "http://user:password@10.85.0.1:3128"
HOSTILE_PROXIES: Final[dict[str, tuple[Change, str]]] = {
    "a proxy with a login": (_variable(name="HTTPS_PROXY", value=LOGIN), "spec.containers[runner].env[HTTP_PROXY]"),
    "a proxy with a login while registering": (
        _variable("initContainers", name="https_proxy", value=LOGIN),
        "spec.initContainers[registration].env[HTTP_PROXY]",
    ),
    "a proxy out of a Secret": (
        _variable(name="HTTPS_PROXY", valueFrom=SECRET),
        "spec.containers[runner].env[HTTPS_PROXY].valueFrom",
    ),
    "another proxy variable": (
        _variable(name="ALL_PROXY", value="http://a:1"),
        "spec.containers[runner].env[ALL_PROXY]",
    ),
}
# Where some extras are granted, others are as foreign as elsewhere.
HOSTILE_EXTRAS: Final[dict[str, tuple[Change, str]]] = {
    "another pull Secret": (_spec(imagePullSecrets=[{"name": "forge-credential"}]), "spec.imagePullSecrets"),
    "a pull Secret beside a granted one": (
        _spec(imagePullSecrets=[{"name": "registry"}, {"name": "other"}]),
        "spec.imagePullSecrets[other].name",
    ),
    "many pull Secrets": (
        _spec(imagePullSecrets=[{"name": name} for name in ("registry", "second", "third")]),
        "spec.imagePullSecrets",
    ),
    "another variable": (_variable(name="LD_PRELOAD", value="/x"), "spec.containers[runner].env[LD_PRELOAD]"),
    "a granted variable out of a Secret": (
        _variable(name="HF_HOME", valueFrom=SECRET),
        "spec.containers[runner].env[HF_HOME].valueFrom",
    ),
    "a granted variable that is too long": (
        _variable(name="HF_HOME", value="x" * 2000),
        "spec.containers[runner].env[HF_HOME].value",
    ),
    "a granted variable while registering": (
        _variable("initContainers", name="HF_HOME", value="/x"),
        "spec.initContainers[registration].env",
    ),
    "another runtime class": (_spec(runtimeClassName="other"), "spec.runtimeClassName: found other"),
    "another priority class": (_spec(priorityClassName="system-node-critical"), "spec.priorityClassName: found system"),
    "a priority of one's own": (_spec(priority=1000), "spec.priority"),
    "a ConfigMap as variables": (_runner(envFrom=[{"configMapRef": {"name": "s"}}]), "spec.containers[runner].envFrom"),
    "a claim": (_volume(persistentVolumeClaim={"claimName": "c"}), "spec.volumes[odd].persistentVolumeClaim"),
    "a cache that is read, to be written": (
        _volume(name="cache-datasets", persistentVolumeClaim={"claimName": "datasets"}),
        "spec.volumes[cache-datasets].persistentVolumeClaim.readOnly: found false, allowed true, but for models",
    ),
    "a cache under another one's name": (
        _volume(name="cache-models", persistentVolumeClaim={"claimName": "datasets", "readOnly": True}),
        "spec.volumes[cache-models].name",
    ),
    "a claim under a cache's name": (
        _volume(name="cache-models", persistentVolumeClaim={"claimName": "other"}),
        "spec.volumes[cache-models].persistentVolumeClaim.claimName",
    ),
    "a host path under a cache's name": (
        _volume(name="cache-models", hostPath={"path": "/"}),
        "spec.volumes[cache-models].hostPath",
    ),
    "a cache over the image": (
        _after(
            _volume(name="cache-models", persistentVolumeClaim={"claimName": "models"}),
            _mount(name="cache-models", mountPath="/usr"),
        ),
        "spec.containers[runner].volumeMounts[cache-models]",
    ),
    "a part of a cache": (
        _after(
            _volume(name="cache-models", persistentVolumeClaim={"claimName": "models"}),
            _mount(name="cache-models", mountPath="/caches/models", subPath="x"),
        ),
        "spec.containers[runner].volumeMounts[cache-models]",
    ),
    "a cache while registering": (
        _after(
            _volume(name="cache-models", persistentVolumeClaim={"claimName": "models"}),
            lambda template: template["spec"]["initContainers"][0]["volumeMounts"].append(
                {"name": "cache-models", "mountPath": "/caches/models"}
            ),
        ),
        "spec.initContainers[registration].volumeMounts",
    ),
}
# A pod has other words for this one: the API server adds a volume before anybody judges.
HOSTILE_POOLS: Final[dict[str, tuple[Change, str]]] = {
    "a token that nobody asked for": (_spec(automountServiceAccountToken=True), "spec.automountServiceAccountToken"),
}
# A pod template has none of these.
HOSTILE_PODS: Final[dict[str, tuple[Change, str]]] = {
    "owned by a Job": (
        _metadata(ownerReferences=[{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u"}]),
        "metadata.ownerReferences[j]",
    ),
    "a token that nobody asked for": (_spec(automountServiceAccountToken=True), "kube-api-access-"),
    "owned by a node, as a static pod": (
        _metadata(ownerReferences=[{"apiVersion": "v1", "kind": "Node", "name": "lab", "uid": "u"}]),
        "metadata.ownerReferences[lab]",
    ),
    "two owners": (
        _metadata(
            ownerReferences=[
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name} for name in "ab"
            ]
        ),
        "metadata.ownerReferences",
    ),
    "never to be restarted": (_spec(restartPolicy="Never"), "spec.restartPolicy"),
    "killed by the clock": (_spec(activeDeadlineSeconds=5), "spec.activeDeadlineSeconds"),
}
# The API server's own rules refuse these before any policy is asked.
INVALID: Final[dict[str, Change]] = {
    "block device": _runner(volumeDevices=[{"name": "work", "devicePath": "/dev/sda"}]),
    "privileged": _security(privileged=True, allowPrivilegeEscalation=True),
    "proc": _security(procMount="Unmasked"),
    "mirror of a static pod": _annotation("kubernetes.io/config.mirror", "x"),
}

ASKING: Final = "spec.volumes[job-credential].projected.sources"
CA_OF_KUBERNETES: Final = {"key": "ca.crt", "path": "kubernetes-ca.crt"}
# Of base runners, whose jobs may ask for rights; in other namespaces nothing may ask at all.
HOSTILE_BASE: Final[dict[str, tuple[Change, str]]] = {
    "a job with a token for the API server": (_job_token(audience=""), f"{ASKING}[].serviceAccountToken.audience"),
    "a job with a token for a cloud": (_job_token(audience="sts.amazonaws.com"), ASKING),
    "a job with a token for registrations": (_job_token(audience="registrar"), ASKING),
    "a job with a token for a day": (_job_token(expirationSeconds=86400), ASKING),
    "a registration with a token of jobs": (
        _token(audience="registrar-job"),
        "spec.volumes[registrar-token].projected.sources",
    ),
    "no token": (_asking(0, None), ASKING),
    "two tokens": (
        _asking(1, {"serviceAccountToken": {"audience": "registrar-job", "expirationSeconds": 600, "path": "token"}}),
        ASKING,
    ),
    "one more": (_asking(3, {"configMap": {"name": "registrar"}}), ASKING),
    "a plugin of another ConfigMap": (
        _asking(1, {"configMap": {"name": "pools-closed"}}),
        f"{ASKING}[].configMap.name",
    ),
    "a plugin alone": (
        _asking(1, {"configMap": {"name": "registrar", "items": [{"key": "credential.py", "path": "credential.py"}]}}),
        ASKING,
    ),
    "another CA of Kubernetes": (
        _asking(2, {"configMap": {"name": "registrar", "items": [CA_OF_KUBERNETES]}}),
        ASKING,
    ),
    "a Secret beside it": (_asking(1, {"secret": {"name": "s"}}), f"{ASKING}[].secret"),
    "names of the pod": (
        _asking(2, {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]}}),
        f"{ASKING}[].downwardAPI",
    ),
    "a kubeconfig of the job's": (
        _set_variable("KUBECONFIG", "/work/kubeconfig"),
        "spec.containers[runner].env[KUBECONFIG]",
    ),
    "two kubeconfigs": (
        _set_variable("KUBECONFIG", "/var/run/job-credential/deployer.kubeconfig:/work/kubeconfig"),
        "spec.containers[runner].env[KUBECONFIG]",
    ),
    "a kubeconfig for the registration": (
        _variable("initContainers", name="KUBECONFIG", value="/var/run/job-credential/deployer.kubeconfig"),
        "spec.initContainers[registration].env",
    ),
    "where every client looks": (
        _mount(name="job-credential", mountPath="/var/run/secrets/kubernetes.io/serviceaccount"),
        "spec.containers[runner].volumeMounts",
    ),
    "the deployer itself": (
        _spec(serviceAccountName="deployer", serviceAccount="deployer"),
        "spec.serviceAccountName",
    ),
    "the previewer itself": (
        _spec(serviceAccountName="previewer", serviceAccount="previewer"),
        "spec.serviceAccountName",
    ),
}
