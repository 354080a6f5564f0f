"""What the registrar says of its forge, and what it means that it says nothing. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.contract import FORGE_ANSWERS, FORGE_REFUSES, FORGE_UNREACHABLE

CHECK: Final = "registrar"
_MOST_TROUBLES: Final = 3
_REFUSED: Final = (
    "give it a credential that holds (`pulumi config set --secret`, then `pulumi up`), or correct the scope; this was "
    "answered to the credential in the cluster, not to the one in this config"
)
_UNREACHABLE: Final = (
    "the egress of the registrar, the cluster's DNS, its proxy, or the forge itself: "
    "`kubectl --namespace {namespace} logs deployment/registrar` says which host"
)


def of_forge(namespace: str, answer: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding for each scope, from the registrar's answer."""
    scopes = answer.get("scopes")
    listed = [entry for entry in scopes if isinstance(entry, dict)] if isinstance(scopes, list) else []
    if not listed:
        yield unknown(CHECK, "it answers what this program does not understand", "bring up the platform's stack again")
        return
    yield ok(CHECK, f"it runs in {namespace} and answers")
    for entry in listed:
        scope, state, said = (str(entry.get(name) or "") for name in ("scope", "state", "problem"))
        check = f"forge from inside, {scope or 'all of it'}"
        if state == FORGE_ANSWERS:
            yield ok(check, "the registrar reaches it, and its credential is accepted")
        elif state == FORGE_REFUSES:
            yield failed(check, f"it refuses the registrar: {said}", _REFUSED)
        elif state == FORGE_UNREACHABLE:
            yield failed(check, f"the registrar does not reach it: {said}", _UNREACHABLE.format(namespace=namespace))
        else:
            yield unknown(check, f"the registrar says {state!r}", "bring up the platform's stack again")


def of_silence(namespace: str, said: str, pods: Sequence[Mapping[str, Any]] | None) -> Finding:
    """It does not answer. said: the API server's words; pods: the registrar's, None where nobody may look."""
    kubectl = f"kubectl --namespace {namespace}"
    cure = f"`{kubectl} describe pods` and `{kubectl} logs deployment/registrar`"
    if pods is None:
        return failed(CHECK, f"it does not answer: {said}", cure)
    # One that is leaving answers nobody any more, whatever its state says.
    pods = [pod for pod in pods if not pod.get("metadata", {}).get("deletionTimestamp")]
    if not pods:
        cure = f"`{kubectl} describe replicasets` says why none is made; then `pulumi up`"
        return failed(CHECK, "it is down: there is no pod of it", cure)
    troubles = [trouble for pod in pods for trouble in _troubles(pod)]
    if troubles:
        return failed(CHECK, f"it is down: {'; '.join(troubles[:_MOST_TROUBLES])}", cure)
    found = f"its pod runs and does not answer the API server: {said}"
    return failed(CHECK, found, f"see that nodes of the API server reach pods on port 8444; {cure}")


def _troubles(pod: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a pod from running, in its own words."""
    name, status = pod.get("metadata", {}).get("name", ""), pod.get("status", {})
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"{name} has no node: {condition.get('message', '')}".rstrip(": ")
    for container in _containers(status):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        last = (container.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason"):
            code = f", it ended with {last['exitCode']}" if "exitCode" in last else ""
            yield f"{name}: {waiting['reason']}{code} {waiting.get('message', '')}".strip()
        elif ended:
            yield f"{name}: ended with {ended.get('exitCode')} {ended.get('reason', '')}".strip()


def _containers(status: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
