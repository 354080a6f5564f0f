"""What a cluster adds to pods, or pods name in it, and whether it is granted and there. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from gpu_runners.doctor.core.findings import Finding, failed, ok

PLATFORM = "gpu-runners:platform.environments"


def default_priority(classes: Iterable[Mapping[str, Any]], granted: Mapping[str, Iterable[str]]) -> Finding:
    """Whether each namespace admits the PriorityClass that the API server gives to pods that name none.

    granted: by namespace, the classes that its pods may have.
    """
    check = "default PriorityClass"
    defaults = [item for item in classes if item.get("globalDefault")]
    if not defaults:
        return ok(check, "the cluster has none")
    # Of several, which only an old API server lets be, pods get the one of the lowest value.
    name = str(min(defaults, key=lambda item: int(item.get("value", 0)))["metadata"]["name"])
    closed = [namespace for namespace, names in granted.items() if name not in names]
    if closed:
        found = f"pods that name no class get {name}, which {', '.join(closed)} would refuse"
        return failed(check, found, f"add {name} to priorityClasses of {', '.join(closed)} in {PLATFORM}")
    return ok(check, f"each environment admits it: {name}")


def pull_secrets(namespace: str, names: Iterable[str], missing: Iterable[str], odd: Iterable[str] = ()) -> Finding:
    """Whether the Secrets that pods of the namespace name are there; a kubelet goes on without those that are not.

    odd: those of a type that it does not read.
    """
    check = f"pull Secrets of {namespace}"
    if absent := list(missing):
        cure = f"`kubectl --namespace {namespace} create secret docker-registry {absent[0]}`"
        cure += ", or make it by platform.pullSecrets"
        return failed(check, f"there is no Secret {' nor '.join(absent)}", cure)
    if others := list(odd):
        cure = f"`kubectl --namespace {namespace} delete secret {others[0]}`, then "
        cure += f"`kubectl --namespace {namespace} create secret docker-registry {others[0]}`"
        return failed(check, f"{', '.join(others)} is of a type that no kubelet reads as a login", cure)
    return ok(check, f"{', '.join(names)} is there" if len(list(names)) == 1 else "all of them are there")
