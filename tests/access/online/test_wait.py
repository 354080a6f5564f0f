"""The one wait, with a clock that a test drives and a cluster that follows a script."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import pytest

from access.online.snapshot import ContainerSnapshot, PodSnapshot, PoolSnapshot
from access.online.wait import ClusterReadError, PoolsNotOnlineError, PoolsUnreadError, wait_until_online
from tests.access.driven_clock import DrivenClock
from tests.access.online.test_diagnosis import ended, pod_with_events
from tests.access.online.test_progress import NO_NODE, online, pool, starting, waiting

Look = Sequence[PoolSnapshot] | ClusterReadError
FIRST, SECOND = pool(1, online()), PoolSnapshot("amd", 1, pods=(online("x"),))


class Watch:
    """A wait over a script; the last look stays for ever."""

    def __init__(self, *looks: Look) -> None:
        self.looks: Iterator[Look] = chain(looks, repeat(looks[-1]))
        self.clock = DrivenClock()
        self.lines: list[str] = []
        self.ephemeral: list[str] = []

    def report(self, line: str, *, ephemeral: bool) -> None:
        self.lines.append(line)
        if ephemeral:
            self.ephemeral.append(line)

    def read(self) -> Sequence[PoolSnapshot]:
        look = next(self.looks)
        if isinstance(look, ClusterReadError):
            raise look
        return look

    def run(self, deadline: float = 60) -> float:
        """The seconds that the wait took."""
        wait_until_online(self.read, self.report, deadline, self.clock, "  and then")
        return self.clock.time - 100

    def failure(self, deadline: float = 60) -> str:
        with pytest.raises(PoolsNotOnlineError) as failed:
            self.run(deadline)
        return str(failed.value)


def test_who_rests_is_told_what_is_missing_and_nothing_where_that_is_not_known() -> None:
    watch = Watch([pool(1), SECOND], ClusterReadError("silent"), [FIRST, SECOND])
    rested: list[Sequence[PoolSnapshot]] = []

    def rest(seconds: float, pools: Sequence[PoolSnapshot]) -> None:
        watch.clock.sleep(seconds)
        rested.append(pools)

    wait_until_online(watch.read, watch.report, 60, watch.clock, "", rest=rest)
    assert rested == [[pool(1), SECOND], ()]


def test_the_wait_ends_at_the_first_look_when_all_are_online() -> None:
    assert Watch([FIRST, SECOND]).run() == 0


def test_the_wait_is_over_all_pools_together() -> None:
    watch = Watch([pool(1), SECOND], [FIRST, SECOND])
    watch.run()
    assert watch.lines == ["cuda: 0 of 1 online", "amd: 1 of 1 online", "cuda: 1 of 1 online"]


def test_a_line_is_said_again_now_and_then_so_that_silence_is_no_hang() -> None:
    watch = Watch(*[[pool(1, starting())]] * 150, [FIRST])
    seconds = watch.run()
    assert 25 < seconds < 35
    assert watch.lines.count("cuda: 0 of 1 online, 1 starting") == 3


def test_of_many_pools_only_what_changed_or_is_unfinished_is_said_and_what_is_said_again_is_ephemeral() -> None:
    finished = [PoolSnapshot(f"done-{number}", 1, pods=(online(f"p{number}"),)) for number in range(49)]
    watch = Watch(*[[*finished, pool(1, starting())]] * 300, [*finished, FIRST])
    assert 55 < watch.run(deadline=600) < 65
    assert len(watch.lines) - len(watch.ephemeral) == 50 + 1  # each pool once, and the last one that came online
    assert set(watch.ephemeral) == {"cuda: 0 of 1 online, 1 starting"}
    assert len(watch.ephemeral) == 5


def test_many_pools_that_stay_unfinished_are_one_line() -> None:
    pools = [PoolSnapshot(f"pool-{number}", 1) for number in range(50)]
    watch = Watch(pools)
    watch.failure(deadline=60)
    assert len(watch.lines) - len(watch.ephemeral) == 50
    assert 5 <= len(watch.ephemeral) <= 6
    assert watch.ephemeral[0] == (
        "still waiting for 50 of 50 pools: pool-0: 0 of 1 online; pool-1: 0 of 1 online; pool-2: 0 of 1 online; …"
    )


def test_of_many_pools_on_their_way_only_those_are_said_that_get_there() -> None:
    """Fifty pools that take half a minute from one step to the next, each at a time of its own."""

    def look(second: int) -> list[PoolSnapshot]:
        steps = [(waiting(),), (starting(),), (starting(runner=ContainerSnapshot("running")),), (online("p"),)]
        return [PoolSnapshot(f"pool-{n}", 1, pods=steps[min(3, max(0, second + n) // 25)]) for n in range(50)]

    watch = Watch(*[look(second) for second in range(76) for _ in range(5)])
    assert 60 < watch.run(deadline=600) < 80
    assert len([line for line in watch.lines if "1 of 1 online" in line]) == 50
    assert len(watch.lines) <= 50 + 50 + 3 * 10 + 8  # the first look, the arrivals, steps of the last ten, summaries


@pytest.mark.parametrize("pools", [2, 50])
def test_pools_that_go_to_and_fro_are_not_said_each_time(pools: int) -> None:
    steps: list[tuple[PodSnapshot, ...]] = [(), (starting(),), (online("p"),)]
    moving = [[PoolSnapshot(f"pool-{n}", 1, pods=pods) for n in range(pools)] for pods in steps]
    looks = [[*those, PoolSnapshot("never", 1)] for those in moving]
    watch = Watch(*looks * 100)
    watch.failure(deadline=60)
    assert len(watch.lines) <= (2 * 50 + 8 if pools == 50 else 3 * 7 * pools + 8)


@pytest.mark.parametrize("pools", [1, 10])
def test_large_pools_whose_runners_come_one_by_one_are_not_said_each_time(pools: int) -> None:
    """Each look differs from all before it: a hundred runners are a hundred lines of a pool."""

    def look(number: int) -> list[PoolSnapshot]:
        there = tuple(online(f"p{runner}") for runner in range(number))
        return [PoolSnapshot(f"pool-{n}", 200, pods=there) for n in range(pools)]

    watch = Watch(*[look(number) for number in range(201)])
    assert 35 < watch.run() < 50
    assert len(watch.lines) <= 5 * (30 + 9) + pools
    assert [line for line in watch.lines if "200 of 200" in line] == [
        f"pool-{n}: 200 of 200 online" for n in range(pools)
    ]


def test_a_cluster_that_is_away_for_a_moment_has_nothing_said_anew() -> None:
    pools = [PoolSnapshot(f"pool-{number}", 1, pods=(online(f"p{number}"),)) for number in range(50)]
    by_turns: list[Look] = [[*pools, pool(1)], ClusterReadError("the API server did not answer")]
    watch = Watch(*by_turns * 100, [*pools, FIRST])
    watch.run()
    assert watch.lines.count("pool-7: 1 of 1 online") == 1
    assert len(watch.lines) < 50 + 1 + 1 + 2 * 4 + 1


def test_a_cluster_that_fails_at_another_list_each_time_is_told_as_seldom() -> None:
    silences: list[Look] = [ClusterReadError(f"the API server answered 503 to list {n}") for n in range(290)]
    watch = Watch([pool(1)], *silences, [FIRST])
    assert 55 < watch.run(deadline=600) < 65
    assert len([line for line in watch.lines if "503" in line]) == 6


def test_what_cannot_heal_fails_after_its_grace_and_long_before_the_deadline() -> None:
    watch = Watch([pool(1, waiting(message=NO_NODE)), SECOND])
    message = watch.failure(deadline=300)
    assert 20 <= watch.clock.time - 100 < 22
    assert "cuda: c fits no node: 0/101 nodes are available" in message
    assert "cure: compare the pool's gpu.nodeSelector" in message
    assert "amd" not in message


def test_a_failure_names_each_cause_with_its_cure_and_then_whoever_is_not_online_yet() -> None:
    gone = PoolSnapshot("base", 1, exists=False)
    late = PoolSnapshot("amd", 1, pods=(starting("y"),))
    state = [gone, PoolSnapshot("cpu", 1, exists=False), late, FIRST]
    lines = Watch(state).failure().splitlines()
    assert lines[0] == "the runners will not come online as things are:"
    assert [line.partition(":")[0].strip() for line in lines[1:6]] == ["base", "cure", "cpu", "cure", "amd"]
    assert lines[5:] == ["  amd: 0 of 1 online, 1 starting", "  and then"]


def test_a_failure_says_how_to_go_on() -> None:
    for failure in (Watch([pool(1, pod_with_events("RegistrationBraked"))]), Watch([pool(1, starting())])):
        assert failure.failure().splitlines()[-1] == "  and then"


def test_trouble_that_passes_within_its_grace_is_forgotten() -> None:
    sick, healing = [pool(1, waiting(message=NO_NODE))], [pool(1, starting())]
    assert Watch(*[sick] * 50, healing, *[sick] * 50, [FIRST]).run() > 19


def test_runners_that_die_at_once_fail_the_wait_with_their_last_words() -> None:
    looks = [[pool(1, *(ended(f"x{n}") for n in range(count)), starting())] for count in range(6)]
    assert "image contract: the image has no 'sleep'" in Watch(*looks).failure()


def test_pods_that_had_failed_before_do_not() -> None:
    old = ended("old")
    assert Watch(*[[pool(1, old, starting())]] * 100, [pool(1, old, online())]).run() > 19


def test_the_deadline_names_what_is_missing() -> None:
    message = Watch([pool(1, starting()), SECOND]).failure(deadline=30)
    assert "onlineDeadlineSeconds (30 s)" in message
    assert "cuda: 0 of 1 online, 1 starting" in message
    assert "amd" not in message


def test_a_cluster_that_is_away_for_a_while_is_waited_for() -> None:
    away = ClusterReadError("the API server does not answer")
    watch = Watch([pool(1)], away, away, [FIRST])
    watch.run()
    assert "the API server does not answer" in watch.lines


def test_a_cluster_that_stays_away_ends_the_wait_at_its_deadline() -> None:
    with pytest.raises(PoolsUnreadError, match="the API server does not answer"):
        Watch(ClusterReadError("the API server does not answer")).run()


def test_a_cluster_that_falls_silent_ends_it_with_what_was_seen_last_and_no_certainty() -> None:
    with pytest.raises(PoolsUnreadError, match="0 of 1 online, 1 starting") as unread:
        Watch([pool(1, starting())], ClusterReadError("the API server does not answer")).run()
    assert "the API server does not answer" in str(unread.value)


def test_slow_answers_are_asked_for_less_often() -> None:
    watch = Watch(*[[pool(1)]] * 10, [FIRST])
    read = watch.read

    def slow() -> Sequence[PoolSnapshot]:
        watch.clock.time += 1
        return read()

    wait_until_online(slow, watch.report, 600, watch.clock, "")
    assert watch.clock.time - 100 == 11 + 10 * 3
