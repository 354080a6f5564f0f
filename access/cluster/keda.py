"""Whether KEDA is there for the pools that follow the queue, asked before anything is declared."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterRefusedError
from values.contract import POOL_LABEL, TRUST_CONFIG_MAP, TRUST_QUEUE_KEY
from values.pool import RunnerPool, pool_key
from values.problem import Problem, ProblemsError

GROUP: Final = "/apis/keda.sh/v1alpha1"
METRICS: Final = "/apis/external.metrics.k8s.io/v1beta1"
METRICS_SERVICE: Final = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
SCHEMA: Final = "/openapi/v3/apis/keda.sh/v1alpha1"
WANTED: Final = "KEDA 2.20 or newer, with its metrics server"
_INSTALL: Final = "have an administrator install it (https://keda.sh/docs/latest/deploy/), or scale by `replicas`"
_QUEUE: Final = re.compile(r"https://[a-z0-9.-]{1,253}:[0-9]{1,5}/[a-z]{1,20}", re.ASCII)


class AutoscalingRefusedError(ProblemsError):
    """Pools cannot follow the queue here; `problems` says why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__("the pools cannot follow the queue; nothing was changed:", problems)


def require_keda(choice: ClusterChoice, pools: Iterable[RunnerPool], declared: Mapping[str, str]) -> dict[str, str]:
    """Where the queue of each namespace with such a pool is read.

    `declared`: what this very stack says about that, by namespace, where it lets KEDA scale pools. A stack that does
    neither asks nobody. Raises AutoscalingRefusedError and ClusterError.
    """
    pools = list(pools)
    if not needs_keda(pools, declared):
        return {}
    with ClusterConnection(choice) as cluster:
        queues, problems = ask_about_keda(cluster, pools, declared)
    if problems:
        raise AutoscalingRefusedError(problems)
    return queues


def needs_keda(pools: Iterable[RunnerPool], declared: Mapping[str, str]) -> bool:
    """Whether a stack has pools that follow the queue, or lets KEDA scale any."""
    return bool(declared) or any("autoscaling" in pool for pool in pools)


def ask_about_keda(
    cluster: ClusterConnection, pools: Iterable[RunnerPool], declared: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """The queues as `require_keda` has them, and everything that is missing or in the way. Raises ClusterError."""
    scaled = [pool for pool in pools if "autoscaling" in pool]
    problems = list(_installed(cluster))
    queues: dict[str, str] = {}
    for namespace in sorted({pool["namespace"] for pool in scaled}):
        queue = declared.get(namespace) or _granted_queue(cluster, namespace)
        if queue is None:
            problems.append(_not_granted(namespace))
        else:
            queues[namespace] = queue
    if not problems:
        problems += [problem for pool in scaled for problem in _rivals(cluster, pool)]
    return queues, problems


def _installed(cluster: ClusterConnection) -> Iterator[Problem]:
    if cluster.find(GROUP) is None:
        yield Problem("KEDA", "a cluster that does not know its ScaledObjects", WANTED, _INSTALL)
        return
    if not _is_new_enough(cluster.find(SCHEMA) or {}):
        cure = "have an administrator upgrade KEDA and its CRDs, or scale by `replicas`"
        yield Problem("KEDA", "ScaledObjects of an older version", WANTED, cure)
    yield from _metrics_server(cluster)


def _metrics_server(cluster: ClusterConnection) -> Iterator[Problem]:
    """What is wrong with who serves the metrics by which an autoscaler of Kubernetes asks KEDA."""
    try:
        served, missing = cluster.find(METRICS), "none"
    except ClusterRefusedError as error:
        if error.status < 500:
            return  # this identity may not look
        served, missing = None, f"one that answers {error.status}"
    if served is None:
        cure = "see that its pod runs and that the APIService v1beta1.external.metrics.k8s.io is available"
        yield Problem("KEDA's metrics server", missing, "one that answers", cure)
        return
    service = _metrics_service(cluster)
    # As KEDA 2.20 lists them, whatever ScaledObjects there are.
    is_listed = any(entry.get("name") == "externalmetrics" for entry in served.get("resources") or ())
    if not is_listed or not _is_kedas(service):
        who = f"the Service {service.get('namespace')}/{service['name']}" if service.get("name") else "something else"
        found = f"{who}, which is not KEDA's and serves external.metrics.k8s.io: a cluster has one such API"
        cure = (
            "have an administrator point the APIService v1beta1.external.metrics.k8s.io to KEDA's metrics server, "
            "or scale by `replicas`"
        )
        yield Problem("KEDA's metrics server", found, "KEDA's own", cure)


def _metrics_service(cluster: ClusterConnection) -> Mapping[str, Any]:
    """The Service that serves these metrics, as its APIService names it; empty where few may look."""
    try:
        found = cluster.find(METRICS_SERVICE) or {}
    except ClusterRefusedError:
        return {}
    return (found.get("spec") or {}).get("service") or {}


def _is_kedas(service: Mapping[str, Any]) -> bool:
    """By its name: keda-metrics-apiserver, or as the chart calls it, OPERATOR-metrics-apiserver."""
    return not service or str(service.get("name", "")).endswith("-metrics-apiserver")


def _is_new_enough(schema: Mapping[str, Any]) -> bool:
    """By what its ScaledObject knows, as few may read which version runs.

    2.20 was the first to ask for at least one trigger; a tolerance of a pool's own is older.
    """
    for definition in (schema.get("components") or {}).get("schemas", {}).values():
        kinds = definition.get("x-kubernetes-group-version-kind") or ()
        if any(kind.get("kind") == "ScaledObject" for kind in kinds):
            spec = definition.get("properties", {}).get("spec", {})
            return "minItems" in spec.get("properties", {}).get("triggers", {}) and '"tolerance"' in _text(spec)
    return False


def _text(schema: Mapping[str, Any]) -> str:
    return str(schema).replace("'", '"')


def _granted_queue(cluster: ClusterConnection, namespace: str) -> str | None:
    trust = cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{TRUST_CONFIG_MAP}") or {}
    queue = (trust.get("data") or {}).get(TRUST_QUEUE_KEY)
    return queue if isinstance(queue, str) and _QUEUE.fullmatch(queue) else None


def _not_granted(namespace: str) -> Problem:
    allowed = "a namespace whose platform names KEDA's as the environment's `autoscaler`"
    cure = f"have an administrator add `autoscaler: keda` to the environment {namespace} and bring the platform up"
    return Problem(f"autoscaling of pools in {namespace}", "a namespace without an autoscaler", allowed, cure)


def _rivals(cluster: ClusterConnection, pool: RunnerPool) -> Iterator[Problem]:
    """Whatever else scales the pool: two would fight over it."""
    space = pool["namespace"]
    for scaled in cluster.items(f"{GROUP}/namespaces/{space}/scaledobjects"):
        if _targets(scaled, pool) and not _is_ours(scaled, pool):
            yield _rival(pool, "ScaledObject", scaled)
    for autoscaler in cluster.items(f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers"):
        owners = (autoscaler.get("metadata") or {}).get("ownerReferences") or ()
        if _targets(autoscaler, pool) and not any(owner.get("kind") == "ScaledObject" for owner in owners):
            yield _rival(pool, "HorizontalPodAutoscaler", autoscaler)


def _targets(scaler: Mapping[str, Any], pool: RunnerPool) -> bool:
    target = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    return target.get("name") == pool["name"] and target.get("kind", "Deployment") == "Deployment"


def _is_ours(scaled: Mapping[str, Any], pool: RunnerPool) -> bool:
    metadata = scaled.get("metadata") or {}
    return metadata.get("name") == pool["name"] and (metadata.get("labels") or {}).get(POOL_LABEL) == pool["name"]


def _rival(pool: RunnerPool, kind: str, scaler: Mapping[str, Any]) -> Problem:
    name = (scaler.get("metadata") or {}).get("name", "")
    found = f"the {kind} {pool['namespace']}/{name}, which scales it already"
    cure = f"`kubectl delete {kind.lower()} {name} -n {pool['namespace']}`, or take `autoscaling` out of the pool"
    return Problem(f"autoscaling of pool {pool_key(pool)}", found, "nothing else that scales the pool", cure)
