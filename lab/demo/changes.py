"""What happened between two looks, as sentences for the timeline. Pure."""

from collections.abc import Iterator

from lab.demo.snapshot import Job, Pod, Snapshot


def between(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """(source, sentence) for everything that is new in `after`."""
    for name, job in after.jobs.items():
        yield from ((name, text) for text in _of_job(before.jobs.get(name), job))
    for name, pod in after.pods.items():
        yield from (("pod", f"{name} {text}") for text in _of_pod(before.pods.get(name), pod))
    for name in before.pods.keys() - after.pods.keys():
        yield "pod", f"{name} is gone"
    if after.is_done and not before.is_done:
        yield "run", f"ended: {after.run_conclusion}"


def _of_job(before: Job | None, after: Job) -> Iterator[str]:
    if after.has_started and not (before and before.has_started):
        yield f"job started on {after.runner}"
    if after.is_done and not (before and before.is_done):
        yield f"job ended: {after.conclusion}"


def _of_pod(before: Pod | None, after: Pod) -> Iterator[str]:
    """One sentence for each step that the pod has taken since; a step that was passed between two looks is told too."""
    old = before or Pod(after.name, after.namespace, after.pool, after.created)
    steps = (
        (before is None, f"created for pool {after.pool}"),
        (bool(after.node) and not old.node, f"scheduled on {after.node}{_with_gpus(after)}"),
        (after.is_registered and not old.is_registered, "registered"),
        (after.is_online and not old.is_online, "online"),
        (bool(after.job) and not old.job, f"took job {after.job}"),
        (after.has_ended and not old.has_ended, f"ended: {after.phase}"),
        (after.is_leaving and not old.is_leaving and after.phase == "Running", "is being deleted"),
    )
    return (text for happened, text in steps if happened)


def _with_gpus(pod: Pod) -> str:
    return f" with {pod.gpus} GPU{'s' if pod.gpus > 1 else ''}" if pod.gpus else ""
