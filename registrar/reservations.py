"""Reservations: whose runner gets the next free devices, where a job that came first needs more than one node has left.

Kubernetes' scheduler places whatever fits: runners of one GPU that come and go would keep a runner of four waiting for
ever. So while the scheduler says of a runner that it would fit if other pods ended, pools whose jobs came later get no
registration and are not to have more runners than those that work. Among pools of one PriorityClass only: between two,
the scheduler itself decides and makes room. And among pools that share nodes: where the scheduler says that taints keep
the waiting runner off some, a pool that tolerates more than that runner shares those where both are known to go.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registrar.declared_pool import DeclaredPool
from registrar.places import Places
from registrar.pods import ENDED, RunnerPod, Stage
from registrar.tolerations import tolerates_no_more

RESERVE_AFTER_SECONDS: Final = 10.0  # that a pod waits: until then what is smaller may pass by
# After the last runner that could make room has ended: the scheduler tries a pod again after ten seconds at most.
DRAINED_SECONDS: Final = 30.0
GIVE_UP_SECONDS: Final = 300.0  # where even that made no room: something else holds the devices


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The next free devices are for a runner of this pool; `order` is that of its oldest job.

    others: the keys of the pools that share nodes with it, and of each the nodes on which they do; None for all.
    """

    pool: DeclaredPool
    pod: str
    uid: str
    order: int
    others: Mapping[str, frozenset[str] | None]

    def __str__(self) -> str:
        need = self.pool.devices
        wanted = f"{need.count} {need.resource}" if need is not None else "a place"
        return f"pod {self.pod} of pool {self.pool.key} waits for {wanted} and its job came first"


class Reservations:
    """Remembers of pools since when nothing was left that could make room for them, until it is made or given up.

    Of pools and not of their pods: whoever may change a pool could have a new pod wait each time.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._drained: dict[str, float] = {}
        self._places = Places()

    @property
    def remembered(self) -> int:
        """Of how many pools something is known."""
        return len(self._drained)

    def find(
        self,
        pools: Mapping[str, DeclaredPool],
        by_pool: Mapping[str, Sequence[RunnerPod]],
        orders: Mapping[str, int | None],
    ) -> tuple[Reservation, ...]:
        """Those that hold now; `orders` are the oldest waiting jobs, None where none waits. All by the pools' keys."""
        now, waiting = self._clock(), []
        self._places.note(pools, by_pool)
        for key, members in by_pool.items():
            pool, order = pools.get(key), orders.get(key)
            if pool is None or pool.devices is None or order is None:
                continue  # nothing of it waits: its pods need not be looked at, for each question anew
            heads = [pod for pod in members if _waits_for_devices(pod, now)]
            if not heads:
                continue
            head = min(heads, key=lambda pod: (pod.created, pod.name))
            others = self._others(pool, head, pools)
            waiting.append(Reservation(pool=pool, pod=head.name, uid=head.uid, order=order, others=others))
        self._drained = {
            key: min(since, now)  # the clock may have been set back
            for key, since in self._drained.items()
            if now - since <= DRAINED_SECONDS + GIVE_UP_SECONDS and not _got_a_place(by_pool.get(key, ()), since)
        }
        return tuple(held for held in waiting if self._may_help(held, pools, by_pool, now))

    def _others(
        self, pool: DeclaredPool, head: RunnerPod, pools: Mapping[str, DeclaredPool]
    ) -> dict[str, frozenset[str] | None]:
        """As Reservation.others has them."""
        mine, others = pool.devices, dict[str, frozenset[str] | None]()
        if mine is None:
            return others
        mine_too = self._places.open_to(mine)
        for key, other in pools.items():
            theirs = other.devices
            if key == pool.key or theirs is None or theirs.priority_class != mine.priority_class:
                continue
            if not mine.may_share_nodes(theirs):
                continue
            if not head.kept_out or tolerates_no_more(theirs.tolerations, mine.tolerations):
                others[key] = None
            elif shared := mine_too & self._places.of(theirs):
                others[key] = shared
        return others

    def _may_help(
        self,
        held: Reservation,
        pools: Mapping[str, DeclaredPool],
        by_pool: Mapping[str, Sequence[RunnerPod]],
        now: float,
    ) -> bool:
        """Whether holding others back may make room; not where no runner is left that could go."""
        # Its own runners' ends make room too, and for that nobody need wait.
        can_go = any(
            pools[key].idle_seconds is not None and _can_go(by_pool.get(key, ()), nodes, pools[key].least)
            for key, nodes in held.others.items()
        )
        key = held.pool.key
        if can_go and now - self._drained.get(key, now) <= DRAINED_SECONDS:
            self._drained.pop(key, None)
            return True
        return now - self._drained.setdefault(key, now) <= DRAINED_SECONDS


def holding(pool: DeclaredPool, order: int | None, reservations: Iterable[Reservation]) -> Reservation | None:
    """The reservation for which a pool has to wait, None where its own oldest job came first, or where it is fixed.

    `order` is that of its oldest waiting job.
    """
    if pool.idle_seconds is None:
        return None  # its runners hold their devices whether they are registered or not
    earlier = [held for held in reservations if pool.key in held.others and (order is None or held.order < order)]
    return min(earlier, key=lambda held: held.order, default=None)


def _can_go(pods: Sequence[RunnerPod], nodes: frozenset[str] | None, least: int) -> bool:
    """Whether one of a pool's runners, of which so many stay, could go from one of these nodes."""
    placed = [pod for pod in pods if _is_placed(pod)]
    return len(placed) > least and (nodes is None or any(pod.node in nodes for pod in placed))


def _waits_for_devices(pod: RunnerPod, now: float) -> bool:
    is_waiting = pod.stage is Stage.SCHEDULING and not pod.deleting and bool(pod.short_of)
    return is_waiting and now - pod.created >= RESERVE_AFTER_SECONDS


def _is_placed(pod: RunnerPod) -> bool:
    return pod.stage is not Stage.SCHEDULING and pod.stage not in ENDED


def _got_a_place(pods: Iterable[RunnerPod], since: float) -> bool:
    """Whether one of them has come to a node since then."""
    return any(_is_placed(pod) and pod.stage is not Stage.TERMINATING and pod.since >= since for pod in pods)
