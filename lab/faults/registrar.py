"""The suite's registrar as a victim: its pod killed, its number changed, its process frozen."""

from lab.faults import machine
from lab.faults.scene import Scene
from lab.trial.kubernetes import Json
from values import contract

SUCCESSOR_SECONDS = 60.0


def kill(scene: Scene) -> None:
    """Ends its pod without a chance to say goodbye; does not wait for its successor."""
    name = scene.registrar()["metadata"]["name"]
    scene.api.delete(f"{pods_path(scene)}/{name}", gracePeriodSeconds=0)


def until_serving(scene: Scene, count: int = 1) -> None:
    """Waits until so many registrars serve, and nobody else is there."""

    def serving() -> bool:
        pods = scene.api.items(pods_path(scene))
        return len(pods) == count and all(map(_is_ready, pods))

    scene.until(f"{count} registrars serve", serving, SUCCESSOR_SECONDS)


def scale(scene: Scene, count: int) -> None:
    """Changes the number of its Deployment's pods."""
    path = f"/apis/apps/v1/namespaces/{scene.system}/deployments/{contract.SERVICE_NAME}"
    scene.api.patch(path, {"spec": {"replicas": count}})


def freeze(scene: Scene) -> str:
    """Stops its process without ending it; returns the container's id for `thaw`."""
    (container,) = scene.registrar()["status"]["containerStatuses"]
    number = str(container["containerID"]).removeprefix("containerd://")
    machine.task("pause", number)
    return number


def thaw(container: str) -> None:
    """Lets a frozen process go on."""
    machine.task("resume", container)


def restarts(scene: Scene) -> int:
    """How often its container was started anew in the same pod."""
    return sum(int(status["restartCount"]) for status in scene.registrar()["status"]["containerStatuses"])


def pods_path(scene: Scene) -> str:
    """Where its pods are."""
    return f"/api/v1/namespaces/{scene.system}/pods"


def _is_ready(pod: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
