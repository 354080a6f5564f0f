"""Rules about why no pod is made: the API server refuses what the ReplicaSet wants. Pure."""

from collections.abc import Iterator

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts
from access.online.progress import QUOTA_CURE, QUOTA_EXCEEDED, busy_holders
from access.online.refusals import refusal_of


def creation_causes(facts: Facts) -> Iterator[Cause]:
    """Why the ReplicaSet cannot make a pod."""
    failure = facts.pool.creation_failure
    if not failure:
        return
    if QUOTA_EXCEEDED in failure:
        yield _quota(facts, failure)
        return
    refusal = refusal_of(failure)
    yield _cause(refusal.situation, refusal.cause, failure, refusal.cure)


def _quota(facts: Facts, failure: str) -> Cause:
    if busy_holders(facts.pool):
        return _cause(
            "quota-held-by-jobs", "runners that finish their jobs still count for the environment's quota", failure,
            "wait for their jobs, or raise the environment's quota in the platform stack",
        )  # fmt: skip
    return _cause("quota-exceeded", "the environment's quota has no room for its pods", failure, QUOTA_CURE)


def _cause(situation: str, cause: str, evidence: str, cure: str) -> Cause:
    return Cause(situation=situation, layer=Layer.DEPLOYMENT, cause=cause, evidence=(evidence,), cure=cure)
