"""The faults of the table that strike in a soak: those that are quick to bring about and to take back."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from lab.faults import machine, registrar
from lab.soak.schedule import Kind, Strike
from lab.soak.side import Side
from lab.trial.deadline import until
from lab.trial.pods import RunnerPod

GITEA, GITHUB, CLUSTER = "gitea", "github", "cluster"
FORGES: Final = (GITEA, GITHUB)
VICTIM_SECONDS: Final = 8.0
OUTAGE_SECONDS: Final = 6.0
FROZEN_SECONDS: Final = 8.0
AWAY_SECONDS: Final = 4.0
POINT_SECONDS: Final = 3.0  # a registrar is killed at any point of so long a time
ANSWER_SECONDS: Final = 30.0

Act = Callable[[Side, Strike], str]
"""Brings a fault about and takes it back, whatever happens meanwhile; says what it saw. Raises LabError."""


def victim(pods: Callable[[], list[RunnerPod]], what: str, pick: float) -> RunnerPod:
    """One of those pods, as soon as there is any."""
    some = until(f"{what} is there to be struck", pods, VICTIM_SECONDS)
    return some[int(pick * len(some))]


def idle(side: Side, strike: Strike) -> RunnerPod:
    """A runner without a job."""
    return victim(lambda: side.idle(side.pool), "an idle runner", strike.pick)


def busy(side: Side, strike: Strike) -> RunnerPod:
    """A runner with a job."""
    return victim(side.busy, "a busy runner", strike.pick)


def idle_deleted(side: Side, strike: Strike) -> str:
    """As `kubectl delete pod` does it."""
    pod = idle(side, strike)
    side.pods.delete(pod.name)
    return pod.name


def busy_deleted(side: Side, strike: Strike) -> str:
    """The job goes on to its end."""
    pod = busy(side, strike)
    side.pods.delete(pod.name)
    return pod.name


def force_deleted(side: Side, strike: Strike) -> str:
    """Nobody waits for anything: its job is lost by its nature."""
    pod = busy(side, strike)
    side.victims[pod.name] = strike.kind.name
    side.pods.delete(pod.name, gracePeriodSeconds=0)
    return pod.name


def killed(side: Side, strike: Strike) -> str:
    """Nobody is left to tell the forge: its job is lost by its nature."""
    pod = busy(side, strike)
    side.victims[pod.name] = strike.kind.name
    machine.signal_runner(pod, "SIGKILL")
    return pod.name


def idle_ended(side: Side, strike: Strike) -> str:
    """Its runner ends with 0 and had no job."""
    pod = idle(side, strike)
    machine.signal_runner(pod, "SIGTERM")
    return pod.name


def registrar_killed(side: Side, strike: Strike) -> str:
    """At some point after an idle runner was deleted."""
    idle_deleted(side, strike)
    time.sleep(strike.pick * POINT_SECONDS)
    registrar.kill(side)
    registrar.until_serving(side)
    return f"{strike.pick * POINT_SECONDS:.1f} s after an idle runner was deleted"


def registrar_frozen(side: Side, _: Strike) -> str:
    """Its process stands still and goes on as if nothing had been."""
    container = registrar.freeze(side)
    try:
        time.sleep(FROZEN_SECONDS)
    finally:
        registrar.thaw(container)
    return f"for {FROZEN_SECONDS:g} s"


def outage(side: Side, strike: Strike) -> str:
    """The forge misbehaves for a while."""
    with side.forge.outage(strike.kind.name):
        time.sleep(OUTAGE_SECONDS)
    return f"for {OUTAGE_SECONDS:g} s"


def answer_lost(side: Side, strike: Strike) -> str:
    """A registration that is made and not heard of."""
    before = side.forge.registrations()
    with side.forge.next_answer_lost():
        idle_deleted(side, strike)

        def registered() -> bool:
            side.forge.runners()
            return side.forge.registrations() > before

        until("the forge has made a registration", registered, ANSWER_SECONDS)
    return "one registration"


def part(name: str, away: float = 0.0) -> Act:
    """A part of the cluster ends and starts again."""

    def act(_: Side, __: Strike) -> str:
        return f"{name} was not ready for {machine.restart(name, away=away):.1f} s"

    return act


_ACTS: Final[Mapping[Kind, Act]] = {
    Kind("idle-pod-deleted-late", FORGES, 1): idle_deleted,
    Kind("busy-pod-deleted", FORGES, 1): busy_deleted,
    Kind("busy-pod-force-deleted", FORGES, 1, takes=True): force_deleted,
    Kind("runner-killed", FORGES, 1, takes=True): killed,
    Kind("idle-runner-ends", (GITEA,), 1): idle_ended,
    Kind("registrar-killed-in-registration", FORGES, 8, ends_registrar=True): registrar_killed,
    Kind("registrar-frozen-20s", FORGES, 8): registrar_frozen,
    Kind("registration-answer-lost", FORGES, 5): answer_lost,
    Kind("forge-refuses", FORGES, 6, outage=True): outage,
    Kind("forge-hangs", FORGES, 6, outage=True): outage,
    Kind("forge-answers-500", FORGES, 6, outage=True): outage,
    Kind("forge-answers-429", FORGES, 6, outage=True): outage,
    Kind("forge-answers-garbage", (GITEA,), 6, outage=True): outage,
    Kind("forge-answers-half", (GITEA,), 6, outage=True): outage,
    Kind("api-server-restarted", (CLUSTER,), 12): part("kube-apiserver"),
    Kind("etcd-restarted", (CLUSTER,), 8): part("etcd"),
    Kind("controller-manager-away", (CLUSTER,), 5): part("kube-controller-manager", AWAY_SECONDS),
    Kind("scheduler-away", (CLUSTER,), 5): part("kube-scheduler", AWAY_SECONDS),
    Kind("kubelet-restarted", (CLUSTER,), 3): part("kubelet"),
    Kind("containerd-restarted", (CLUSTER,), 3): part("containerd"),
    Kind("network-policies-away", (CLUSTER,), 5): part("kube-router", AWAY_SECONDS),
    Kind("dns-away", (CLUSTER,), 6): part("coredns", AWAY_SECONDS),
}  # fmt: skip
KINDS: Final = tuple(_ACTS)
ACTS: Final[Mapping[str, Act]] = {kind.name: act for kind, act in _ACTS.items()}
