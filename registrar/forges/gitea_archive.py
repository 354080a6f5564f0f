"""The completed jobs of a Gitea: which of them a runner had is found by reading their list, newest pages first.

The list is oldest first and grows for ever. A long job has an old place in it, so it is looked for behind many that
began later and ended before it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from registrar.untrusted import Entry
from values.scope import Scope

MOST_PAGES: Final = 40  # before the last one of when a search began: 2,000 jobs
PAGES_AT_ONCE: Final = 4
MOST_SEARCHES: Final = 1000  # that were broken off

Read = Callable[[int], Awaitable[Sequence[Entry]]]  # the jobs of a page, by its number from 1 on
HasIt = Callable[[Entry], bool]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """last: number of the last page when it was broken off. left: the pages that nobody has read yet."""

    last: int
    left: set[int]


class Archive:
    """Remembers which pages a search has read that was broken off: however slow the forge is, some try is the last."""

    def __init__(self) -> None:
        self._searches: OrderedDict[tuple[Scope, int], _Search] = OrderedDict()

    async def find(self, scope: Scope, runner_id: int, *, last: int, read: Read, has_it: HasIt) -> Entry | None:
        """The youngest job that `has_it`, among the last pages; None where none has. `last`: the last page's number.

        Raises what `read` raises; the same search goes on from there when it is asked for again.
        """
        left = self._left(self._searches.pop((scope, runner_id), None), last)
        self._searches[scope, runner_id] = _Search(last=last, left=left)
        while len(self._searches) > MOST_SEARCHES:
            self._searches.popitem(last=False)

        async def read_one(page: int) -> Sequence[Entry]:
            jobs = await read(page)
            if not any(map(has_it, jobs)):
                left.discard(page)
            return jobs

        pages = sorted(left, reverse=True)
        for first in range(0, len(pages), PAGES_AT_ONCE):
            answers = await asyncio.gather(*map(read_one, pages[first : first + PAGES_AT_ONCE]), return_exceptions=True)
            for jobs in answers:
                if isinstance(jobs, BaseException):
                    raise jobs
                for job in reversed(jobs):
                    if has_it(job):
                        self._searches.pop((scope, runner_id), None)
                        return job
        self._searches.pop((scope, runner_id), None)
        return None

    def _left(self, search: _Search | None, last: int) -> set[int]:
        """The pages to be read. What is completed meanwhile takes its old place, and moves others on by a page."""
        if search is None:
            return set(range(max(0, last - MOST_PAGES) + 1, last + 1))
        moved = {page + 1 for page in search.left if page < search.last}
        return search.left | moved | set(range(search.last, last + 1))
