"""The fields of a pod that restricted-pod accepts, as Kubernetes 1.36 has them: harmless ones and judged ones.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from typing import Final

from policy_rules.unknown import EACH, Path
from policy_rules.workloads import CONTAINERS

HOST_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC")
ACCEPTED_POD: Final = frozenset(
    (
        *HOST_NAMESPACES,
        *CONTAINERS,
        *("activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy"),
        *("enableServiceLinks", "hostAliases", "hostUsers", "hostname", "imagePullSecrets", "nodeSelector", "os"),
        *("overhead", "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "resources"),
        *("restartPolicy", "schedulerName", "schedulingGates", "securityContext", "serviceAccountName"),
        *("setHostnameAsFQDN", "subdomain", "terminationGracePeriodSeconds", "tolerations"),
        *("topologySpreadConstraints", "volumes"),
        # Judged by gpu-placement and runner-credentials.
        *("nodeName", "runtimeClassName", "resourceClaims", "serviceAccount", "shareProcessNamespace"),
    )
)
_ACCEPTED_CONTEXT: Final = (
    *("appArmorProfile", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxOptions", "seccompProfile"),
    "windowsOptions",
)
ACCEPTED_POD_CONTEXT: Final = frozenset(
    (
        *_ACCEPTED_CONTEXT,
        *("fsGroup", "fsGroupChangePolicy", "seLinuxChangePolicy", "supplementalGroups", "supplementalGroupsPolicy"),
        "sysctls",
    )
)
ACCEPTED_CONTAINER_CONTEXT: Final = frozenset(
    (
        *_ACCEPTED_CONTEXT,
        *("allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"),
    )
)
ACCEPTED_CONTAINER: Final = frozenset(
    (
        *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name"),
        *("ports", "readinessProbe", "resizePolicy", "resources", "restartPolicy", "restartPolicyRules"),
        *("securityContext", "startupProbe", "stdin", "stdinOnce", "targetContainerName"),
        *("terminationMessagePath", "terminationMessagePolicy", "tty", "volumeMounts", "workingDir"),
    )
)
VOLUMES: Final = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
)
# Names of other objects, which Pulumi may give itself: they name a thing and say nothing of the pod.
MAY_BE_UNKNOWN: Final[tuple[Path, ...]] = (
    ("spec", "volumes", EACH, "configMap", "name"),
    ("spec", "volumes", EACH, "secret", "secretName"),
    ("spec", "volumes", EACH, "persistentVolumeClaim", "claimName"),
    ("spec", "volumes", EACH, "projected", "sources", EACH, "configMap", "name"),
    *(("spec", name, EACH, "env", EACH, "valueFrom", "configMapKeyRef", "name") for name in CONTAINERS),
    *(("spec", name, EACH, "envFrom", EACH, "configMapRef", "name") for name in CONTAINERS),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "annotations", EACH),
)
