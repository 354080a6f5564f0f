"""What is told once: about how many things that is remembered."""

from typing import cast

from registrar.actions import Ghost
from registrar.announcer import MOST_OF_A_SUBJECT, MOST_WITHOUT_POD, Announcer
from registrar.cluster import Cluster


class Silent:
    """An API server that takes every Event."""

    async def write_event(self, *_: object, **__: object) -> None:
        """Taken."""


async def test_below_the_bound_nothing_that_was_told_of_a_runner_without_a_pod_is_forgotten() -> None:
    announcer = Announcer(cast("Cluster", Silent()))
    ghosts = [Ghost(namespace="runners", name=f"cuda-{number}") for number in range(MOST_WITHOUT_POD)]
    for ghost in ghosts:
        await announcer.announce(ghost, "Gone", "it is gone")
    assert all(announcer.has_announced(ghost, "Gone", "it is gone") for ghost in ghosts)
    await announcer.announce(Ghost(namespace="runners", name="one more"), "Gone", "it is gone")
    assert not announcer.has_announced(ghosts[0], "Gone", "it is gone"), "beyond it the oldest"
    assert announcer.has_announced(ghosts[1], "Gone", "it is gone")


async def test_of_one_pod_no_more_than_a_number_of_different_words_is_remembered() -> None:
    """Among them are a scheduler's and a forge's, which change all the time."""
    announcer, pod = Announcer(cast("Cluster", Silent())), Ghost(namespace="runners", name="cuda-1", uid="u")
    for number in range(3 * MOST_OF_A_SUBJECT):
        await announcer.announce(pod, "Waits", f"for {number} seconds")
    remembered = sum(announcer.has_announced(pod, "Waits", f"for {it} seconds") for it in range(3 * MOST_OF_A_SUBJECT))
    assert 0 < remembered <= MOST_OF_A_SUBJECT
