"""Which runner is whose. Pure. What a pod's annotations claim counts only where the forge agrees.

A runner is called after its pod when it is registered, and no pod can change that. So a claim to a runner of another
name is nobody's, and where two namespaces of one scope have a pod of the same name, the elder one is believed: nobody
can know the name of a pod before it is there.
"""

from collections.abc import Collection, Iterable, Mapping

from registrar.forges.forge import Runner
from registrar.pods import RunnerPod


def owned_runners(pods: Iterable[RunnerPod], runners: Mapping[int, Runner]) -> dict[str, Runner]:
    """Each pod's runner by the pod's uid: the one that its annotation names, else the one that bears its name."""
    eldest_first = sorted(pods, key=_age)
    owned: dict[str, Runner] = {}
    taken: set[int] = set()
    for pod in eldest_first:
        runner = runners.get(pod.runner_id) if pod.runner_id is not None else None
        if runner is not None and runner.name == pod.name and runner.id not in taken:
            owned[pod.uid] = runner
            taken.add(runner.id)
    by_name: dict[str, list[Runner]] = {}
    for runner in runners.values():
        if runner.ephemeral and runner.id not in taken:
            by_name.setdefault(runner.name, []).append(runner)
    seen: set[str] = set()
    for pod in eldest_first:
        is_eldest = pod.name not in seen
        seen.add(pod.name)
        if is_eldest and pod.uid not in owned and not _claims_one_that_may_come(pod, runners):
            free = by_name.get(pod.name, [])
            if free:
                owned[pod.uid] = max(free, key=lambda runner: runner.id)
    return owned


def has_elder_claim(pod: RunnerPod, runner_id: int, others: Collection[RunnerPod]) -> bool:
    """Whether an elder pod of the same scope claims this runner."""
    return any(
        other.uid != pod.uid and other.runner_id == runner_id and other.name == pod.name and _age(other) < _age(pod)
        for other in others
    )


def elder_namesake(pod: RunnerPod, others: Collection[RunnerPod]) -> RunnerPod | None:
    """An elder pod of the same scope with the same name, in another namespace."""
    return next(
        (
            other
            for other in others
            if other.name == pod.name and other.namespace != pod.namespace and _age(other) < _age(pod)
        ),
        None,
    )


def _claims_one_that_may_come(pod: RunnerPod, runners: Mapping[int, Runner]) -> bool:
    """Whether its annotation names a runner that the list just does not have: that one is looked up by its id."""
    return pod.runner_id is not None and pod.runner_id not in runners


def _age(pod: RunnerPod) -> tuple[float, str]:
    return (pod.created, pod.uid)
