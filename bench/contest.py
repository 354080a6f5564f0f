"""The same pools declared by four subjects: this program, the flat one, a chart, and kubectl."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.manifest import deployment_manifest
from bench.measurement import FLAT, HELM, KUBECTL, OURS
from bench.workshop import Workshop
from components.labels import pool_labels
from components.pools.runner_deployment import deployment_spec
from lab import paths
from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pools import pool, pools_config
from lab.trial.stack import FLAGS, Stack
from values.contract import POOL_LABEL
from values.pool import RunnerPool, pools_config_map

FLAT_PROGRAM: Final = Path(__file__).resolve().parent / "flat"
CHART: Final = Path(__file__).resolve().parent / "chart"
RELEASE: Final = "pools"
WAIT_SECONDS: Final = 300
GONE_SECONDS: Final = 180
# As PULUMI_K8S_CLIENT_QPS and _BURST of the lab, so that no client waits for itself.
HELM_LIMITS: Final = {"HELM_QPS": "500", "HELM_BURST_LIMIT": "1000"}

Commands = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Subject:
    """Who makes the pools, by which commands. `unchanged` and `preview` are the same once all is there.

    `state`: what it remembers of its own; `empty`: the same before its first `up`.
    """

    name: str
    folder: Path
    environment: Mapping[str, str]
    up: Commands
    preview: Commands = ()
    state: Path | None = None

    def forget(self) -> None:
        """As if it had never made anything."""
        if self.state:
            shutil.rmtree(self.state)
            shutil.copytree(_empty(self.state), self.state)


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
            **pools_config(*pools, online_deadline_seconds=WAIT_SECONDS),
            "gpu-runners:namespace": self.namespace,
        }

    def deployments(self) -> list[dict[str, Any]]:
        """The same for the others, by the builders that this program uses itself."""
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

    @property
    def stack(self) -> str:
        """The name of the stacks that make it."""
        return f"bench-{self.namespace}-{self.size}"

    def subjects(self, workshop: Workshop) -> list[Subject]:
        """All four, each with a scratch folder of its own."""
        folder = workshop.folder / self.namespace / str(self.size)
        makers = {OURS: self._ours, FLAT: self._flat, HELM: self._helm, KUBECTL: self._kubectl}
        subjects = []
        for name, make in makers.items():
            own = folder / name
            own.mkdir(parents=True)
            subjects.append(make(workshop, own))
        return subjects

    def _ours(self, workshop: Workshop, own: Path) -> Subject:
        return self._of_stack(OURS, self.config(), own, workshop)

    def _flat(self, workshop: Workshop, own: Path) -> Subject:
        listed = own / "deployments.json"
        listed.write_text(json.dumps(self.deployments()))
        return self._of_stack(FLAT, {"flat:deployments": str(listed)}, own, workshop)

    def _of_stack(self, name: str, config: Mapping[str, Any], own: Path, workshop: Workshop) -> Subject:
        state = own / "state"
        state.mkdir()
        environment = {**workshop.variables, "PULUMI_BACKEND_URL": f"file://{state}"}
        program = FLAT_PROGRAM if name == FLAT else paths.REPOSITORY
        return _of_stack(name, Stack.make(self.stack, config, own, environment, program), state)

    def _helm(self, workshop: Workshop, own: Path) -> Subject:
        values = own / "values.json"
        values.write_text(json.dumps({"deployments": [deployment_manifest(d) for d in self.deployments()]}))
        folders = {f"HELM_{kind}_HOME": str(own / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        install = ["upgrade", "--install", "--wait", f"--timeout={WAIT_SECONDS}s", f"--namespace={self.namespace}"]
        command = [str(paths.BIN / "helm"), *install, f"--values={values}", RELEASE, str(CHART)]
        return Subject(HELM, own, {**workshop.variables, **folders, **HELM_LIMITS}, [command])

    def _kubectl(self, workshop: Workshop, own: Path) -> Subject:
        file = own / "deployments.json"
        items = [deployment_manifest(d) for d in self.deployments()]
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        kubectl = [str(paths.BIN / "kubectl"), f"--namespace={self.namespace}"]
        apply = [*kubectl, "apply", "--server-side", f"--filename={file}"]
        status = [*kubectl, "rollout", "status", "deployment", f"--selector={POOL_LABEL}", f"--timeout={WAIT_SECONDS}s"]
        return Subject(KUBECTL, own, workshop.variables, [apply, status])

    def specs(self, api: KubernetesApi) -> dict[str, Json]:
        """What the API server has of each pool: the same whoever made it, or the comparison means nothing."""
        deployments = api.items(f"/apis/apps/v1/namespaces/{self.namespace}/deployments", POOL_LABEL)
        return {item["metadata"]["name"]: item["spec"] for item in deployments}

    def clear(self, api: KubernetesApi) -> None:
        """Takes away whatever a subject made, faster than it would itself."""
        namespace = f"/api/v1/namespaces/{self.namespace}"
        api.delete(f"/apis/apps/v1/namespaces/{self.namespace}/deployments?labelSelector={POOL_LABEL}")
        api.delete(f"{namespace}/configmaps/{pools_config_map(self.stack)}")
        api.delete(f"{namespace}/secrets?labelSelector=owner%3Dhelm")
        until("the pods are gone", lambda: not api.items(f"{namespace}/pods", POOL_LABEL), GONE_SECONDS)


def _of_stack(name: str, made: Stack, state: Path) -> Subject:
    shutil.copytree(state, _empty(state))
    common = ["--stack", made.name, "--config-file", str(made.config_file), *FLAGS]
    up = ["pulumi", "up", "--yes", "--skip-preview", *common]
    preview = ["pulumi", "preview", "--expect-no-changes", *common]
    return Subject(name, made.program, made.environment, [up], [preview], state)


def _empty(state: Path) -> Path:
    return state.with_name("state-before")
