"""Which processes of the registrar's pod there are to kill or to freeze."""

from lab.faults.registrar import containers


def pod(*states: tuple[str, str]) -> dict[str, object]:
    statuses = [{"containerID": f"containerd://{number}", "state": {state: {}}} for number, state in states]
    return {"status": {"containerStatuses": statuses}}


def test_only_a_container_that_runs_has_a_process() -> None:
    assert containers(pod(("one", "running"), ("two", "terminated"), ("three", "waiting"))) == ["one"]


def test_a_pod_that_has_not_started_has_none() -> None:
    assert containers({"status": {}}) == []
