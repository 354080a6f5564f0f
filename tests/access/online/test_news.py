"""A wait that rests until runners come online, and never longer than it should."""

from collections.abc import Generator, Mapping
from typing import Any

import pytest

from access.cluster.errors import ClusterRefusedError, ClusterUnreachableError
from access.online.news import LONGEST_REST_SECONDS, PodNews, missing_runners
from access.online.reader import PoolReader
from access.online.snapshot import PodSnapshot, PoolSnapshot
from tests.access.driven_clock import DrivenClock
from tests.access.online.test_progress import online, pool, starting
from values.contract import ONLINE_GATE

PAUSE = 0.3


def event(name: str, gate: str = "True", kind: str = "MODIFIED") -> dict[str, Any]:
    status = {"conditions": [{"type": ONLINE_GATE, "status": gate}]}
    return {"type": kind, "object": {"metadata": {"name": name}, "status": status}}


class Cluster:
    """Tells its events half a second apart, and then nothing until the watch is over."""

    def __init__(self, *events: dict[str, Any] | Exception, namespaces: tuple[str, ...] = ("dev",)) -> None:
        self.clock = DrivenClock()
        self.events = events
        self.watched: list[tuple[str, str]] = []
        reader = PoolReader(self.get, [(namespace, "cuda") for namespace in namespaces], self.clock.now)
        reader.read()
        self.news = PodNews(self.watch, reader, self.clock)

    def get(self, path: str, parameters: Mapping[str, str], *, accept: str = "application/json") -> Mapping[str, Any]:
        assert parameters
        assert accept
        return {"items": [], "metadata": {"resourceVersion": f"7 of {path}"}}

    def watch(self, path: str, parameters: Mapping[str, str], seconds: int) -> Generator[dict[str, Any], None, None]:
        self.watched.append((path, parameters["resourceVersion"]))
        for number, told in enumerate(self.events, 1):
            self.clock.sleep(0.5)
            if isinstance(told, Exception):
                raise told
            assert number <= len(self.events)
            yield told
        self.clock.sleep(max(0.0, seconds - 0.5 * len(self.events)))

    def rested(self, *pools: PoolSnapshot) -> float:
        before = self.clock.now()
        self.news.rest(PAUSE, pools)
        return self.clock.now() - before


def test_the_rest_ends_when_the_last_missing_runner_is_online() -> None:
    cluster = Cluster(event("x"), event("y", "False"), event("x"), event("y"), event("z"))
    assert cluster.rested(pool(2, starting())) == pytest.approx(2.0)
    assert cluster.watched == [("/api/v1/namespaces/dev/pods", "7 of /api/v1/namespaces/dev/pods")]


def test_a_runner_that_was_online_before_is_no_news() -> None:
    was = PodSnapshot("was", online=True)
    cluster = Cluster(event("was"), event("new"))
    assert cluster.rested(PoolSnapshot("cuda", 2, pods=(was,))) == pytest.approx(1.0)


def test_without_news_the_wait_looks_again_after_two_seconds() -> None:
    assert Cluster(event("x", "False")).rested(pool(1)) == pytest.approx(LONGEST_REST_SECONDS)


@pytest.mark.parametrize(
    "trouble",
    [
        event("x", kind="ERROR"),
        {"type": "ERROR", "object": {"kind": "Status", "code": 410}},
        ClusterRefusedError("GET", "ask", status=403, message="no"),
        ClusterUnreachableError("gone", "look"),
    ],
)
def test_who_cannot_watch_sleeps(trouble: dict[str, Any] | Exception) -> None:
    cluster = Cluster(trouble)
    assert cluster.rested(pool(1)) == pytest.approx(0.5)  # what the trouble took, which is more than the pause
    assert Cluster(namespaces=("dev", "prod")).rested(pool(1)) == pytest.approx(PAUSE)


@pytest.mark.parametrize(
    "pools",
    [(), (pool(1, online()),), (PoolSnapshot("cuda", 1, exists=False),), (PoolSnapshot("cuda", 0, pods=(online(),)),)],
)
def test_where_no_runner_is_missing_the_pace_is_that_of_the_reads(pools: tuple[PoolSnapshot, ...]) -> None:
    assert missing_runners(pools) == 0
    cluster = Cluster(event("x"))
    assert cluster.rested(*pools) == pytest.approx(PAUSE)
    assert cluster.watched == []
