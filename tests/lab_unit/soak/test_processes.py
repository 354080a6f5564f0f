"""A registrar's process is found by its container, and read from the kernel."""

import os
from pathlib import Path

from lab.soak.processes import measured, running, tasks

LISTED = """TASK                                                                PID       STATUS
0f33c9a5c6e0d6cbf1bb0bd0d7d1cbb0b6d8f1d1e1d0f6f6f0c1d2e3f4a5b6c7    4242      RUNNING
1f33c9a5c6e0d6cbf1bb0bd0d7d1cbb0b6d8f1d1e1d0f6f6f0c1d2e3f4a5b6c7    4243      STOPPED
"""


def test_a_task_that_runs_has_a_process() -> None:
    (container,) = tasks(LISTED)
    assert (container[:4], tasks(LISTED)[container]) == ("0f33", 4242)


def test_where_containerd_is_away_there_are_none() -> None:
    assert tasks("") == {}


def test_this_very_process_is_measured() -> None:
    process = measured("0f33c9a5c6e0d6cbf1bb", os.getpid())
    assert process is not None
    assert process.life == "0f33c9a5c6e0"
    assert process.kib > 1000
    assert process.descriptors >= 3


def test_one_more_open_file_is_one_more_descriptor(tmp_path: Path) -> None:
    before = measured("x", os.getpid())
    with (tmp_path / "file").open("w"):
        after = measured("x", os.getpid())
    assert before is not None
    assert after is not None
    assert after.descriptors == before.descriptors + 1


def test_a_process_that_is_gone_is_not(tmp_path: Path) -> None:
    assert measured("x", 1, tmp_path) is None


def test_only_containers_that_run_are_asked_for() -> None:
    statuses = [
        {"containerID": "containerd://one", "state": {"running": {}}},
        {"containerID": "containerd://two", "state": {"terminated": {}}},
    ]
    assert running({"status": {"containerStatuses": statuses}}) == ["one"]
    assert running({"status": {}}) == []
