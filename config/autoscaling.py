"""Reads how a pool follows the queue, instead of `replicas`."""

from typing import Final

from config.fields import Section
from config.kinds import SECONDS, NumberKind
from values.autoscaling import MOST_IDLE_SECONDS, Autoscaling

IDLE_KIND: Final = NumberKind(0, MOST_IDLE_SECONDS, SECONDS)


def read_autoscaling(pool: Section, most: int) -> Autoscaling:
    """The section `autoscaling` of a pool, which is there."""
    section = pool.section("autoscaling")
    section.known("min", "max", "idleSeconds")
    autoscaling: Autoscaling = {
        "min": section.integer("min", NumberKind(0, most)),
        "max": section.integer("max", NumberKind(1, most)),
        "idle_seconds": section.integer("idleSeconds", IDLE_KIND),
    }
    if autoscaling["min"] > autoscaling["max"]:
        section.note("min", str(autoscaling["min"]), f"at most max, {autoscaling['max']}", "lower min, or raise max")
    if "replicas" in pool.values:
        pool.note("replicas", "it beside autoscaling", "one of both", "remove it: autoscaling.min is where it begins")
    if pool.value("autoscaled") is True:
        cure = "remove autoscaled: it is for pools that another autoscaler scales"
        pool.note_where_written("autoscaled", "true beside autoscaling", "one of both", cure)
    return autoscaling
