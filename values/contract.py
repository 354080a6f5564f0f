"""The names that the pod built by `components` and the registrar must agree on.

Standard library only, and no behaviour: this is the one module of `registrar` that `components` may import, so nothing
here may lead either side into the other's code.
"""

from collections.abc import Mapping
from typing import Final

DOMAIN: Final = "gpu-runners.dev"

# What every object of the program has.
OWN_LABELS: Final[Mapping[str, str]] = {
    "app.kubernetes.io/managed-by": "pulumi",
    "app.kubernetes.io/part-of": "gpu-runners",
}
STACK_ANNOTATION: Final = f"{DOMAIN}/stack"  # of a namespace: the stack that makes it

# Written by the program.
POOL_LABEL: Final = f"{DOMAIN}/pool"  # Kubernetes label of a pod: its pool's name
PREPULL_LABEL: Final = f"{DOMAIN}/prepull"  # the same of a pod that only has a pool's images pulled ahead
RUNNER_LABELS_ANNOTATION: Final = f"{DOMAIN}/runner-labels"  # pod template: the runner labels, comma separated
MOST_RUNNERS_ANNOTATION: Final = f"{DOMAIN}/most-runners"  # Deployment: how many runners its autoscaler may make
LEAST_RUNNERS_ANNOTATION: Final = f"{DOMAIN}/least-runners"  # the same: how many it keeps
IDLE_SECONDS_ANNOTATION: Final = f"{DOMAIN}/idle-seconds"  # the same: how long a runner stays that no job needs
AUTOSCALED_ANNOTATION: Final = f"{DOMAIN}/autoscaled"  # the same: "true" where another autoscaler sets its runners

# Written by the registrar, through the pod's status subresource.
RUNNER_ID_ANNOTATION: Final = f"{DOMAIN}/runner-id"  # the forge's id, stored before a registration is answered
BUSY_ANNOTATION: Final = f"{DOMAIN}/busy"  # the latch: the forge's job id, or BUSY_WITH_UNKNOWN_JOB
BUSY_WITH_UNKNOWN_JOB: Final = "unknown"
QUEUED_SECONDS_ANNOTATION: Final = f"{DOMAIN}/queued-seconds"  # with the latch: how long its job waited for a runner
ONLINE_GATE: Final = f"{DOMAIN}/online"  # readiness gate and pod condition: has been online, never taken back
DELETION_COST_ANNOTATION: Final = "controller.kubernetes.io/pod-deletion-cost"

# The pod.
RUNNER_USER: Final = 1001  # uid and gid of both containers
RUNNER_CONTAINER: Final = "runner"
OWN_POOL_VARIABLE: Final = "GPU_RUNNERS_POOL"  # of the runner's container: its pool, as namespace/name
OWN_IMAGE_VARIABLE: Final = "GPU_RUNNERS_IMAGE"  # the same: the image that it runs, as its pool names it
OWN_GPUS_VARIABLE: Final = (
    "GPU_RUNNERS_GPUS"  # at GitHub: the devices that it asks for, e.g. 2 nvidia.com/gpu; "" for none
)
QUEUE_TIME_VARIABLE: Final = "GPU_RUNNERS_QUEUE_TIME"  # at GitHub: the file that holds QUEUED_SECONDS_ANNOTATION
REGISTRATION_CONTAINER: Final = "registration"  # the init container
TOKEN_AUDIENCE: Final = "registrar"  # noqa: S105 - the audience of a token, not a token
# Of the token that job code can read: it asks for rights of a job, and never for a registration.
JOB_TOKEN_AUDIENCE: Final = "registrar-job"  # noqa: S105 - the same

# Where a pod finds the registrar.
REGISTRAR_PORT: Final = 8443  # registrations, for pods of granted namespaces
REGISTRAR_STATUS_PORT: Final = 8444  # metrics, queue, runners, health: closed to granted namespaces
REGISTRAR_QUEUE_PORT: Final = 8445  # one pool's jobs, for the autoscaler of its namespace, by its certificate
SERVICE_NAME: Final = "registrar"
TRUST_CONFIG_MAP: Final = "registrar"  # written by the platform stack into every granted namespace
TRUST_CA_KEY: Final = "ca.crt"  # PEM
TRUST_URL_KEY: Final = "url"  # https://registrar.<namespace>.svc:8443
TRUST_FORGE_CA_KEY: Final = "forge-ca.crt"  # PEM, only where the forge's certificate is signed by a CA of its own
TRUST_QUEUE_KEY: Final = "queue"  # where the autoscaler of its pools reads the queue, only where there is one
QUEUE_AUTHENTICATION: Final = "registrar"  # the TriggerAuthentication with which it does
TRUST_FORGE_KEY: Final = "forge"  # "gitea" or "github"
CREDENTIAL_PLUGIN_KEY: Final = "credential.py"  # in namespaces whose jobs may act as an account
REGISTRATIONS_PATH: Final = "/registrations"
CREDENTIALS_PATH: Final = "/credentials"  # and the account: a short-lived token of it for the job that runs
HEALTH_PATH: Final = "/healthz"
METRICS_PATH: Final = "/metrics"
QUEUE_PATH: Final = "/queue"
UNSERVED_PATH: Final = "/unserved"  # jobs that wait and that no pool can take, with the cure
RUNNERS_PATH: Final = "/runners"
JOBS_PATH: Final = "/jobs"  # each job that waits or works, and the pools that could take it
FORGE_PATH: Final = "/forge"  # whether the forge answers for each scope, as one of these words
FORGE_ANSWERS: Final = "answers"
FORGE_REFUSES: Final = "refuses"  # the credential or the scope is wrong
FORGE_UNREACHABLE: Final = "unreachable"
REMOVALS_PATH: Final = "/runners/removals"  # POST, with a token of the registrar's own account for that audience
REMOVALS_AUDIENCE: Final = "registrar-removals"

# What the registrar's credential must be allowed at GitHub, by kind of scope: an App's tokens are narrowed to it.
# contents: whether the commit of a run is one of the branch that it names, as a tag may have the same name (of an
# organization the runner group's restriction to workflows says so), and to comment on the commit of a lost job.
GITHUB_REPOSITORY_PERMISSIONS: Final = {
    "administration": "write",
    "actions": "read",
    "contents": "read",
    "metadata": "read",
}
GITHUB_ORGANIZATION_PERMISSIONS: Final = {
    "organization_self_hosted_runners": "write",
    "actions": "read",
    "contents": "read",
    "metadata": "read",
}
# Beside these, where lost jobs are run again.
GITHUB_RERUN_PERMISSIONS: Final = {"actions": "write"}
# An organization has no list of jobs, and a look into a repository costs a call: no more of a group's are looked into.
GITHUB_MOST_REPOSITORIES: Final = 20

# How a runner's container ends.
OUTDATED_EXIT_CODE: Final = 7  # GitHub's runner: this version is no longer served
TERMINATED_EXIT_CODE: Final = 143  # SIGTERM ended it, as the kubelet sends it where a pod is deleted

# Where the registrar's own pod finds what it needs.
CONFIG_PATH: Final = "/etc/registrar/config.json"
CREDENTIAL_PATH: Final = "/etc/registrar/credential/token"
# beside the token, for a GitHub App: these instead of it
APP_ID_FILE: Final = "app-id"
APP_INSTALLATION_FILE: Final = "installation-id"
APP_KEY_FILE: Final = "private-key"
TLS_CERTIFICATE_PATH: Final = "/etc/registrar/tls/tls.crt"
TLS_KEY_PATH: Final = "/etc/registrar/tls/tls.key"

# Reasons of the registrar's Events. The waiting `up` reads some of them, people read all of them.
REGISTRATION_ISSUED: Final = "RegistrationIssued"
REGISTRATION_REFUSED: Final = "RegistrationRefused"
REGISTRATION_BRAKED: Final = "RegistrationBraked"
REGISTRATION_AFTER_OTHERS: Final = "RegistrationAfterOthers"  # an earlier job's runner waits for a place first
REGISTRATION_REMOVED: Final = "RegistrationRemoved"
RUNNER_ONLINE: Final = "RunnerOnline"
RUNNER_CORDONED: Final = "RunnerCordoned"
RUNNER_COMPLETED: Final = "RunnerCompleted"
RUNNER_FAILED: Final = "RunnerFailed"
RUNNER_LEFT: Final = "RunnerLeft"  # deleted while it had no job, and ended by that: nothing went wrong
RUNNER_LOST: Final = "RunnerLost"
CREDENTIAL_ISSUED: Final = "CredentialIssued"
CREDENTIAL_REFUSED: Final = "CredentialRefused"
JOB_STARTED: Final = "JobStarted"
JOB_LOST: Final = "JobLost"
JOB_RUN_AGAIN: Final = "JobRunAgain"
JOB_NOT_RUN_AGAIN: Final = "JobNotRunAgain"
NOT_ONLINE: Final = "NotOnline"
GHOST_REMOVED: Final = "GhostRemoved"
FORGE_UNKNOWN: Final = "ForgeUnknown"
POOL_WAITING: Final = "PoolWaiting"


def kubeconfig_key(account: str) -> str:
    """Of the ConfigMap that pods trust: the kubeconfig by which a job gets the rights of an account."""
    return f"{account}.kubeconfig"
