"""Autoscaling: between how many runners a pool follows the queue, and where its autoscaler reads it."""

from typing import Final, TypedDict

from values.contract import QUEUE_PATH, REGISTRAR_QUEUE_PORT, SERVICE_NAME

MOST_IDLE_SECONDS: Final = 3600  # an hour: whoever wants runners for longer keeps them by `min`


class Autoscaling(TypedDict):
    """A pool that follows the queue."""

    min: int
    """Runners that stay when nothing waits."""
    max: int
    """Most runners."""
    idle_seconds: int
    """How long a runner stays that no job needs any more."""


def queue_url(registrar_namespace: str) -> str:
    """Where a registrar tells autoscalers of the queue; `/NAMESPACE/POOL` follows."""
    return f"https://{SERVICE_NAME}.{registrar_namespace}.svc:{REGISTRAR_QUEUE_PORT}{QUEUE_PATH}"
