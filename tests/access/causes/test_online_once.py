"""A runner that has been online need not be: its readiness gate is never taken back."""

from tests.access.causes.world import World

LOST = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}]


def test_runners_that_the_forge_sees_no_more_are_not_healthy() -> None:
    world = World()
    for runner in world.runners:
        runner["online"] = False
    cause = world.answer()
    assert (cause.situation, cause.is_trouble) == ("runner-offline", True), cause
    assert "was online" in cause.cause


def test_a_job_is_not_given_where_no_runner_is_seen() -> None:
    world = World()
    world.queue(2, 0)
    for runner in world.runners:
        runner["online"] = False
    assert world.answer().situation == "runner-offline"


def test_a_runner_that_works_may_be_silent() -> None:
    world = World()
    for pod, runner in zip(world.pods, world.runners, strict=True):
        pod["metadata"]["annotations"] = {"gpu-runners.dev/busy": "7"}
        runner["online"] = False
    assert world.answer().situation == "healthy"


def test_runners_on_a_node_that_is_away_are_not_healthy() -> None:
    world = World()
    world.node["status"]["conditions"] = LOST
    cause = world.answer()
    assert (cause.situation, "Kubelet stopped" in cause.evidence[0]) == ("node-lost", True), cause
