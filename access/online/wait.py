"""The one wait for runners: all pools together, until each is far enough, cannot be helped, or time is over.

The cluster, the clock and the log are injected; everything in between is pure.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from access.clock import Clock
from access.online.diagnosis import Diagnosis, diagnose, remarks
from access.online.progress import is_complete, progress_line
from access.online.snapshot import PoolSnapshot

SAY_SOMETHING_EVERY: Final = 10.0
# Of pools that stay as they are, no more are repeated one by one.
REPEATED_POOLS: Final = 3
# Of more pools that are on their way it is not said where each of them is.
MANY_POOLS: Final = 10
# Where so many lines were said in `SAY_SOMETHING_EVERY`, steps of pools on their way are no news until there are fewer.
MANY_LINES: Final = 30
SHORTEST_PAUSE: Final = 0.2
# The API server gets three times as long to rest as it needed to answer.
PAUSE_PER_READ: Final = 3.0

_Key = tuple[str, str]


class PoolsNotOnlineError(Exception):
    """The wait ended without every pool online. The message names each pool, the cause and the cure."""


class PoolsUnreadError(PoolsNotOnlineError):
    """The wait ended without an answer of the cluster's, so that nothing is known."""


class ClusterReadError(Exception):
    """The cluster did not answer this once. The message says what was asked."""


class Report(Protocol):
    """Where lines go; an ephemeral one says nothing new, and need not be kept once the wait is over."""

    def __call__(self, line: str, *, ephemeral: bool) -> None:
        """Reports one line."""


Explain = Callable[[Sequence[PoolSnapshot]], list[str]]
# Lets time pass between two reads, so many seconds at least; pools as they were read last, none where nothing is known.
Rest = Callable[[float, Sequence[PoolSnapshot]], None]


def wait_until_online(
    read: Callable[[], Sequence[PoolSnapshot]],
    report: Report,
    deadline_seconds: float,
    clock: Clock,
    afterwards: str,
    *,
    explain: Explain = lambda _: [],
    rest: Rest | None = None,
) -> None:
    """Returns when every pool is far enough; read gives all pools as they are now.

    Raises PoolsNotOnlineError on what cannot heal by itself, and when deadline_seconds are over: PoolsUnreadError where
    the cluster is silent by then. explain gives lines about the pools that are missing, from a deeper look, once;
    afterwards ends the message: what whoever waits can do next. Without rest the clock sleeps between two reads.
    """
    start = clock.now()
    old_failures: frozenset[str] | None = None
    seen: Mapping[_Key, float] = {}
    reporter = _Reporter(report)
    pools: Sequence[PoolSnapshot] = ()
    silence = "the cluster has not answered yet"
    while True:
        asked = clock.now()
        try:
            pools = read()
            silence = ""
        except ClusterReadError as error:
            silence = str(error)
        now = clock.now()
        if not silence:
            if old_failures is None:
                old_failures = failures(pools)
            reporter.tell({progress_line(pool): is_complete(pool) for pool in pools}, now)
            if all(is_complete(pool) for pool in pools):
                return
            found = [diagnosis for pool in pools for diagnosis in diagnose(pool, old_failures)]
            seen = still_seen(seen, found, now)
            if overdue := [d for d in found if now - seen[d.pool, d.kind] >= d.grace]:
                raise PoolsNotOnlineError(_message(_failure(overdue, pools), explain(_incomplete(pools)), afterwards))
        else:
            reporter.tell_silence(silence, now)
        if now - start >= deadline_seconds:
            ended = PoolsUnreadError if silence else PoolsNotOnlineError
            why = [] if silence else explain(_incomplete(pools))
            raise ended(_message(_timeout(pools, deadline_seconds, silence), why, afterwards))
        pause = max(SHORTEST_PAUSE, PAUSE_PER_READ * (now - asked))
        if rest is None:
            clock.sleep(pause)
        else:
            rest(pause, () if silence else pools)


def _incomplete(pools: Iterable[PoolSnapshot]) -> list[PoolSnapshot]:
    return [pool for pool in pools if not is_complete(pool)]


def _message(found: str, why: Iterable[str], afterwards: str) -> str:
    return "\n".join([found, *why, afterwards])


def failures(pools: Iterable[PoolSnapshot]) -> frozenset[str]:
    """Names of the pods that have failed."""
    return frozenset(pod.name for pool in pools for pod in pool.pods if pod.phase == "Failed")


def still_seen(seen: Mapping[_Key, float], found: Iterable[Diagnosis], now: float) -> dict[_Key, float]:
    """Since when each diagnosis is seen without a break; one that is no longer found starts anew."""
    return {(d.pool, d.kind): seen.get((d.pool, d.kind), now) for d in found}


class _Reporter:
    """Reports what changed, and now and then what is unfinished, so that silence never means a hang.

    However many pools there are and whatever they do, few lines come of it: of many that are on their way only those
    are news that got there for the first time, and no line is said twice in `SAY_SOMETHING_EVERY`.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: Mapping[str, bool] = {}
        self._said: dict[str, float] = {}
        self._when = 0.0
        self._silent = -math.inf

    def tell(self, lines: Mapping[str, bool], now: float) -> None:
        """Each line, and whether it is the last that will be said of its pool as things are."""
        unfinished = [line for line, finished in lines.items() if not finished]
        changed = [line for line in lines if line not in self._last]
        if not self._last or (max(len(unfinished), len(changed)) <= MANY_POOLS and not self._has_said_much(now)):
            news = [line for line in changed if not self._is_fresh(line, now)]
        else:
            news = [line for line in changed if lines[line] and line not in self._said]
        self._say(news, now, ephemeral=False)
        if not news and now - self._when >= SAY_SOMETHING_EVERY:
            self._say(_still(unfinished, len(lines)), now, ephemeral=True)
        self._last = lines

    def tell_silence(self, line: str, now: float) -> None:
        """That nothing is known now. What was said of the pools stands, and is not said anew when they are seen.

        Seldom, whatever the words: a cluster that comes and goes fails at another list each time.
        """
        if now - self._silent >= SAY_SOMETHING_EVERY:
            self._say([line], now, ephemeral=line in self._said)
            self._silent = now

    def _is_fresh(self, line: str, now: float) -> bool:
        return line in self._said and now - self._said[line] < SAY_SOMETHING_EVERY

    def _has_said_much(self, now: float) -> bool:
        return sum(now - when < SAY_SOMETHING_EVERY for when in self._said.values()) >= MANY_LINES

    def _say(self, lines: Iterable[str], now: float, *, ephemeral: bool) -> None:
        for line in lines:
            self._report(line, ephemeral=ephemeral)
            self._said[line] = self._when = now


def _still(unfinished: Sequence[str], pools: int) -> list[str]:
    """What is said again: a few pools one by one, more of them in one line."""
    if len(unfinished) <= REPEATED_POOLS:
        return list(unfinished)
    first = "; ".join(unfinished[:REPEATED_POOLS])
    return [f"still waiting for {len(unfinished)} of {pools} pools: {first}; …"]


def _failure(overdue: Iterable[Diagnosis], pools: Iterable[PoolSnapshot]) -> str:
    lines = ["the runners will not come online as things are:"]
    for diagnosis in overdue:
        lines += [f"  {diagnosis.pool}: {diagnosis.cause}", f"    cure: {diagnosis.cure}"]
    failed = {diagnosis.pool for diagnosis in overdue}
    lines += [f"  {progress_line(pool)}" for pool in pools if pool.name not in failed and not is_complete(pool)]
    return "\n".join(lines)


def _timeout(pools: Iterable[PoolSnapshot], deadline_seconds: float, silence: str) -> str:
    lines = [f"not every runner was online after onlineDeadlineSeconds ({deadline_seconds:.0f} s):", *missing(pools)]
    if silence:
        lines.append(f"  {silence}")
    return "\n".join(lines)


def missing_when_ended(pools: Sequence[PoolSnapshot]) -> str:
    """What somebody is told who ends a wait; pools as they were seen last, none where no answer came."""
    if not pools:
        return "ended before the cluster answered: what is missing is not known"
    return "\n".join(["ended while this was missing:", *missing(pools)])


def missing(pools: Iterable[PoolSnapshot]) -> list[str]:
    """An indented line for each pool that is not far enough, with what is known of its pods below."""
    lines = []
    for pool in pools:
        if not is_complete(pool):
            lines += [f"  {progress_line(pool)}", *(f"    {remark}" for remark in remarks(pool))]
    return lines
