"""Whose runner gets the next free devices."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from lightkube.models.apps_v1 import Deployment

from registrar.declared_pool import DeclaredPool, Devices, read_declared_pool
from registrar.places import MOST_NODES, Places
from registrar.pods import RunnerPod, Stage
from registrar.reservations import DRAINED_SECONDS, GIVE_UP_SECONDS, Reservation, Reservations, holding
from registrar.tolerations import Toleration, tolerates_no_more
from tests.registrar.conftest import World
from tests.registrar.stand_in_cluster import pool_deployment, runner_pod, stamp
from tests.registrar.test_brake import ended_pod
from values import contract

GPU = "nvidia.com/gpu"


def pool(
    name: str, count: int = 1, *, priority: str = "", idle: int | None = 60, taints: str = "", **selector: str
) -> DeclaredPool:
    """`taints`: the keys of those that it tolerates."""
    devices = Devices(
        resource=GPU, count=count, node_selector=frozenset(selector.items()), priority_class=priority,
        tolerations=frozenset(Toleration(key=key, value=None, effect="") for key in taints.split()),
    )  # fmt: skip
    return DeclaredPool(
        namespace="runners", deployment=name, name=name, labels=frozenset({name}), idle_seconds=idle, devices=devices
    )


@dataclass
class Nodes:
    """What the registrar sees of some pools; `now` is its clock."""

    pools: list[DeclaredPool]
    orders: dict[str, int | None]
    pods: list[RunnerPod] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.reservations = Reservations(clock=lambda: self.now)

    def add(
        self, name: str, stage: Stage, *, short_of: tuple[str, ...] = (), seconds: float = 60.0, **seen: Any
    ) -> RunnerPod:
        number = len(self.pods)
        pod = replace(
            ended_pod(f"{name}-{number}", at=1), name=f"{name}-{number}", namespace="runners", pool=name, stage=stage,
            ended=None, created=self.now - seconds, since=self.now - seconds, short_of=short_of,
            **seen,
        )  # fmt: skip
        self.pods.append(pod)
        return pod

    def waits(self, name: str, seconds: float = 60.0, *, kept_out: bool = False) -> RunnerPod:
        return self.add(name, Stage.SCHEDULING, short_of=(GPU,), seconds=seconds, kept_out=kept_out)

    def held(self) -> tuple[Reservation, ...]:
        by_pool: dict[str, list[RunnerPod]] = {}
        for pod in self.pods:
            by_pool.setdefault(f"runners/{pod.pool}", []).append(pod)
        orders = {f"runners/{name}": order for name, order in self.orders.items()}
        return self.reservations.find({pool.key: pool for pool in self.pools}, by_pool, orders)

    def after(self, name: str) -> str:
        """The pool for which another one has to wait, "" for none."""
        declared = next(pool for pool in self.pools if pool.name == name)
        held = holding(declared, self.orders[name], self.held())
        return "" if held is None else held.pool.name


def test_while_a_large_runner_waits_those_of_later_jobs_let_it_pass() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big")
    assert (nodes.after("small"), nodes.after("big")) == ("big", "")


def test_an_earlier_job_is_not_held_back() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 3})
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big")
    assert nodes.after("small") == ""


def test_runners_that_no_job_waits_for_are_given_up() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": None})
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big")
    assert nodes.after("small") == "big"


@pytest.mark.parametrize(
    "other",
    [
        pool("small", gpu="a100"),
        pool("small", priority="urgent"),
        pool("small", idle=None),
        replace(pool("small"), devices=None),
        replace(pool("small"), devices=Devices(resource="amd.com/gpu", count=1)),
    ],
    ids=["other nodes", "another priority", "a fixed number", "no devices", "another resource"],
)
def test_pools_that_do_not_compete_are_not_held_back(other: DeclaredPool) -> None:
    nodes = Nodes([pool("big", 4, gpu="h100"), other, pool("third", gpu="h100")], {"big": 5, "small": 8, "third": 9})
    nodes.add("small", Stage.RUNNING)
    nodes.add("third", Stage.RUNNING)
    nodes.waits("big")
    assert (nodes.after("small"), nodes.after("third")) == ("", "big")


def test_a_teams_own_tainted_nodes_are_not_held_back_for_whoever_may_not_go_there() -> None:
    """Not even while one of the team's jobs goes on for hours."""
    nodes = Nodes([pool("big", 4), pool("small", taints="team-b")], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING, node="b-1")
    nodes.waits("big", kept_out=True)
    assert nodes.after("small") == ""


def test_taints_that_no_node_has_separate_nobody() -> None:
    nodes = Nodes([pool("big", 4), pool("small", taints="spot")], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING, node="a-1")
    nodes.waits("big")
    assert nodes.after("small") == "big"


def test_whoever_tolerates_no_more_than_the_waiting_runner_may_be_where_that_could() -> None:
    both, fewer = pool("big", 4, taints="gpu team-a"), pool("small", taints="gpu")
    nodes = Nodes([both, fewer], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING, node="a-1")
    nodes.waits("big", kept_out=True)
    assert nodes.after("small") == "big"


@pytest.mark.parametrize("seen", ["big", "third"])
def test_a_team_with_nodes_of_its_own_waits_while_its_runners_are_on_those_of_others(seen: str) -> None:
    """Where a runner has been that tolerates no more than the waiting one, that one could be too."""
    pools = [pool("big", 4), pool("small", taints="team-b"), pool("third", idle=None)]
    nodes = Nodes(pools, {"big": 5, "small": 8, "third": None})
    before = nodes.add(seen, Stage.RUNNING, node="a-1")
    nodes.held()
    nodes.pods.remove(before)
    own, guest = nodes.add("small", Stage.RUNNING, node="b-1"), nodes.add("small", Stage.RUNNING, node="a-1")
    nodes.waits("big", kept_out=True)
    assert nodes.after("small") == "big"
    nodes.pods.remove(guest)
    assert nodes.after("small") == "big"  # the scheduler may come back to it yet
    nodes.now += DRAINED_SECONDS + 1
    assert (nodes.after("small"), nodes.pods[0]) == ("", own)


def test_nodes_are_remembered_of_declared_pools_alone_and_not_without_end() -> None:
    places, mine = Places(), pool("big", taints="gpu")
    pod = Nodes([mine], {}).add("big", Stage.RUNNING)
    assert mine.devices is not None
    for number in range(MOST_NODES + 10):
        places.note({mine.key: mine}, {mine.key: [replace(pod, node=f"node-{number}")]})
    assert len(places.of(mine.devices)) == MOST_NODES
    assert f"node-{MOST_NODES + 9}" in places.of(mine.devices)
    places.note({}, {})
    assert places.of(mine.devices) == frozenset()


ANY, GPUS = Toleration(key="", value=None, effect=""), Toleration(key="gpu", value=None, effect="")
YES = Toleration(key="gpu", value="yes", effect="NoSchedule")


@pytest.mark.parametrize(
    ("these", "those", "is_no_more"),
    [
        ([], [], True),
        ([], [GPUS], True),
        ([GPUS], [], False),
        ([YES], [GPUS], True),
        ([GPUS], [YES], False),
        ([GPUS, YES], [ANY], True),
        ([ANY], [GPUS], False),
        ([YES], [replace(YES, value="no")], False),
        ([YES], [replace(YES, effect="NoExecute")], False),
    ],
)
def test_tolerations_are_compared_as_kubernetes_reads_them(
    these: list[Toleration], those: list[Toleration], is_no_more: bool
) -> None:
    assert tolerates_no_more(these, those) is is_no_more


def test_a_pod_that_has_just_come_reserves_nothing() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big", seconds=2)
    assert nodes.held() == ()


def test_a_warm_runner_that_no_job_waits_for_reserves_nothing() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": None, "small": 8})
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big")
    assert nodes.held() == ()


class Counted(tuple[RunnerPod, ...]):
    """Pods, and how often they were looked at one by one."""

    looks = 0

    def __iter__(self) -> Iterator[RunnerPod]:
        self.looks += 1
        return super().__iter__()


def test_pods_are_not_looked_at_again_for_each_question_while_nothing_changes() -> None:
    reservations, small, seen = Reservations(), pool("small", taints="gpu"), Counted()
    by_pool = {small.key: seen}
    for _ in range(100):
        reservations.find({small.key: small}, by_pool, {small.key: None})
    assert seen.looks == 1
    reservations.find({small.key: replace(small, devices=None)}, by_pool, {})
    reservations.find({small.key: small}, by_pool, {})
    reservations.find({small.key: small}, dict(by_pool), {})
    assert seen.looks == 3


def test_a_runner_that_no_node_could_hold_reserves_nothing() -> None:
    nodes = Nodes([pool("big", 64), pool("small")], {"big": 5, "small": 8})
    nodes.add("small", Stage.RUNNING)
    nodes.add("big", Stage.SCHEDULING)
    assert nodes.held() == ()


def test_a_reservation_lasts_a_while_after_the_last_runner_that_could_make_room() -> None:
    """The scheduler comes back to a pod within ten seconds."""
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    nodes.waits("big")
    assert nodes.after("small") == "big"
    nodes.now += DRAINED_SECONDS - 1
    assert nodes.after("small") == "big"


def test_where_even_empty_nodes_make_no_room_the_others_go_on_and_it_is_tried_again_later() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    nodes.waits("big")
    assert nodes.after("small") == "big"
    nodes.now += DRAINED_SECONDS + 1
    assert nodes.after("small") == ""
    nodes.add("small", Stage.RUNNING)
    assert nodes.after("small") == ""
    nodes.now += GIVE_UP_SECONDS
    assert nodes.after("small") == "big"


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_as_long() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8}, now=5000.0)
    head = nodes.waits("big")
    assert nodes.after("small") == "big"
    nodes.now = 1000.0
    nodes.pods[0] = replace(head, created=900.0, since=900.0)
    assert nodes.after("small") == "big"
    nodes.now += DRAINED_SECONDS + 1
    assert nodes.after("small") == ""


def test_nobody_waits_for_a_pool_that_only_its_own_runners_keep_waiting() -> None:
    """One that works for hours would else hold back all others, on nodes too where it could never be."""
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    nodes.add("big", Stage.RUNNING)
    nodes.waits("big")
    assert nodes.after("small") == "big"  # for the scheduler's next try
    nodes.now += DRAINED_SECONDS + 1
    assert nodes.after("small") == ""


def test_a_pool_that_gave_up_gains_nothing_by_a_new_pod() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    first = nodes.waits("big")
    assert nodes.after("small") == "big"
    nodes.now += DRAINED_SECONDS + 1
    nodes.pods.remove(first)
    assert nodes.held() == ()
    nodes.waits("big")
    nodes.add("small", Stage.RUNNING)
    assert nodes.after("small") == ""


def test_a_pool_that_got_its_place_has_its_turn_the_next_time_too() -> None:
    nodes = Nodes([pool("big", 4), pool("small")], {"big": 5, "small": 8})
    head = nodes.waits("big")
    assert nodes.after("small") == "big"
    nodes.now += 5
    nodes.pods[nodes.pods.index(head)] = replace(head, stage=Stage.RUNNING, short_of=(), since=nodes.now)
    assert nodes.held() == ()
    nodes.now += DRAINED_SECONDS + 1
    nodes.pods.clear()
    nodes.add("small", Stage.RUNNING)
    nodes.waits("big")
    assert nodes.after("small") == "big"


def test_nothing_is_remembered_for_long() -> None:
    nodes = Nodes([pool("big", 4)], {"big": 5})
    nodes.waits("big")
    nodes.held()
    nodes.pods.clear()
    nodes.now += DRAINED_SECONDS + GIVE_UP_SECONDS + 1
    nodes.held()
    assert nodes.reservations.remembered == 0


def test_what_a_runner_asks_of_a_node_is_read_off_its_deployment() -> None:
    document = pool_deployment("big")
    document["metadata"]["annotations"] = {
        contract.IDLE_SECONDS_ANNOTATION: "0", contract.LEAST_RUNNERS_ANNOTATION: "2",
    }  # fmt: skip
    container = {"name": "runner", "resources": {"limits": {"memory": "1Gi", GPU: "4"}}}
    document["spec"]["template"]["spec"] = {
        "containers": [container], "nodeSelector": {"zone": "a"}, "priorityClassName": "urgent",
        "tolerations": [
            {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, {"key": "team", "value": "a"},
            {"operator": "Exists"}, {"key": "size", "operator": "Gt", "value": "4"},
        ],
    }  # fmt: skip
    declared = read_declared_pool(cast(Deployment, Deployment.from_dict(document)))
    assert (declared.idle_seconds, declared.least) == (0, 2)
    assert declared.devices == Devices(
        resource=GPU, count=4, node_selector=frozenset({("zone", "a")}), priority_class="urgent",
        tolerations=frozenset({
            Toleration(key="gpu", value=None, effect="NoSchedule"), Toleration(key="team", value="a", effect=""),
            Toleration(key="", value=None, effect=""), Toleration(key="size", value="Gt 4", effect=""),
        }),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "-1", "1e9", "9999999999", "many", "1.5"])
def test_whatever_a_deployment_says_of_itself_is_a_number_or_nothing(text: str) -> None:
    document = pool_deployment("big")
    document["metadata"]["annotations"] = {contract.IDLE_SECONDS_ANNOTATION: text}
    container = {"name": "runner", "resources": {"limits": {GPU: text}}}
    document["spec"]["template"]["spec"] = {"containers": [container]}
    declared = read_declared_pool(cast(Deployment, Deployment.from_dict(document)))
    assert (declared.idle_seconds, declared.devices) == (None, None)


async def queue(world: World) -> dict[str, dict[str, object]]:
    async with world.http.get(f"{world.status_url}/queue") as response:
        document: dict[str, dict[str, object]] = await response.json()
        return document


def runner_of(pool: str, name: str) -> dict[str, Any]:
    pod = runner_pod(name, runner_labels=pool)
    pod["metadata"]["labels"][contract.POOL_LABEL] = pool
    pod["metadata"]["creationTimestamp"] = stamp(60)
    return pod


async def test_a_later_jobs_runner_is_not_registered_before_the_one_that_waits_for_its_devices(world: World) -> None:
    """The scheduler has given the freed device to the small runner all the same: it goes back, unused."""
    world.follow()
    for name, gpus in (("big", 4), ("small", 1)):
        await world.cluster.declare(name, runner_labels=name, idle=60, gpus=gpus)
    head = runner_of("big", "big-abc-aaaaa")
    words = {
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available: 1 No "
        "preemption victims found for incoming pod.",
    }
    head["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", **words}]}
    later = runner_of("small", "small-abc-aaaaa")
    for pod in (head, later):
        await world.cluster.create(pod)
    world.gitea.job(5, status="queued", labels=["big"])
    world.gitea.job(8, status="queued", labels=["small"])
    async with asyncio.timeout(60):
        while (await queue(world)).get("runners/small") != {
            "waiting": 1,
            "running": 0,
            "wanted": 0,
            "after": "runners/big",
        }:
            await asyncio.sleep(0.02)
    status, headers, body = await world.register(later)
    assert (status, body["reason"]) == (429, contract.REGISTRATION_AFTER_OTHERS)
    assert "pod big-abc-aaaaa of pool runners/big waits for 4 nvidia.com/gpu and its job came first" in body["message"]
    assert float(headers["Retry-After"]) <= 5
    world.gitea.job(5, status="completed", conclusion="cancelled")
    async with asyncio.timeout(60):
        while (await world.register(later))[0] != 200:
            await queue(world)  # as an autoscaler goes on asking
            await asyncio.sleep(0.05)


def test_a_pool_whose_own_job_came_at_the_same_moment_waits_for_nobody() -> None:
    held = Reservation(pool=pool("big", 4), pod="big-0", uid="uid-0", order=7, others={"runners/small": None})
    assert holding(pool("small"), 7, [held]) is None
    assert holding(pool("small"), 8, [held]) is held
    assert holding(pool("small"), None, [held]) is held
