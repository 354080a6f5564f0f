"""Who had a job is found among completed ones, however slow the forge is: a search goes on where it was broken off."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from registrar.accounting import Accounting
from registrar.forges.forge import Forge, ForgeUnreachableError, Job, Pace
from registrar.forges.gitea_archive import MOST_PAGES, PAGES_AT_ONCE, Archive
from registrar.metrics import Metrics
from registrar.results import LOOK_UP_SECONDS, LOOK_UPS_AT_ONCE, Results
from registrar.untrusted import Entry
from tests.registrar import virtual_time
from tests.registrar.at_once import AtOnce
from tests.registrar.test_results import ended
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@dataclass
class Shelf:
    """Pages of two jobs each, by the ids of their runners; those of `unreadable` raise."""

    runners: list[int]
    unreadable: set[int] = field(default_factory=set)
    seconds: float = 0.0
    read: list[int] = field(default_factory=list)
    archive: Archive = field(default_factory=Archive)
    at_once: AtOnce = field(default_factory=AtOnce)

    @property
    def last(self) -> int:
        return -(-len(self.runners) // 2)

    async def page(self, number: int) -> Sequence[Entry]:
        self.read.append(number)
        with self.at_once:
            await asyncio.sleep(self.seconds)
        if number in self.unreadable:
            raise ForgeUnreachableError("no answer")
        return [Entry({"runner_id": runner}) for runner in self.runners[2 * number - 2 : 2 * number]]

    async def find(self, runner_id: int) -> Entry | None:
        self.read.clear()
        return await self.archive.find(
            GUIDE,
            runner_id,
            last=self.last,
            read=self.page,
            has_it=lambda job: job.identifier_or_none("runner_id") == runner_id,
        )


async def test_the_newest_pages_are_read_first_and_few_at_once() -> None:
    shelf = Shelf(list(range(1, 41)))
    job = await shelf.find(30)
    assert job is not None
    assert shelf.read == list(range(20, 12, -1)), "it is on page 15"
    assert shelf.at_once.most == PAGES_AT_ONCE


async def test_a_list_without_an_end_is_not_read_to_its_end() -> None:
    shelf = Shelf(list(range(1, 2 * MOST_PAGES + 21)))
    assert await shelf.find(1) is None
    assert shelf.read == list(range(MOST_PAGES + 10, 10, -1))


async def test_what_was_read_before_it_was_broken_off_is_not_read_again() -> None:
    shelf = Shelf(list(range(1, 41)), unreadable={11})
    with pytest.raises(ForgeUnreachableError):
        await shelf.find(1)
    assert min(shelf.read) == 9, "the others of its four were read"
    shelf.unreadable.clear()
    job = await shelf.find(1)
    assert job is not None
    assert shelf.read == [20, 12, 11, 9, *range(8, 0, -1)], "and what may hold more by now"


async def test_what_was_completed_meanwhile_hides_nothing() -> None:
    """Those that began earlier take a place in front, and the last of each page moves to the next one."""
    shelf = Shelf(list(range(1, 41)), unreadable={8})
    with pytest.raises(ForgeUnreachableError):
        await shelf.find(16)
    shelf.unreadable.clear()
    shelf.runners.insert(0, 99)  # 16 was the last on page 8
    assert await shelf.find(16) is not None
    shelf.unreadable = {3}
    with pytest.raises(ForgeUnreachableError):
        await shelf.find(77)
    shelf.unreadable.clear()
    shelf.runners += [77, 78, 79]
    assert await shelf.find(77) is not None


async def test_a_search_that_has_ended_is_forgotten() -> None:
    shelf = Shelf(list(range(1, 41)))
    for runner in (1, 40, 99):
        await shelf.find(runner)
    assert not shelf.archive._searches
    assert await shelf.find(40) is not None


@dataclass
class SlowForge:
    """The part of a Gitea that looks for the job of a runner whose id nobody knows."""

    shelf: Shelf
    tries: int = 0
    pace: Pace = Pace(burst=1, active=1, idle=1, census=1)  # noqa: RUF009 - frozen

    async def result(self, scope: Scope, *, runner_id: int, job_id: str | None) -> Job | None:
        assert (scope, job_id) == (GUIDE, None)
        self.tries += 1
        await self.shelf.find(runner_id)
        return None


def test_idle_runners_that_broke_down_are_judged_however_slow_the_forge_is() -> None:
    """More of them than are looked up at once, each of which takes several times as long as one try may."""
    forge = SlowForge(Shelf(list(range(1001, 1001 + 4 * MOST_PAGES)), seconds=9.9))
    assert MOST_PAGES / PAGES_AT_ONCE * forge.shelf.seconds > LOOK_UP_SECONDS

    async def run() -> None:
        results = Results(cast("Forge", forge), GUIDE, lambda: None, Accounting(Metrics()))
        pods = [ended(number) for number in range(1, LOOK_UPS_AT_ONCE + 3)]
        results.ask(pods)
        async with asyncio.timeout(1800):  # of virtual time
            while not all(results.outcome(pod) for pod in pods):
                await asyncio.sleep(1)
        for pod in pods:
            outcome = results.outcome(pod)
            assert outcome is not None
            assert not outcome.had_job
        await results.close()

    virtual_time.run(run())
    assert forge.tries > LOOK_UPS_AT_ONCE + 2
