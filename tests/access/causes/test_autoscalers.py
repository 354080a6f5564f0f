"""What holds an autoscaler back is told apart from what it is late with, and from what is none of its business."""

import pytest

from access.causes.cause import Layer
from tests.access.causes.world import KEY, REGISTRAR, SCALED, World

READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.mark.parametrize("running", [0, 1, 2])
def test_a_pool_below_its_min_is_never_asleep_and_never_healthy(running: int) -> None:
    world = World()
    world.scaled(READY, replicas=running, least=3)
    world.queue(0, 0)
    del world.pods[running:]
    cause = world.answer()
    assert (cause.situation, cause.is_trouble) == ("fewer-than-min", True)
    assert f"has {running} of the 3 runners" in cause.cause


@pytest.mark.parametrize(
    ("annotation", "value", "is_paused"),
    [
        ("paused", "true", True),
        ("paused", "1", True),
        ("paused", "yes", True),  # what is no boolean is true to KEDA
        ("paused", "false", False),
        ("paused", "F", False),
        ("paused-replicas", "0", True),
        ("paused-scale-out", "true", True),
        ("paused-scale-out", "false", False),
        ("paused-scale-in", "true", False),  # no job waits for that
    ],
)
def test_an_autoscaler_is_paused_where_keda_takes_it_for_paused(annotation: str, value: str, is_paused: bool) -> None:
    world = World()
    name = f"autoscaling.keda.sh/{annotation}"
    world.scaled({**READY, "metadata": {"annotations": {name: value}}}, replicas=0)
    cause = world.answer()
    assert cause.situation == ("autoscaler-paused" if is_paused else "asleep")
    if is_paused:
        assert (f"{name}: {value}" in cause.evidence, f"{name}-`" in cause.cure) == (True, True)


def test_a_pool_that_has_to_wait_its_turn_is_no_late_autoscaler() -> None:
    world = World()
    world.scaled(READY, replicas=0)
    world.queue(3, 0)
    world.answers[f"{REGISTRAR}/queue"][KEY] |= {"wanted": 0, "after": "other/big"}
    cause = world.answer()
    assert (cause.situation, "other/big" in cause.evidence[0]) == ("after-others", True), cause


def test_an_autoscaler_is_late_only_where_the_registrar_wants_more_runners() -> None:
    world = World()
    world.scaled(READY, replicas=2)
    world.queue(1, 0)
    world.answers[f"{REGISTRAR}/queue"][KEY]["wanted"] = 2
    assert world.answer().situation == "job-not-given"
    world.answers[f"{REGISTRAR}/queue"][KEY]["wanted"] = 3
    assert world.answer().situation == "autoscaler-late"
    del world.answers[SCALED]["spec"]["maxReplicaCount"]
    assert world.answer().evidence == ("replicas: 2, wanted: 3",), "who sets no bound is told none"


def test_idle_runners_at_the_most_are_not_busy() -> None:
    world = World()
    world.scaled({**READY, "spec": {"maxReplicaCount": 2}}, replicas=2)
    world.queue(1, 0)
    assert world.answer().situation == "job-not-given"


@pytest.mark.parametrize("replicas", [0, 2])
def test_a_pool_that_something_else_scales_is_not_told_to_raise_its_replicas(replicas: int) -> None:
    world = World()
    world.scaled(None, replicas=replicas)
    annotations = world.deployment["metadata"]["annotations"]
    del annotations["gpu-runners.dev/most-runners"], annotations["gpu-runners.dev/least-runners"]
    annotations["gpu-runners.dev/autoscaled"] = "true"
    world.queue(3, replicas)
    cause = world.answer()
    assert (cause.situation, cause.layer) == ("not-scaled-up", Layer.AUTOSCALER), cause
    assert f"spec.replicas: {replicas}" in cause.evidence[0]


def test_a_paused_autoscaler_is_nearer_than_what_it_does_not_keep() -> None:
    world = World()
    world.scaled({"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}}, replicas=0, least=3)
    assert world.answer().situation == "autoscaler-paused"
