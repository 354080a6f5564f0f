"""The suite's registrar as a victim: its pod killed, its number changed, its process frozen."""

from lab.faults import machine
from lab.faults.place import Place
from lab.trial.kubernetes import Json
from values import contract

SUCCESSOR_SECONDS = 60.0


def kill(place: Place) -> None:
    """Ends its pod without a chance to say goodbye; does not wait for its successor."""
    name = place.registrar()["metadata"]["name"]
    place.api.delete(f"{pods_path(place)}/{name}", gracePeriodSeconds=0)


def until_serving(place: Place, count: int = 1) -> None:
    """Waits until so many registrars serve, and nobody else is there."""

    def serving() -> bool:
        pods = place.api.items(pods_path(place))
        return len(pods) == count and all(map(_is_ready, pods))

    place.until(f"{count} registrars serve", serving, SUCCESSOR_SECONDS)


def scale(place: Place, count: int) -> None:
    """Changes the number of its Deployment's pods."""
    path = f"/apis/apps/v1/namespaces/{place.system}/deployments/{contract.SERVICE_NAME}"
    place.api.patch(path, {"spec": {"replicas": count}})


def freeze(place: Place) -> str:
    """Stops its process without ending it; returns the container's id for `thaw`."""
    (container,) = place.registrar()["status"]["containerStatuses"]
    number = str(container["containerID"]).removeprefix("containerd://")
    machine.task("pause", number)
    return number


def thaw(container: str) -> None:
    """Lets a frozen process go on."""
    machine.task("resume", container)


def restarts(place: Place) -> int:
    """How often its container was started anew in the same pod."""
    return sum(int(status["restartCount"]) for status in place.registrar()["status"]["containerStatuses"])


def pods_path(place: Place) -> str:
    """Where its pods are."""
    return f"/api/v1/namespaces/{place.system}/pods"


def _is_ready(pod: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
