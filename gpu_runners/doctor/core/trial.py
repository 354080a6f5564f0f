"""One pod of a pool, tried on the API server and never made: what admission, quota or LimitRange would say. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown

_POOLS: Final = "trial of the pools"
_MOST_WORDS: Final = 400
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
_REFUSED: Final = "refused in a namespace of runners"  # our admission policy's own words
_QUOTA: Final = "exceeded quota"
_ACCOUNT: Final = "error looking up service account"
# By what a refusal says.
_CURES: Final = (
    ((_ACCOUNT,), "bring up the stack whose platform has {namespace} among its environments"),
    ((_QUOTA,), "raise the quota of {namespace}, or lower what its pools ask for"),
    (
        ("per Container is", "per Pod is", "limit-ranger"),  # the last is the annotation of its defaults
        "`kubectl --namespace {namespace} get limitranges -o yaml`: widen it, or delete it: admission bounds pods",
    ),
    (
        ("pod rejected: RuntimeClass",),
        "correct `runtimeClassName` of the pool, or have the class made: `kubectl get runtimeclasses` lists them",
    ),
    (
        ("no PriorityClass with name",),
        "correct `priorityClassName` of the pool, or have the class made: `kubectl get priorityclasses` lists them",
    ),
    (
        (_REFUSED,),
        "what the field names is not as the program writes it: somebody adds it on its way in (a LimitRange's "
        "defaults, an injector, a default class), or the environment does not grant it (docs/admission.md)",
    ),
)
_OTHERS: Final = "have whatever refuses it, an admission webhook or policy of the cluster, let it in"


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


def refused(pool: str, namespace: str, words: str, *, is_up: bool, declared: bool) -> Finding:
    """The API server would not, in its own words.

    is_up: all of the pool's pods are there already; declared: this very stack makes what is in the namespace.
    """
    if _ACCOUNT in words and declared:
        return ok(_check(pool), f"{namespace} has no account for runners yet: this stack makes it")
    if _QUOTA in words and is_up:
        found = f"there is no room for one pod more in {namespace}: {words}"
        cure = "raise the environment's quota: a runner that finishes its job counts until it has left"
        return unknown(_check(pool), found, cure)
    return failed(_check(pool), words, _cure(words, namespace))


def not_previewed(words: str) -> Finding:
    """Pulumi's preview failed: it tries Deployments on the API server by itself, where admission judges them, too."""
    if _REFUSED in words:
        said = words[words.index(_REFUSED) :][:_MOST_WORDS]
        return failed(_POOLS, said, _cure(said, "the pools' namespace"))
    return unknown(_POOLS, f"`pulumi preview` fails: {words[-_MOST_WORDS:]}", "`pulumi preview` has to work first")


def _cure(words: str, namespace: str) -> str:
    known = (cure for marks, cure in _CURES if any(mark in words for mark in marks))
    return next(known, _OTHERS).format(namespace=namespace)


def _check(pool: str) -> str:
    return f"trial of pool {pool}"
