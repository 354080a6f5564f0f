"""What keeps a pool from being online and does not heal by itself, with its cure. Pure.

Each diagnosis has a grace: how long it must be seen without a break before it counts, as clusters pass through many
states that look like failures for a moment.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from access.online.progress import QUOTA_CURE, QUOTA_EXCEEDED, busy_holders, is_complete
from access.online.refusals import refusal_of
from access.online.registration_end import refusal, registration_end
from access.online.scheduling import autoscaler_word, cure_for, fits_no_node
from access.online.snapshot import EventSnapshot, PodSnapshot, PoolSnapshot
from values.contract import (
    NOT_ONLINE,
    REGISTRATION_AFTER_OTHERS,
    REGISTRATION_BRAKED,
    REGISTRATION_ISSUED,
    REGISTRATION_REFUSED,
    TRUST_CONFIG_MAP,
)

_BAD_IMAGE: Final = ("ErrImageNeverPull", "InvalidImageName")
_NO_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff")
_NO_CONTAINER: Final = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_NEVER_BEGAN: Final = ("StartError", "ContainerCannotRun")
_REGISTRARS_WORD: Final = (
    *(REGISTRATION_ISSUED, REGISTRATION_REFUSED, REGISTRATION_BRAKED, REGISTRATION_AFTER_OTHERS),
)  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """kind tells diagnoses of a pool apart; grace is in seconds."""

    pool: str
    kind: str
    cause: str
    cure: str
    grace: float


def diagnose(pool: PoolSnapshot, old_failures: frozenset[str] = frozenset()) -> tuple[Diagnosis, ...]:
    """All that is wrong with a pool now; nothing if it is complete.

    old_failures names pods that had failed before the wait began: they say nothing about the present template.
    """
    if is_complete(pool):
        return ()
    if not pool.exists:
        cure = "somebody deleted it: run `pulumi refresh`, then `pulumi up`"
        return (Diagnosis(pool.name, "gone", "its Deployment does not exist", cure, 2),)
    first_of_kind: dict[str, Diagnosis] = {}
    for diagnosis in (*_creation(pool), *_pods(pool, old_failures)):
        first_of_kind.setdefault(diagnosis.kind, diagnosis)
    return tuple(first_of_kind.values())


def _creation(pool: PoolSnapshot) -> Iterator[Diagnosis]:
    failure = pool.creation_failure
    if QUOTA_EXCEEDED in failure:
        if not busy_holders(pool) and not any(pod.terminating for pod in pool.pods):
            yield Diagnosis(pool.name, "quota", failure, QUOTA_CURE, 10)
    elif failure:
        yield Diagnosis(pool.name, "creation", failure, refusal_of(failure).cure, 10)


def _pods(pool: PoolSnapshot, old_failures: frozenset[str]) -> Iterator[Diagnosis]:
    for pod in pool.pods:
        if not pod.current or pod.online or pod.terminating:
            continue
        if not pod.finished:
            yield from _placement(pool.name, pod)
            yield from _images(pool.name, pod)
            yield from _trust(pool.name, pod)
            yield from _registration(pool.name, pod)
        elif pod.name not in old_failures:
            yield from _end(pool.name, pod)


def _placement(pool: str, pod: PodSnapshot) -> Iterator[Diagnosis]:
    if fits_no_node(pod):
        message = pod.scheduling_message
        yield Diagnosis(pool, "placement", f"{pod.name} fits no node: {message}", cure_for(message), 20)


def _images(pool: str, pod: PodSnapshot) -> Iterator[Diagnosis]:
    for key, container in (("runnerImage", pod.registration), ("image", pod.runner)):
        cause = f"{pod.name}: {container.reason}: {container.message}"
        if container.reason in _BAD_IMAGE:
            yield Diagnosis(pool, "image", cause, f"correct `{key}` of the pool", 2)
        elif container.reason in _NO_IMAGE:
            cure = f"correct `{key}` of the pool, or give the nodes access to its registry"
            yield Diagnosis(pool, "image", cause, cure, 15)
        elif container.reason in _NO_CONTAINER:
            yield Diagnosis(pool, "container", cause, f"see `kubectl describe pod {pod.name}`", 15)


def _trust(pool: str, pod: PodSnapshot) -> Iterator[Diagnosis]:
    missing = f'configmap "{TRUST_CONFIG_MAP}" not found'
    if any(event.reason == "FailedMount" and missing in event.message for event in pod.events):
        cure = "the platform stack must declare this namespace among its environments: run `pulumi up` there"
        yield Diagnosis(pool, "trust", f"{pod.name} does not know its registrar: {missing}", cure, 20)


def _registration(pool: str, pod: PodSnapshot) -> Iterator[Diagnosis]:
    code, said = pod.registration.exit_code, pod.registration.last_message
    if code and pod.runner.state != "running":
        cause, end = f"{pod.name}: {readable(said) or f'exit code {code}'}", registration_end(said, code)
        yield Diagnosis(pool, "registration", cause, end.cure, 15)
        return
    word = last_word(pod)
    if word and word.reason == REGISTRATION_REFUSED:
        cause = f"{pod.name}: {word.message}"
        yield Diagnosis(pool, "registration", cause, refusal(word.message).cure, 15)
    if word and word.reason == REGISTRATION_BRAKED:
        cure = "correct the pool's image or its labels; `kubectl logs` of the pool's last pods says why they ended"
        yield Diagnosis(pool, "brake", f"{pod.name} is held back: {word.message}", cure, 5)


def _end(pool: str, pod: PodSnapshot) -> Iterator[Diagnosis]:
    if pod.phase != "Failed":
        return
    end = f"its runner ended with exit code {pod.runner.exit_code}" if pod.runner.exit_code else "it failed"
    detail = readable(pod.runner.last_message) or pod.reason
    yield Diagnosis(pool, "end", f"{pod.name}: {end}{f': {detail}' if detail else ''}", _cure(pod), 8)


def _cure(pod: PodSnapshot) -> str:
    if pod.runner.reason in _NEVER_BEGAN:  # no log says more
        return "use an image with a shell, /bin/sh, for the architecture of the nodes: `image` of the pool"
    if pod.runner.reason == "OOMKilled":
        return "raise `memory` of the pool; `sharedMemory` counts towards it"
    return f"see `kubectl logs {pod.name}` and correct the pool's image"


def last_word(pod: PodSnapshot) -> EventSnapshot | None:
    """The registrar's latest Event about this pod's registration."""
    words = [event for event in pod.events if event.reason in _REGISTRARS_WORD]
    return words[-1] if words else None


def remarks(pool: PoolSnapshot) -> list[str]:
    """What is known about each pod that is not online, for a wait that ran out of time."""
    lines = []
    for pod in pool.pods:
        if pod.online or pod.finished or pod.terminating or not pod.current:
            continue
        warnings = [event for event in pod.events if event.reason in _TELLING]
        told = autoscaler_word(pod) if pod.scheduling_message else warnings[-1] if warnings else None
        text = "; ".join(filter(None, [pod.scheduling_message, f"{told.reason}: {told.message}" if told else ""]))
        lines.append(f"{pod.name}: {text or pod.registration.last_message or 'no reason known'}")
    return lines


_TELLING: Final = (
    *_REGISTRARS_WORD,
    NOT_ONLINE,
    "ForgeUnknown",
    "PoolWaiting",
    "FailedMount",
    "FailedAttachVolume",
    "Failed",
    "Pulling",
)


def readable(message: str) -> str:
    """A message in which the registrar's JSON answer, if there is one, is replaced by its text; at most 400 letters."""
    head, brace, tail = message.partition("{")
    try:
        answer = json.loads(brace + tail)
        text = f"{head}{answer['reason']}: {answer['message']}"
    except (ValueError, KeyError, TypeError):
        text = message
    return text if len(text) <= 400 else f"…{text[-399:]}"
