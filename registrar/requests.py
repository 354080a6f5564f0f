"""What every request of a pod has to pass: its namespace and account have a grant, and the pod is alive and its own."""

from registrar.cluster import Cluster
from registrar.identity import PodIdentity, RegistrationRefusedError
from registrar.pods import RunnerPod
from registrar.settings import Settings
from values.grant import Grant


def granted(settings: Settings, identity: PodIdentity) -> Grant:
    """The grant that a pod asks under. Raises RegistrationRefusedError."""
    grant = settings.grant_for(identity.namespace)
    if grant is None:
        raise RegistrationRefusedError(403, "NamespaceNotGranted", f"namespace {identity.namespace} has no grant")
    if identity.service_account not in grant.service_accounts:
        allowed = ", ".join(grant.service_accounts)
        message = f"ServiceAccount {identity.service_account} may not register runners; allowed: {allowed}"
        raise RegistrationRefusedError(403, "ServiceAccountNotGranted", message)
    return grant


async def alive(api: Cluster, identity: PodIdentity) -> RunnerPod:
    """The pod as the API server has it now: a token outlives its pod, and a watch may be behind.

    Raises RegistrationRefusedError, and what the API server's client raises.
    """
    pod = await api.get(identity.namespace, identity.pod_name)
    if pod is None or pod.uid != identity.pod_uid:
        raise RegistrationRefusedError(403, "PodUnknown", "the token's pod does not exist or is no runner's pod")
    if pod.service_account != identity.service_account:
        raise RegistrationRefusedError(403, "PodUnknown", "the token's pod runs under another ServiceAccount")
    return pod
