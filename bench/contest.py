"""The two sides of a comparison: pools declared by this program, and the same Deployments in the flat one."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.workshop import Workshop
from components.labels import pool_labels
from components.pools.runner_deployment import deployment_spec
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import pool, pools_config
from lab.trial.stack import Stack
from values.contract import POOL_LABEL
from values.pool import RunnerPool

FLAT = Path(__file__).resolve().parent / "flat"
SIDES = ("this program", "flat program")


@dataclass(frozen=True)
class Contest:
    """`size` pools of one runner each in a namespace; `gpu` is the placement, which decides the node."""

    namespace: str
    size: int
    gpu: Mapping[str, Any] | None

    def config(self) -> dict[str, Any]:
        """The stack config of this program."""
        extra: dict[str, Any] = {"gpu": dict(self.gpu)} if self.gpu else {}
        pools = [pool(f"bench-{number:03}", **extra) for number in range(self.size)]
        return {
            **pools_config(*pools, online_deadline_seconds=200),
            "gpu-runners:namespace": self.namespace,
        }

    def deployments(self) -> list[dict[str, Any]]:
        """The same for the flat program, by the builders that this program uses itself."""
        found = []
        config = self.config()
        defaults = config["gpu-runners:poolDefaults"]
        for declared in config["gpu-runners:pools"]:
            entry: RunnerPool = {
                "name": declared["name"], "namespace": self.namespace, "labels": declared["labels"],
                "replicas": declared["replicas"], "image": declared["image"], "forge": "gitea",
                "runner_image": config["gpu-runners:runnerImage"], "cpu": defaults["cpu"],
                "memory": defaults["memory"], "shared_memory": defaults["sharedMemory"],
                "work_volume": defaults["workVolume"], "ephemeral_storage": "10Gi",
                "protect_job_seconds": defaults["protectJobSeconds"],
                "identity": defaults["identity"], "image_pull_policy": "IfNotPresent",
 "autoscaled": defaults["autoscaled"],
            }  # fmt: skip
            if self.gpu:
                entry["gpu"] = {
                    "resource": self.gpu["resource"], "count": self.gpu["count"],
                    "node_selector": self.gpu["nodeSelector"], "tolerations": self.gpu["tolerations"],
                }  # fmt: skip
            found.append(
                {
                    "name": entry["name"],
                    "namespace": self.namespace,
                    "labels": pool_labels(entry["name"]),
                    "spec": deployment_spec(entry),
                }
            )
        return found

    def stack(self, side: str, workshop: Workshop) -> Stack:
        """An empty stack for one side."""
        own = workshop.folder / side.replace(" ", "-") / self.namespace / str(self.size)
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        name = f"bench-{self.namespace}-{self.size}"
        if side == SIDES[0]:
            return Stack.make(name, self.config(), own, workshop.variables)
        listed = own / "deployments.json"
        listed.write_text(json.dumps(self.deployments()))
        return Stack.make(name, {"flat:deployments": str(listed)}, own, workshop.variables, FLAT)

    def templates(self, api: KubernetesApi) -> dict[str, Any]:
        """The pod templates in the cluster by pool: equal on both sides, or the comparison means nothing."""
        deployments = api.items(f"/apis/apps/v1/namespaces/{self.namespace}/deployments", POOL_LABEL)
        return {item["metadata"]["name"]: item["spec"] for item in deployments}
