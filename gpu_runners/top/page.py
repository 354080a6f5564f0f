"""What is shown of one look, as lines. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from access.causes.facts import Facts, NodeFacts
from access.causes.order import first_cause
from access.online.diagnosis import readable
from access.online.progress import online_count, phase_of
from access.online.snapshot import PodSnapshot
from gpu_runners.top.columns import table
from values.contract import BUSY_WITH_UNKNOWN_JOB, RUNNER_FAILED, RUNNER_LOST
from values.placement import is_gpu

MOST_FAILURES: Final = 5
MOST_UNSERVED: Final = 5  # kinds of jobs: whoever may push makes them up
_LONGEST: Final = 160
_UNKNOWN: Final = "-"


def page(stack: str, clock: str, pools: Sequence[Facts], state_problem: str = "") -> list[str]:
    """Everything about a stack's pools at one moment; clock is the time of day.

    state_problem: why the pools are not those that the state has by now; it may have several lines.
    """
    lines = [f"{stack}  {clock}  {_count(len(pools), 'pool')}"]
    parts = (_pools(pools), _runners(pools), _placements(pools), _unserved(pools), _failures(pools))
    for part in map(list, (*parts, _unread(pools, state_problem))):
        if part:
            lines += ["", *part]
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _pools(pools: Iterable[Facts]) -> Iterator[str]:
    rows = []
    for facts in pools:
        queue, cause = facts.queue, first_cause(facts)
        waiting, running = (str(queue.waiting), str(queue.running)) if queue else (_UNKNOWN, _UNKNOWN)
        state = f"{cause.situation}: {cause.cause}" if cause.is_trouble else cause.situation
        is_known = facts.cluster_problem is None
        online, wanted = (str(online_count(facts.pool)), str(facts.pool.replicas)) if is_known else (_UNKNOWN, _UNKNOWN)
        rows.append((facts.key, online, wanted, waiting, running, state))
    yield from table(("POOL", "ONLINE", "WANTED", "WAITING", "RUNNING", "STATE"), rows)


def _runners(pools: Iterable[Facts]) -> Iterator[str]:
    rows = [
        (pod.name, facts.of_pod(pod.name).node or _UNKNOWN, _age(facts.of_pod(pod.name).age), _state(facts, pod))
        for facts in pools
        for pod in facts.pool.pods
        if not pod.finished
    ]
    if rows:
        yield from table(("RUNNER", "NODE", "AGE", "STATE"), rows)


def _state(facts: Facts, pod: PodSnapshot) -> str:
    if phase := phase_of(pod):
        return phase
    job = facts.of_pod(pod.name).job
    if pod.busy:
        return f"job {job}" if job and job != BUSY_WITH_UNKNOWN_JOB else "busy"
    is_away = any(runner.pod == pod.name and not runner.online for runner in facts.runners or ())
    return "offline at the forge" if is_away else "idle"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


@dataclass
class _Count:
    """GPUs of one placement."""

    nodes: int = 0
    all: int = 0
    held: int = 0
    busy: int = 0
    out: int = 0  # free, on nodes that take no pod now
    free: int = 0


def _placements(pools: Sequence[Facts]) -> Iterator[str]:
    """GPUs by what nodes call them: the product where a node says one, and the resource."""
    nodes = next((facts.nodes for facts in pools if facts.nodes is not None), ())
    holders = next((facts.holders for facts in pools if facts.holders is not None), ())
    asked = {facts.deployment.device for facts in pools if facts.deployment}
    counts: dict[str, _Count] = defaultdict(_Count)
    for node in nodes:
        for device, number in node.allocatable.items():
            if number > 0 and (device in asked or is_gpu(device)):
                count = counts[_placement(node, device)]
                here = [holder for holder in holders if (holder.node, holder.device) == (node.name, device)]
                held = sum(holder.devices for holder in here)
                count.nodes += 1
                count.all += int(number)
                count.held += held
                count.busy += sum(holder.devices for holder in here if holder.busy)
                if node.ready and not node.unschedulable:
                    count.free += int(number) - held
                else:
                    count.out += int(number) - held
    rows = [(placement, *map(str, astuple(count))) for placement, count in sorted(counts.items())]
    if rows:
        yield from table(("PLACEMENT", "NODES", "GPUS", "HELD", "WITH A JOB", "OUT OF USE", "FREE"), rows)


def _placement(node: NodeFacts, device: str) -> str:
    product = next((text for key, text in node.labels.items() if key.endswith("/gpu.product")), "")
    return f"{product} {device}".strip()


def _unserved(pools: Iterable[Facts]) -> Iterator[str]:
    """Jobs that no pool can take, in the registrar's words."""
    entries = list(dict.fromkeys(entry for facts in pools for entry in facts.unserved))
    for entry in entries[:MOST_UNSERVED]:
        yield f"{_count(entry.number, 'job')} that no pool can take: {entry.problem}; {entry.cure}"
    if rest := entries[MOST_UNSERVED:]:
        yield f"{_count(sum(entry.number for entry in rest), 'more job')} that no pool can take"


def _failures(pools: Iterable[Facts]) -> Iterator[str]:
    """The last failed pods, and what the registrar told of runners that it lost; the newest first."""
    failures = []
    for facts in pools:
        for pod in facts.pool.pods:
            told = [event for event in pod.events if event.reason in (RUNNER_FAILED, RUNNER_LOST)]
            if told:
                failures.append((told[-1].time, pod.name, told[-1].message))
            elif pod.phase == "Failed" and not pod.terminating:  # a deleted one that failed was told before
                failures.append((facts.of_pod(pod.name).ended, pod.name, _end(pod)))
    failures.sort(reverse=True)
    rows = [(time[11:19] or _UNKNOWN, name, text[:_LONGEST]) for time, name, text in failures[:MOST_FAILURES]]
    if rows:
        yield from table(("FAILED", "RUNNER", "WHY"), rows)


def _end(pod: PodSnapshot) -> str:
    code = f"exit code {pod.runner.exit_code}" if pod.runner.exit_code is not None else pod.reason or "no exit code"
    message = readable(pod.runner.last_message)
    return f"{code}: {message}" if message else code


def _unread(pools: Sequence[Facts], state_problem: str) -> Iterator[str]:
    if state_problem:
        yield from f"not looked at: the state: {state_problem}".splitlines()
    for found, cure in dict.fromkeys(facts.cluster_problem for facts in pools if facts.cluster_problem):
        yield f"the cluster cannot be asked: {found}"
        yield f"cure: {cure}"
    for line in dict.fromkeys(line for facts in pools for line in facts.unread):
        yield f"not looked at: {line}"
