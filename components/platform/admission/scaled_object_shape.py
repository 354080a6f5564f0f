"""What a ScaledObject may be in a namespace of runners: a pool's own, that reads the pool's own queue. Pure.

KEDA's operator asks whatever URL a ScaledObject names, with whatever credential it refers to: an open one would be a
way out of the namespace.
"""

from components.platform.admission.shape import Each, Entries, Fields, Rule, Value, exactly, number, text
from values.autoscaling import MOST_IDLE_SECONDS
from values.contract import QUEUE_AUTHENTICATION

MOST_RUNNERS = 1000


def scaled_object_shape(namespace: str, queue_url: str) -> Fields:
    """The spec of a ScaledObject, held against the object's own name; `{v}` and `{it}` as everywhere."""
    own_queue = f"{text(f'{queue_url}/{namespace}/')} + object.metadata.name"
    trigger = Fields(
        {
            "type": exactly("metrics-api", required=True),
            "metricType": exactly("AverageValue", required=True),
            "metadata": Entries(
                {
                    "url": Value(f"{{v}} == {own_queue}", "the queue of the pool of this name", True, "{v}"),
                    "valueLocation": exactly("wanted", required=True),
                    "targetValue": exactly("1", required=True),
                    "authMode": exactly("tls", required=True),
                },
                required=True,
            ),
            "authenticationRef": Fields(
                {"name": exactly(QUEUE_AUTHENTICATION, required=True), "kind": exactly("TriggerAuthentication")},
                required=True,
            ),
        }
    )
    target = Fields(
        {
            "apiVersion": exactly("apps/v1"),
            "kind": exactly("Deployment"),
            "name": Value("{v} == object.metadata.name", "the ScaledObject's own name", True, "{v}"),
        },
        required=True,
    )
    return Fields(
        {
            "scaleTargetRef": target,
            "pollingInterval": number(1, 3600),
            "cooldownPeriod": number(0, MOST_IDLE_SECONDS),
            "minReplicaCount": number(0, MOST_RUNNERS),
            "maxReplicaCount": number(1, MOST_RUNNERS, required=True),
            "advanced": Fields(
                {
                    "horizontalPodAutoscalerConfig": Fields({"behavior": _anything()}),
                    "scalingModifiers": Fields({}),
                }
            ),
            "triggers": Each(trigger, most=1, required=True, named_by=""),
        },
        rules=(Rule(".triggers", "size({it}.triggers) == 1", "string(size({it}.triggers))", "one"),),
    )


def _anything() -> Value:
    """How fast, which harms nobody but the pool."""
    return Value("true", "anything")
