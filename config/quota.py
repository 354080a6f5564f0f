"""Reads what a namespace may use in all and what one runner may use, with the stack's defaults."""

from dataclasses import replace
from typing import Final

from config.fields import Section
from config.gpu import RESOURCE_KIND
from config.kinds import NumberKind, quantity
from config.pools import PROTECTION_KIND
from values.placement import NVIDIA_GPU
from values.quantity import EPHEMERAL_STORAGE, QUOTA_CPU, QUOTA_MEMORY, QUOTA_STORAGE
from values.quota import Quota, RunnerLimits

MOST_GPUS: Final = 100000
_PODS: Final = NumberKind(1, MOST_GPUS, "pods")
_GPUS: Final = NumberKind(0, MOST_GPUS, "GPUs", "count all pools, and a spare for leaving runners")
DEFAULTED: Final = ("pods", "cpu", "memory", "ephemeralStorage")


def read_quota(section: Section, defaults: Section) -> Quota:
    """The section `quota` of an environment; what it leaves out comes from gpu-runners:quotaDefaults."""
    section.known("gpus", *DEFAULTED)
    merged = replace(section, fallbacks=defaults.values, origins={name: defaults.at(name) for name in DEFAULTED})
    return Quota(
        gpus=_read_gpus(section),
        pods=merged.integer("pods", _PODS),
        cpu=merged.text("cpu", quantity(QUOTA_CPU)),
        memory=merged.text("memory", quantity(QUOTA_MEMORY)),
        ephemeral_storage=merged.text("ephemeralStorage", quantity(QUOTA_STORAGE)),
    )


def check_quota_defaults(section: Section) -> None:
    """The section at gpu-runners:quotaDefaults, whether or not an environment takes something from it."""
    section.known(*DEFAULTED)
    section.optional_integer("pods", _PODS)
    for name, kind in (("cpu", QUOTA_CPU), ("memory", QUOTA_MEMORY), ("ephemeralStorage", QUOTA_STORAGE)):
        section.optional_text(name, quantity(kind))


def read_runner_limits(section: Section) -> RunnerLimits:
    """The section at gpu-runners:runnerLimits."""
    section.known("protectJobSeconds", "ephemeralStorage")
    return RunnerLimits(
        protect_job_seconds=section.integer("protectJobSeconds", PROTECTION_KIND),
        ephemeral_storage=section.text("ephemeralStorage", quantity(EPHEMERAL_STORAGE)),
    )


def _read_gpus(quota: Section) -> dict[str, int]:
    """A number of NVIDIA GPUs, or a mapping from resource to number."""
    counts = quota.section("gpus") if isinstance(quota.values.get("gpus"), dict) else None
    one = quota.integer("gpus", _GPUS) if counts is None else 0
    by_resource = {"type": "object", "additionalProperties": _GPUS.json_schema}
    quota.reads("gpus", {"oneOf": [_GPUS.json_schema, by_resource]}, required=True)
    if counts is None:
        return {NVIDIA_GPU: one}
    section = replace(counts, shape=None)
    for resource in section.values:
        if not RESOURCE_KIND.check(resource):
            section.note(resource, "an unknown resource", RESOURCE_KIND.allowed, RESOURCE_KIND.cure(resource))
    return {resource: section.integer(resource, _GPUS) for resource in section.values}
