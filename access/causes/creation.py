"""Rules about why no pod is made: the API server refuses what the ReplicaSet wants. Pure.

The words are those of admission plugins of Kubernetes 1.30 to 1.36.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts
from access.online.progress import QUOTA_EXCEEDED, busy_holders

_PLATFORM: Final = "the platform stack must declare this namespace among its environments: run `pulumi up` there"


class _Refusal(NamedTuple):
    """What the API server says, what that is called here, and its cause and cure."""

    pattern: re.Pattern[str]
    situation: str
    cause: str
    cure: str


_REFUSALS: Final = tuple(
    _Refusal(re.compile(pattern), situation, cause, cure)
    for pattern, situation, cause, cure in (
        (
            "must specify |failed quota", "quota-unspecified",
            "the namespace's quota wants every pod to say what it asks for",
            "bring the pool up with `pulumi up`, which says it; or correct a quota that somebody else made",
        ),
        (
            "serviceaccount .*not found|error looking up service account", "account-missing",
            "the ServiceAccount of its runners is not there", _PLATFORM,
        ),
        (
            "ValidatingAdmissionPolicy", "admission-refused", "an admission policy refuses its pods",
            "`gpu-runners review` shows what differs from what is declared; `pulumi up` of the pool's stack writes "
            "pods that the policies admit",
        ),
        (
            "violates PodSecurity", "pod-security", "the namespace's Pod Security level refuses its pods",
            "`pulumi up` of the platform stack writes the namespace's labels back, which somebody may have changed",
        ),
        (
            "admission webhook", "webhook-refused", "a webhook of the cluster refuses its pods or does not answer",
            "ask whoever runs that webhook; `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
            "` lists them",
        ),
        (
            "(?i)runtimeclass", "runtime-class-missing", "its RuntimeClass is not there",
            "correct `gpu.runtimeClass` of the pool: `kubectl get runtimeclasses` lists them",
        ),
        (
            "(?i)priorityclass|PriorityClass", "priority-class-missing", "its PriorityClass is not there",
            "correct the pool's priority class: `kubectl get priorityclasses` lists them",
        ),
    )
)  # fmt: skip


def creation_causes(facts: Facts) -> Iterator[Cause]:
    """Why the ReplicaSet cannot make a pod."""
    failure = facts.pool.creation_failure
    if not failure:
        return
    if QUOTA_EXCEEDED in failure:
        yield _quota(facts, failure)
        return
    for refusal in _REFUSALS:
        if refusal.pattern.search(failure):
            yield _cause(refusal.situation, refusal.cause, failure, refusal.cure)
            return
    yield _cause("creation-refused", "the API server refuses its pods", failure, _PLATFORM)


def _quota(facts: Facts, failure: str) -> Cause:
    if busy_holders(facts.pool):
        return _cause(
            "quota-held-by-jobs", "runners that finish their jobs still count for the environment's quota", failure,
            "wait for their jobs, or raise the environment's quota in the platform stack",
        )  # fmt: skip
    cure = "lower replicas or gpu.count, or raise the environment's quota in the platform stack"
    return _cause("quota-exceeded", "the environment's quota has no room for its pods", failure, cure)


def _cause(situation: str, cause: str, evidence: str, cure: str) -> Cause:
    return Cause(situation=situation, layer=Layer.DEPLOYMENT, cause=cause, evidence=(evidence,), cure=cure)
