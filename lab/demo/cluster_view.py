"""The cluster as the demo sees it: runner pods, and the warnings that explain why something did not happen."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx2
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig

from lab import paths
from lab.demo.settings import Pool
from lab.demo.snapshot import Pod, pod
from lab.errors import LabError
from values import contract

TIMEOUT_SECONDS = 10.0


class ClusterView:
    """Reads from the lab's API server as its administrator, and sees the given pools only."""

    def __init__(self, pools: Iterable[Pool]) -> None:
        self.pools = frozenset(pools)
        config = KubeConfig.from_file(paths.KUBECONFIG).get()
        if config is None:
            raise LabError(f"{paths.KUBECONFIG} names no cluster: run `make lab-up`")
        self._http = Client(config, ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_SECONDS), trust_env=False))

    def runner_pods(self) -> dict[str, Pod]:
        """Every pod of the pools, by name."""
        pods = (pod(item) for item in self._list("/api/v1/pods", labelSelector=contract.POOL_LABEL))
        return {seen.name: seen for seen in pods if Pool(seen.pool, seen.namespace) in self.pools}

    def replicas(self, pool: Pool) -> int:
        """How many runners the pool's Deployment asks for; 0 where there is none."""
        deployments = f"/apis/apps/v1/namespaces/{pool.namespace}/deployments"
        found = self._list(deployments, labelSelector=f"{contract.POOL_LABEL}={pool.name}")
        return sum(int(deployment["spec"].get("replicas", 1)) for deployment in found)

    def warnings(self, namespace: str, since: float) -> list[str]:
        """The warnings since a time (seconds since the epoch), oldest first, as `object: reason: message`."""
        items = self._list(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning")
        recent = sorted((item for item in items if _last_seen(item) >= since), key=_last_seen)
        return [f"{i['involvedObject'].get('name', '')}: {i.get('reason', '')}: {i.get('message', '')}" for i in recent]

    def registrar_log(self, namespace: str, lines: int) -> list[str]:
        """The end of the log of the registrar there, oldest line first; empty where none runs."""
        pods = f"/api/v1/namespaces/{namespace}/pods"
        for item in self._list(pods, labelSelector="app.kubernetes.io/name=registrar"):
            path = f"{pods}/{item['metadata']['name']}/log"
            answer = self._http.get(path, params={"tailLines": str(lines)})
            return answer.text.splitlines() if answer.is_success else []
        return []

    def _list(self, path: str, **parameters: str) -> list[Mapping[str, Any]]:
        try:
            answer = self._http.get(path, params=parameters)
            answer.raise_for_status()
        except httpx2.HTTPError as failure:
            raise LabError(f"the API server did not answer {path} ({failure}): see {paths.LOGS}") from None
        items: list[Mapping[str, Any]] = answer.json()["items"]
        return items


def _last_seen(event: Mapping[str, Any]) -> float:
    time = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return datetime.fromisoformat(str(time)).timestamp()
