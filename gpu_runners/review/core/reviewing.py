"""Puts a review together from the evidence. What could not be read stays unknown."""

from collections.abc import Sequence
from typing import Final

from gpu_runners.review.core import accounts, pending, pods, runner_groups, runners
from gpu_runners.review.core.capacity import capacity
from gpu_runners.review.core.drift import ClusterDrift
from gpu_runners.review.core.evidence import Evidence, Json, declared, namespaces
from gpu_runners.review.core.findings import CURRENCY, Drift, Review, Violation
from gpu_runners.review.core.plan_digest import plan_digest
from gpu_runners.review.core.reach import Reach
from gpu_runners.review.core.refreshed import refreshed
from gpu_runners.review.core.violations import violations
from values.secrecy import without_secrets

BY_POLICY: Final = "error: preview failed"
LONGEST_FAILURE: Final = 20_000
NEW: Final = (
    "The state backend has no such stack yet: `gpu-runners state --create` makes it, as the workflow `deploy` does."
)


def review(evidence: Evidence) -> Review:
    """The whole review of one stack."""
    preview = evidence.preview or {}
    notes = [*([NEW] if evidence.is_new else []), *pending.interrupted(preview)]
    broken_rules = violations(evidence.violations)
    return Review(
        stack=evidence.stack,
        changes=tuple(pending.changes(preview)),
        drift=tuple(_drift(evidence, preview)),
        capacity=tuple(capacity(preview, evidence.prices)),
        violations=tuple(broken_rules),
        unread=tuple(map(without_secrets, evidence.unread)),
        left_out=evidence.left_out,
        failure=_failure(evidence, preview, broken_rules),
        notes=(*notes, *_leftovers(evidence), *_reach(evidence).notes()),
        currency=_currency(evidence.prices),
        plan=plan_digest(preview) if preview and not evidence.failure else "",
    )


def _currency(prices: Json) -> str:
    """Three letters or a sign, as it stands beside numbers that are no code span; `$` for anything else."""
    currency = str(prices.get("currency", "$"))
    return currency if CURRENCY.fullmatch(currency) else "$"


def _failure(evidence: Evidence, preview: Json, broken_rules: Sequence[Violation]) -> str:
    """A mandatory rule ends the preview as well, and without another word: that is no failure of the program."""
    text = evidence.failure or pending.failure(preview)
    if text.strip() == BY_POLICY and any(violation.level == "mandatory" for violation in broken_rules):
        return ""
    return without_secrets(text[:LONGEST_FAILURE])


def _drift(evidence: Evidence, preview: Json) -> list[Drift]:
    objects = declared(evidence.state)
    live = evidence.live or ()
    cluster = ClusterDrift(objects, live, pending.touched(preview), evidence.looked_at)
    return [
        *cluster.compared(),
        *refreshed(evidence.refresh or {}, pending.touched(preview)),
        *pods.drift(live, objects),
        *accounts.drift(live, [*objects, *evidence.elsewhere]),
        *cluster.undeclared(evidence.elsewhere),
        *_reach(evidence).drift(),
        *runner_groups.drift(evidence.state, evidence.runner_groups),
        *runners.drift(evidence.runners or (), _pools(evidence), runners.staying(live)),
    ]


def _reach(evidence: Evidence) -> Reach:
    objects = declared(evidence.state)
    known = {*objects, *evidence.elsewhere}
    return Reach(evidence.live or (), namespaces(objects.values()), known, evidence.brought_up)


def _leftovers(evidence: Evidence) -> list[str]:
    names = runners.leftovers(evidence.runners or (), _pools(evidence))
    return [f"Registrations of pods that are gone, which the registrar removes: {', '.join(names)}."] if names else []


def _pools(evidence: Evidence) -> set[str]:
    own = {name for kind, _, name in declared(evidence.state) if kind == "Deployment.apps"}
    own |= runners.pools_of(evidence.runners or ())
    return own | {name for kind, _, name in evidence.elsewhere if kind == "Deployment.apps"}
