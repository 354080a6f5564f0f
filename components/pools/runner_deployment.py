"""RunnerDeployment: one pool of runners, as one Deployment. Waits for nothing: see online_pools."""

import hashlib
import json
from typing import TYPE_CHECKING, Any, Optional

import pulumi

from components.kubernetes_object import KubernetesObject
from components.labels import (
    POOL_ANNOTATIONS,
    REPAIR_ANNOTATIONS,
    WAIT_ELSEWHERE_ANNOTATIONS,
    pool_labels,
    selector_labels,
)
from components.pools.prepull import NAME_SUFFIX, prepull_labels, prepull_spec
from components.pools.runner_pod import pod_template
from components.pools.scaled_object import API_VERSION, NAME_LABEL, scaled_object_spec
from values.contract import (
    AUTOSCALED_ANNOTATION,
    IDLE_SECONDS_ANNOTATION,
    LEAST_RUNNERS_ANNOTATION,
    MOST_RUNNERS_ANNOTATION,
)
from values.pool import RunnerPool, most_runners

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s


def deployment_spec(pool: RunnerPool) -> "k8s.apps.v1.DeploymentSpecArgsDict":
    """The Deployment of a pool. Old pods leave before new ones come, as a GPU is held until the pod is gone."""
    return {
        "replicas": int(pool["replicas"]),
        "selector": {"match_labels": selector_labels(pool["name"])},
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": 1}},
        "min_ready_seconds": 0,
        "progress_deadline_seconds": 600,
        "revision_history_limit": 3,
        "template": pod_template(pool),
    }


def deployment_fingerprint(pool: RunnerPool) -> str:
    """A short text that changes if and only if there is something to wait for: another template, or other runners that
    are to stay. What an autoscaler sets does not count, what it is to keep does.
    """
    spec: dict[str, Any] = dict(deployment_spec(pool))
    if pool["autoscaled"]:
        del spec["replicas"]
    if "autoscaling" in pool and (least := int(pool["autoscaling"]["min"])):
        spec["least"] = least
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bound(pool: RunnerPool) -> dict[str, str]:
    """For the registrar, which counts jobs beyond the most for another pool, and says how long idle runners stay.

    Of a pool that nothing scales, the most are its replicas.
    """
    if "autoscaling" not in pool:
        return {AUTOSCALED_ANNOTATION: "true"} if pool["autoscaled"] else {}
    return {
        MOST_RUNNERS_ANNOTATION: str(most_runners(pool)),
        LEAST_RUNNERS_ANNOTATION: str(int(pool["autoscaling"]["min"])),
        IDLE_SECONDS_ANNOTATION: str(int(pool["autoscaling"]["idle_seconds"])),
    }


class RunnerDeployment(pulumi.ComponentResource):
    """A pool. One pod is one registration is one job; the Deployment keeps `replicas` of them waiting.

    `queue` is where the registrar tells of its namespace's pools, for a pool that follows the queue.
    """

    def __init__(
        self, name: str, args: RunnerPool, opts: Optional[pulumi.ResourceOptions] = None, *, queue: str = ""
    ) -> None:
        super().__init__("gpu-runners:index:RunnerDeployment", name, {}, opts)
        deployment = KubernetesObject(
            name,
            "apps/v1",
            "Deployment",
            {
                "metadata": {
                    "name": args["name"],
                    "namespace": args["namespace"],
                    "labels": pool_labels(args["name"]),
                    "annotations": {**POOL_ANNOTATIONS, **_bound(args)},
                },
                "spec": deployment_spec(args),
            },
            pulumi.ResourceOptions(
                parent=self,
                depends_on=opts.depends_on if opts else None,
                ignore_changes=["spec.replicas"] if args["autoscaled"] else None,
            ),
        )
        if "autoscaling" in args:
            following = f"{queue}/{args['namespace']}/{args['name']}"
            KubernetesObject(
                f"{name}-autoscaling",
                API_VERSION,
                "ScaledObject",
                {
                    "metadata": {
                        "name": args["name"],
                        "namespace": args["namespace"],
                        "labels": {**pool_labels(args["name"]), NAME_LABEL: args["name"]},
                        "annotations": REPAIR_ANNOTATIONS,
                    },
                    "spec": scaled_object_spec(args["name"], args["autoscaling"], following),
                },
                # It goes before the Deployment does, while KEDA can still let go of it.
                pulumi.ResourceOptions(parent=self, depends_on=[deployment]),
            )
        if args.get("prepull"):
            KubernetesObject(
                f"{name}-prepull",
                "apps/v1",
                "DaemonSet",
                {
                    "metadata": {
                        "name": f"{args['name']}{NAME_SUFFIX}",
                        "namespace": args["namespace"],
                        "labels": prepull_labels(args["name"]),
                        "annotations": WAIT_ELSEWHERE_ANNOTATIONS,  # an `up` waits for runners, not for downloads
                    },
                    "spec": prepull_spec(args),
                },
                pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
            )
        # No register_outputs: there is nothing to tell, and the engine would write the whole state once more per pool.
