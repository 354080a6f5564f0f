"""Waits until a changed registrar is the one that answers.

The provider waits for a new Deployment. After a change it takes the ReplicaSet's size for what is wanted, which is zero
while a `Recreate` still removes the old pod, and calls that done.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from access.clock import Clock
from access.cluster.errors import ClusterError
from values.contract import SERVICE_NAME

DEADLINE_SECONDS: Final = 120.0
PAUSE_SECONDS: Final = 0.3

Get = Callable[[str, Mapping[str, str]], Mapping[str, Any]]


class RegistrarNotReadyError(Exception):
    """The changed registrar does not answer. The message says what its pod says, and where to look."""


def rollout_gap(deployment: Mapping[str, Any]) -> str:
    """What is missing until the Deployment runs its present template and nothing else; "" when nothing is."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "the change has not been seen by the Deployment controller"
    wanted = deployment["spec"]["replicas"]
    counts = {name: status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    if all(count == wanted for count in counts.values()):
        return ""
    return ", ".join(f"{name} {count} of {wanted}" for name, count in counts.items())


def pod_troubles(pods: Mapping[str, Any]) -> list[str]:
    """Why containers of these pods wait or have ended, one line each."""
    lines = []
    for pod in pods.get("items", []):
        for status in pod.get("status", {}).get("containerStatuses", []):
            details = [*status.get("state", {}).values(), *status.get("lastState", {}).values()]
            reasons = [
                f"{detail['reason']} {detail.get('message', '')}".strip() for detail in details if "reason" in detail
            ]
            lines += [f"{pod['metadata']['name']}: {reason}" for reason in reasons]
    return lines


def wait_for_rollout(get: Get, namespace: str, clock: Clock) -> None:
    """Returns when the registrar's present template is ready. Raises RegistrarNotReadyError after DEADLINE_SECONDS."""
    start = clock.now()
    while True:
        try:
            gap = rollout_gap(get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{SERVICE_NAME}", {}))
        except ClusterError as error:
            gap = error.problem.found
        if not gap:
            return
        if clock.now() - start >= DEADLINE_SECONDS:
            raise RegistrarNotReadyError(
                "\n  ".join(
                    [
                        f"the registrar is not ready {DEADLINE_SECONDS:.0f} s after its change: {gap}",
                        *_pod_troubles(get, namespace),
                        f"cure: see `kubectl logs -n {namespace} deployment/{SERVICE_NAME}`, correct the platform's "
                        "registrar and run `pulumi up`",
                    ]
                )
            )
        clock.sleep(PAUSE_SECONDS)


def still_changing(namespace: str) -> str:
    """What somebody is told who ends the wait."""
    return (
        "ended before the changed registrar was ready; it goes on without this `up`: see "
        f"`kubectl rollout status -n {namespace} deployment/{SERVICE_NAME}`"
    )


def _pod_troubles(get: Get, namespace: str) -> list[str]:
    try:
        selector = {"labelSelector": f"app.kubernetes.io/name={SERVICE_NAME}"}
        return pod_troubles(get(f"/api/v1/namespaces/{namespace}/pods", selector))
    except ClusterError as error:
        return [f"its pods cannot be read: {error.problem.found}"]
