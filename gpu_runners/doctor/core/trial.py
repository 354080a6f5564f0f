"""One pod of a pool, tried on the API server and never made: what admission, quota or LimitRange would say. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown

DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
_QUOTA: Final = "exceeded quota"


def templates(preview: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The pod templates that the program writes, by namespace and name of their Deployments, from a preview's JSON."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for step in preview.get("steps") or ():
        state = step.get("newState") or {}
        if state.get("type") != DEPLOYMENT:
            continue
        inputs = state.get("inputs") or {}
        metadata, template = inputs.get("metadata") or {}, (inputs.get("spec") or {}).get("template")
        if isinstance(template, dict):
            found[str(metadata.get("namespace")), str(metadata.get("name"))] = template
    return found


def pod_of(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The pod as a ReplicaSet would make it."""
    metadata = {**(template.get("metadata") or {}), "generateName": f"{name}-"}
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}


def admitted(pool: str, namespace: str) -> Finding:
    """The API server would take it."""
    return ok(_check(pool), f"the API server would admit its pod to {namespace}")


def refused(pool: str, namespace: str, words: str, *, is_up: bool) -> Finding:
    """The API server would not, in its own words. is_up: all of the pool's pods are there already."""
    if _QUOTA in words and is_up:
        found = f"there is no room for one pod more in {namespace}: {words}"
        cure = "raise the environment's quota: a runner that finishes its job counts until it has left"
        return unknown(_check(pool), found, cure)
    if _QUOTA in words:
        return failed(_check(pool), words, f"raise the quota of {namespace}, or lower what its pools ask for")
    if "LimitRange" in words or "per Container" in words or "per Pod" in words:
        cure = (
            f"`kubectl --namespace {namespace} get limitranges -o yaml`: widen it, or delete it: admission bounds pods"
        )
        return failed(_check(pool), words, cure)
    if "refused in a namespace of runners" in words:
        cure = "what the field names is not as the program writes it: somebody adds it on its way in (a LimitRange's "
        cure += "defaults, an injector, a default class), or the environment does not grant it (docs/admission.md)"
        return failed(_check(pool), words, cure)
    return failed(
        _check(pool), words, "have whatever refuses it, an admission webhook or policy of the cluster, let it in"
    )


def _check(pool: str) -> str:
    return f"trial of pool {pool}"
