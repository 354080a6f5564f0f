"""The lab itself: whole, and left alone by a second `lab up`."""

import pytest

from lab import cluster
from lab.github import daemon, parts


def pids() -> dict[str, int | None]:
    return {part.name: part.pid for part in cluster.status()}


@pytest.mark.usefixtures("lab")
def test_every_part_of_the_lab_is_ready() -> None:
    assert [part.name for part in cluster.status() if not part.ready] == []


@pytest.mark.usefixtures("lab")
def test_a_second_lab_up_restarts_nothing() -> None:
    before = pids()
    said: list[str] = []
    cluster.up(said.append)
    assert pids() == before
    assert len(said) == 1, said


@pytest.mark.usefixtures("lab")
def test_the_stand_in_for_github_has_a_line_of_its_own_once_it_runs() -> None:
    parts.up(print)
    assert [part.ready for part in cluster.status() if part.name == daemon.NAME] == [True]
