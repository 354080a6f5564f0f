"""The brakes of all pools, shared by the loop (which sees runners end) and the registrations (which are held back)."""

from collections.abc import Collection
from typing import Any

from registrar import brake
from registrar.brake import Brake
from registrar.outcomes import Outcome
from registrar.pods import RunnerPod, Stage

FAILING_ROUNDS = 3  # in a row, after which other pools are to have the jobs of this one
MOST_POOLS = 2000  # with their templates, that are remembered

Key = tuple[str, str, str]  # namespace, pool, pod template: a new template starts without a memory


class Brakes:
    """One memory per pool and template; nothing is stored anywhere else, kept failed pods bring it back."""

    def __init__(self) -> None:
        self._brakes: dict[Key, Brake] = {}
        self._counted: set[str] = set()
        self._newest: dict[tuple[str, str], Key] = {}  # of which template a pool's newest pod was, when last asked
        self._worked: dict[Key, float] = {}  # when the last runner with a job ended, or one that lasts was seen

    @property
    def remembered(self) -> int:
        """How many ended pods are counted already."""
        return len(self._counted)

    def remaining(self, pod: RunnerPod, now: float) -> float:
        """Seconds that this pod's pool has to wait for its next registration."""
        return brake.remaining(self._of(pod), now=now)

    def explain(self, pod: RunnerPod) -> str:
        """Why, in words."""
        return brake.explain(self._of(pod), pool=pod.pool)

    def keeps_failing(self, namespace: str, pool: str, pods: Collection[RunnerPod]) -> bool:
        """Whether a pool's runners end without a job, however often it is tried; `pods` are all that it has.

        Of the template of the newest one. While there is none, of the last that was: a pool at zero is not mended.
        """
        if pods:
            self._newest[namespace, pool] = _key(max(pods, key=lambda pod: pod.created))
        newest = self._newest.get((namespace, pool))
        return newest is not None and self._brakes.get(newest, brake.RELEASED).rounds >= FAILING_ROUNDS

    def issued(self, pod: RunnerPod, now: float) -> None:
        """A registration is about to be issued to this pod."""
        self._put(pod, brake.after_issue(self._of(pod), at=now))

    def ended(self, pod: RunnerPod, outcome: Outcome, now: float) -> None:
        """A runner has ended; counts each pod once.

        When it did is its node's own word, and a node's clock may be ahead: nothing has ended later than now.
        """
        if pod.uid in self._counted or pod.ended is None:
            return
        self._counted.add(pod.uid)
        at = min(pod.ended.at, now)
        if outcome.had_job:
            self._release(pod, at)
        elif not pod.deleting and brake.is_failure(ran_seconds=pod.ended.ran_seconds, was_online=pod.gated):
            self._fail(pod, at, pod.ended.ran_seconds, str(pod.ended))

    def never_came_online(self, pod: RunnerPod, now: float) -> None:
        """A runner was given up because it never came online."""
        if pod.uid not in self._counted:
            self._counted.add(pod.uid)
            self._fail(pod, now, now - pod.since, "a runner that never came online")

    def lasts(self, pod: RunnerPod, now: float) -> None:
        """A runner is seen running: one that lasts, or works, releases the brake of its pool."""
        known = self._of(pod)
        steady = pod.stage is Stage.RUNNING and now - pod.since > brake.lasting_seconds(known)
        if known.failures and pod.since > known.last_failure and (steady or pod.busy is not None):
            self._release(pod, pod.since)

    def forget(self, uids: Collection[str]) -> None:
        """Drop what was counted for pods that are gone; the brakes themselves stay, the newest of them."""
        self._counted &= set(uids)
        memories: tuple[dict[Any, Any], ...] = (self._brakes, self._worked, self._newest)
        for memory in memories:
            for key in list(memory)[: max(0, len(memory) - MOST_POOLS)]:
                del memory[key]

    def held(self, now: float) -> dict[tuple[str, str], float]:
        """Seconds left by namespace and pool, of the pools that are braked."""
        left = {key: brake.remaining(value, now=now) for key, value in self._brakes.items()}
        return {(namespace, pool): seconds for (namespace, pool, _), seconds in left.items() if seconds > 0}

    def _release(self, pod: RunnerPod, at: float) -> None:
        """Results come in any order: a job releases the failures before it, and not those that came after."""
        self._worked[_key(pod)] = max(at, self._worked.get(_key(pod), at))
        if self._of(pod).last_failure <= at:
            self._put(pod, brake.RELEASED)

    def _fail(self, pod: RunnerPod, at: float, ran_seconds: float, cause: str) -> None:
        if at < self._worked.get(_key(pod), at):
            return
        self._put(pod, brake.after_failure(self._of(pod), at=at, ran_seconds=ran_seconds, cause=cause))

    def _of(self, pod: RunnerPod) -> Brake:
        return self._brakes.get(_key(pod), brake.RELEASED)

    def _put(self, pod: RunnerPod, value: Brake) -> None:
        if value.failures:
            self._brakes[_key(pod)] = value
        else:
            self._brakes.pop(_key(pod), None)


def _key(pod: RunnerPod) -> Key:
    return (pod.namespace, pod.pool, pod.template_hash)
