"""When each runner pod of a namespace was first seen and when it was online, from one watch: good to milliseconds."""

import threading
import time
from dataclasses import dataclass

from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import runner_pod


@dataclass
class Times:
    """Unix time; `online` is None until it is."""

    born: float
    online: float | None = None


class Observer:
    """Watches from the moment it is made until the process ends."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.pods: dict[str, Times] = {}
        self._api, self._path = api, f"/api/v1/namespaces/{namespace}/pods"
        threading.Thread(target=self._watch, daemon=True).start()

    def seconds(self) -> list[float]:
        """From birth to online, of every pod that came online."""
        return [times.online - times.born for times in list(self.pods.values()) if times.online is not None]

    def first_online_after(self, moment: float) -> float | None:
        """When the first pod came online after a moment."""
        found = [t.online for t in list(self.pods.values()) if t.online is not None and t.online > moment]
        return min(found, default=None)

    def _watch(self) -> None:
        for _, document in self._api.watch(self._path):
            pod = runner_pod(document)
            times = self.pods.setdefault(pod.name, Times(time.time()))
            if pod.online and times.online is None:
                times.online = time.time()
