"""What the cluster writes into objects by itself is no drift, and what looks like it is."""

from typing import Any

import pytest

from gpu_runners.review.core.comparison import UNKNOWN, Difference
from gpu_runners.review.core.field_path import MISSING
from gpu_runners.review.core.noise import is_quiet

FINALIZERS = ("metadata", "finalizers")
KEDAS = ["finalizer.keda.sh"]


@pytest.mark.parametrize("kind", ["ScaledObject", "TriggerAuthentication"])
@pytest.mark.parametrize(("before", "after"), [(MISSING, KEDAS), (KEDAS, MISSING)])
def test_kedas_hold_on_what_it_scales_is_no_drift(kind: str, before: Any, after: Any) -> None:
    assert is_quiet(Difference(FINALIZERS, before, after, UNKNOWN), kind, "cuda", ())


@pytest.mark.parametrize(
    ("kind", "after"), [("ScaledObject", ["stranger"]), ("ScaledObject", [*KEDAS, "stranger"]), ("Deployment", KEDAS)]
)
def test_a_hold_of_somebody_else_is_drift(kind: str, after: list[str]) -> None:
    assert not is_quiet(Difference(FINALIZERS, MISSING, after, UNKNOWN), kind, "cuda", ())
