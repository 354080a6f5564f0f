"""A pool's ScaledObject: KEDA sets the Deployment's replicas to the jobs that wait and work. Pure.

KEDA wakes a pool at zero and lets it sleep; in between, Kubernetes' HorizontalPodAutoscaler follows the same number
(https://keda.sh/docs/2.20/reference/scaledobject-spec/).
"""

from typing import Any, Final

from values.autoscaling import Autoscaling
from values.contract import QUEUE_AUTHENTICATION

API_VERSION: Final = "keda.sh/v1alpha1"
POLLING_SECONDS: Final = 2  # between two looks of KEDA at a pool: the registrar answers out of its memory
TARGET: Final = "1"  # job for each runner
WANTED: Final = "wanted"
NAME_LABEL: Final = "scaledobject.keda.sh/name"  # KEDA writes it on each ScaledObject


def scaled_object_spec(pool: str, autoscaling: Autoscaling, queue: str) -> dict[str, Any]:
    """`queue` is the URL at which the registrar tells of this very pool."""
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": pool},
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": 0,
        "minReplicaCount": int(autoscaling["min"]),
        "maxReplicaCount": int(autoscaling["max"]),
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": _behavior(),
                    "scaleDown": _behavior(),
                }
            },
            "scalingModifiers": {},  # KEDA writes it where nobody does
        },
        "triggers": [
            {
                "type": "metrics-api",
                "metricType": "AverageValue",
                "metadata": {"url": queue, "valueLocation": WANTED, "targetValue": TARGET, "authMode": "tls"},
                "authenticationRef": {"name": QUEUE_AUTHENTICATION},
            }
        ],
    }


def _behavior() -> dict[str, Any]:
    """At once to the number that is wanted: how long an idle runner stays is part of that number already.

    Without a tolerance of its own the HorizontalPodAutoscaler would leave a tenth of the jobs waiting.
    """
    policies = [{"type": "Pods", "value": 1000, "periodSeconds": 1}]
    return {"stabilizationWindowSeconds": 0, "tolerance": "0", "policies": policies}
