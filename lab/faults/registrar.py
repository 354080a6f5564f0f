"""The suite's registrar as a victim: its pod killed, its number changed, its process frozen."""

from lab.faults import machine
from lab.faults.place import Place
from lab.trial.kubernetes import Json
from values import contract

SUCCESSOR_SECONDS = 60.0


def kill(place: Place) -> None:
    """Kills its process and deletes its pod, so that its successor need not wait; does not wait for that one."""
    pod = place.registrar()
    for number in containers(pod):
        machine.task("kill", "--signal", "SIGKILL", number)
    place.api.delete(f"{pods_path(place)}/{pod['metadata']['name']}", gracePeriodSeconds=0)


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
    (number,) = containers(place.registrar())
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


def containers(pod: Json) -> list[str]:
    """The ids of its containers that run."""
    statuses = pod["status"].get("containerStatuses", ())
    return [str(s["containerID"]).removeprefix("containerd://") for s in statuses if "running" in s["state"]]


def _is_ready(pod: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
