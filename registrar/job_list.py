"""JobList: answers `/jobs`: each job that waits or works in the granted scopes, and the pools that could take it."""

import asyncio
from itertools import islice
from typing import Any, Final

from registrar.forges.forge import ForgeError
from registrar.pod_store import PodStore
from registrar.queue import Takers, place_in_queue
from registrar.queue_reader import QueueReader
from registrar.settings import Settings
from registrar.untrusted import words
from values.scope import Scope

MOST_JOBS: Final = 500  # of a scope and state; whoever looks for one names it

Entry = dict[str, Any]


class JobList:
    """Who may read it learns names and labels of jobs, as on the forge's own page."""

    def __init__(self, settings: Settings, queue: QueueReader, store: PodStore) -> None:
        self._settings, self._queue, self._store = settings, queue, store

    async def read(self, number: str = "") -> Entry:
        """Where a number is given, those jobs alone that the forge names by it.

        `jobs`, one entry each: scope, id, name, labels, state (waiting, running), runner and pools; runner is
        `namespace/pod` of ours that has it, "" for none. `scopes`, one entry each: scope, and as problem why its jobs
        are not listed, "" where they are.

        Raises ForgeError where there are scopes and none answers.
        """
        scopes = sorted({grant.scope for grant in self._settings.grants})
        answers = await asyncio.gather(*(self._scope(scope, number) for scope in scopes), return_exceptions=True)
        jobs: list[Entry] = []
        problems: dict[Scope, ForgeError] = {}
        for scope, answer in zip(scopes, answers, strict=True):
            if isinstance(answer, ForgeError):
                problems[scope] = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                jobs += answer
        if problems and len(problems) == len(scopes):
            raise next(iter(problems.values()))
        listed = [
            {"scope": scope.path, "problem": words(str(problems[scope])) if scope in problems else ""}
            for scope in scopes
        ]
        return {"jobs": jobs, "scopes": listed}

    async def _scope(self, scope: Scope, number: str) -> list[Entry]:
        snapshot, pools = await self._queue.snapshot(scope)
        begun = {job.id for job in snapshot.running}
        waiting = [job for job in snapshot.waiting if job.id not in begun]
        runners = {pod.runner_id: f"{pod.namespace}/{pod.name}" for pod in self._store.last_seen()}
        takers = Takers(pools)
        return [
            {
                "scope": scope.path,
                "id": job.id,
                "name": words(job.name),
                "labels": sorted(map(words, job.labels)),
                "state": state,
                "runner": runners.get(job.runner_id, "") if job.runner_id is not None else "",
                "pools": sorted(takers.of(job)),
            }
            for state, jobs in (("waiting", waiting), ("running", snapshot.running))
            for job in islice((job for job in jobs if not number or str(place_in_queue(job)) == number), MOST_JOBS)
        ]
