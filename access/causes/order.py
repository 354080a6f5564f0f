"""The rules in their order, from the stack to the forge, and the first that has an answer. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from access.causes.cause import Cause
from access.causes.creation import creation_causes
from access.causes.facts import Facts
from access.causes.nodes import node_causes, node_comes
from access.causes.platform import (
    forge_causes,
    registrar_causes,
    runner_causes,
    waiting_causes,
)
from access.causes.pods import brake_causes, end_causes, lost_causes, pod_causes, refusal_causes, turn_causes
from access.causes.queue import healthy, queue_causes, scaler_causes, under_way
from access.causes.stack import cluster_causes, deployment_causes, stack_causes
from access.online.progress import is_complete

Rules = Callable[[Facts], Iterator[Cause]]

RULES: Final[tuple[Rules, ...]] = (
    stack_causes,
    cluster_causes,
    deployment_causes,
    creation_causes,
    node_causes,
    lost_causes,
    pod_causes,
    registrar_causes,
    forge_causes,
    refusal_causes,
    turn_causes,
    waiting_causes,
    runner_causes,
    end_causes,
    brake_causes,
    scaler_causes,
    queue_causes,
)
# These count only while a runner is missing: not how others ended before, nor a wait for a job of the same pool.
_OF_MISSING: Final = (
    creation_causes,
    node_causes,
    pod_causes,
    refusal_causes,
    waiting_causes,
    end_causes,
    brake_causes,
)


def causes(facts: Facts) -> Iterator[Cause]:
    """Everything that is wrong, in order."""
    is_far_enough = is_complete(facts.pool)
    for rules in RULES:
        if not (is_far_enough and rules in _OF_MISSING):
            yield from rules(facts)


def first_cause(facts: Facts) -> Cause:
    """The one answer about a pool."""
    trouble = next(causes(facts), None)
    return trouble or healthy(facts) or node_comes(facts) or under_way(facts)
