"""What a namespace of runners may use in all, and what one runner may use. Quantities are Kubernetes' own texts."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The most that all pods of a namespace may ask for together; gpus by resource, those not named are none."""

    gpus: Mapping[str, int]
    pods: int
    cpu: str
    memory: str
    ephemeral_storage: str


@dataclass(frozen=True, kw_only=True)
class RunnerLimits:
    """The most that one runner may ask for, whatever its pool says."""

    protect_job_seconds: int
    ephemeral_storage: str
