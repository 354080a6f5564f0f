"""What a state of this program may hold. Whatever is not here was put there by somebody else.

A test holds the types against what the program really registers: none is missing, none is spare.
"""

import re
from typing import Final

PROJECT: Final = "gpu-runners"
STACK_TYPE: Final = "pulumi:pulumi:Stack"
KUBERNETES_PROVIDER: Final = "pulumi:providers:kubernetes"
GITHUB_PROVIDER: Final = "pulumi:providers:github"
PROVIDERS: Final = (KUBERNETES_PROVIDER, GITHUB_PROVIDER)

COMPONENTS: Final = frozenset(
    f"gpu-runners:index:{name}"
    for name in (
        "Auditor",
        "AutoscalerGrant",
        "Deployer",
        "ForgeCredential",
        "ForgeRepository",
        "OnlinePools",
        "Previewer",
        "Registrar",
        "RegistrarCertificate",
        "RegistrarGrant",
        "RegistrarNamespace",
        "RunnerAdmission",
        "RunnerDeployment",
        "RunnerGroup",
        "RunnerNamespace",
    )
)
KUBERNETES_TYPES: Final = frozenset(
    f"kubernetes:{kind}"
    for kind in (
        "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
        "apps/v1:DaemonSet",
        "apps/v1:Deployment",
        "core/v1:ConfigMap",
        "core/v1:Namespace",
        "core/v1:PersistentVolumeClaim",
        "core/v1:ResourceQuota",
        "core/v1:Secret",
        "core/v1:Service",
        "core/v1:ServiceAccount",
        "keda.sh/v1alpha1:ScaledObject",
        "keda.sh/v1alpha1:TriggerAuthentication",
        "networking.k8s.io/v1:NetworkPolicy",
        "rbac.authorization.k8s.io/v1:ClusterRole",
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1:Role",
        "rbac.authorization.k8s.io/v1:RoleBinding",
    )
)
GITHUB_TYPES: Final = frozenset(
    f"github:index/{name[0].lower()}{name[1:]}:{name}"
    for name in (
        "ActionsEnvironmentSecret",
        "ActionsEnvironmentVariable",
        "ActionsRepositoryPermissions",
        "ActionsRunnerGroup",
        "ActionsSecret",
        "ActionsVariable",
        "RepositoryEnvironment",
        "RepositoryEnvironmentDeploymentPolicy",
    )
)

# Without a platform a stack is pools alone. Who deploys them writes their state, and a Namespace or a Role in it would
# go with the next `up` of somebody who may do more.
POOLS_TYPES: Final = frozenset(
    {
        *(f"gpu-runners:index:{name}" for name in ("OnlinePools", "RunnerDeployment")),
        "kubernetes:apps/v1:DaemonSet",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        KUBERNETES_PROVIDER,
        STACK_TYPE,
    }
)

# A resource's fields as Pulumi 3.x writes them (sdk/go/common/apitype, ResourceV3). What reads a foreign object
# (`external`), loads it from an import or belongs to another resource's view is none of this program's.
RESOURCE_FIELDS: Final = frozenset(
    {
        "urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect", "dependencies", "initErrors",
        "provider", "propertyDependencies", "pendingReplacement", "additionalSecretOutputs", "aliases",
        "customTimeouts", "created", "modified", "sourcePosition", "stackTrace", "ignoreChanges", "replaceOnChanges",
        "resourceHooks", "refreshBeforeUpdate", "taint", "retainOnDelete", "deletedWith",
    }
)  # fmt: skip
DEPLOYMENT_FIELDS: Final = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})
OPERATIONS: Final = frozenset({"creating", "updating", "deleting", "reading", "importing"})
MANIFEST_PLUGINS: Final = frozenset({"kubernetes", "github", "python"})

# Beside the version, a default provider has what `kubernetes:` keys of the stack's own config gave it, and no more: an
# exec plugin in a kubeconfig is a command that runs in the process of whoever looks at the stack.
KUBERNETES_CONFIG: Final = frozenset({"kubeconfig", "context", "cluster", "namespace"})
GITHUB_INPUTS: Final = frozenset({"owner", "baseUrl", "token", "appAuth", "writeDelayMs"})

# How Pulumi marks a value that is no plain JSON, and the one mark that this program's values have
# (sdk/go/common/resource/sig).
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, not a secret

VERSION: Final = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[0-9A-Za-z.-]{1,40})?", re.ASCII)
PROVIDER_NAME: Final = {
    KUBERNETES_PROVIDER: re.compile(r"default(?:_\d{1,4}_\d{1,4}_\d{1,4}(?:_[0-9A-Za-z_]{1,40})?)?", re.ASCII),
    GITHUB_PROVIDER: re.compile(r"github-[A-Za-z0-9_.-]{1,100}", re.ASCII),
}
OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?", re.ASCII)
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_RESOURCES: Final = 50_000
