"""Reads what a namespace may use in all and what one runner may use, with the stack's defaults."""

from typing import Final

from config.fields import Section
from config.names import read_quantity
from config.pools import LONGEST_JOB_SECONDS, SHORTEST_PROTECTION_SECONDS
from values.kubernetes_syntax import is_extended_resource
from values.placement import NVIDIA_GPU
from values.quota import Quota, RunnerLimits

MOST_GPUS: Final = 100000
DEFAULTED: Final = ("pods", "cpu", "memory", "ephemeralStorage")


def read_quota(section: Section, defaults: Section) -> Quota:
    """The section `quota` of an environment; what it leaves out comes from gpu-runners:quotaDefaults."""
    section.known("gpus", *DEFAULTED)
    merged = Section(section.key, dict(defaults.values) | dict(section.values), section.problems)
    return Quota(
        gpus=_read_gpus(section),
        pods=merged.integer("pods", 1, MOST_GPUS),
        cpu=read_quantity(merged, "cpu"),
        memory=read_quantity(merged, "memory"),
        ephemeral_storage=read_quantity(merged, "ephemeralStorage"),
    )


def read_runner_limits(section: Section) -> RunnerLimits:
    """The section at gpu-runners:runnerLimits."""
    section.known("protectJobSeconds", "ephemeralStorage")
    return RunnerLimits(
        protect_job_seconds=section.integer("protectJobSeconds", SHORTEST_PROTECTION_SECONDS, LONGEST_JOB_SECONDS),
        ephemeral_storage=read_quantity(section, "ephemeralStorage"),
    )


def _read_gpus(quota: Section) -> dict[str, int]:
    """A number of NVIDIA GPUs, or a mapping from resource to number."""
    if not isinstance(quota.values.get("gpus"), dict):
        return {NVIDIA_GPU: quota.integer("gpus", 0, MOST_GPUS, "count all pools, and a spare for leaving runners")}
    section = quota.section("gpus")
    for resource in section.values:
        if not is_extended_resource(resource):
            section.note(
                resource, "an unknown resource", "a device plugin's resource, e.g. nvidia.com/gpu", "correct it"
            )
    return {resource: section.integer(resource, 0, MOST_GPUS) for resource in section.values}
