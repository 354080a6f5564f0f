"""Where pools are made: namespaces and the platform of real runners, each there while it is used."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.workshop import Workshop
from lab import keda
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.repository import Repository
from lab.trial.stack import Stack

NAMESPACE = "gpu-runners-bench"
REPOSITORY = "mlops/bench"
GONE_SECONDS = 90


@contextmanager
def plain_namespace(api: KubernetesApi, name: str) -> Iterator[None]:
    """A namespace in which any pod can be made, those of pools too, without a registrar that would look at them."""
    path = f"/api/v1/namespaces/{name}"
    api.delete(path)
    until("the former namespace is gone", lambda: api.find(path) is None, GONE_SECONDS)
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    try:
        until("the namespace has its ServiceAccount", lambda: api.find(f"{path}/serviceaccounts/default"), GONE_SECONDS)
        api.create(f"{path}/serviceaccounts", {"metadata": {"name": "runner"}})
        yield
    finally:
        api.delete(path)
        until("the namespace is gone", lambda: api.find(path) is None, GONE_SECONDS)


@contextmanager
def platform(
    workshop: Workshop, name: str, *, follows_queue: bool, grants: Mapping[str, Any] | None = None
) -> Iterator[Repository]:
    """The registrar, the namespace and the repository of real runners; KEDA where pools follow the queue.

    `grants`: what else the environment has.
    """
    variables, own = workshop.variables, workshop.folder / f"platform-{name}"
    own.mkdir()
    repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
    repository.make_anew()
    config = yaml.safe_load((Path(__file__).resolve().parent / "platform.yaml").read_text())["config"]
    config["gpu-runners:platform"]["environments"][0] |= grants or {}
    if follows_queue:
        config["gpu-runners:platform"]["environments"][0]["autoscaler"] = keda.NAMESPACE
    stack = Stack.make(f"bench-platform-{name}", config, own, variables)
    try:
        stack.up().succeeded()
        yield repository
    finally:
        stack.destroy().succeeded()
        repository.drop()
        repository.close()
