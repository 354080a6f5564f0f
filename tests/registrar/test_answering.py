"""How every door says no."""

import json

import pytest

from registrar.answering import LONGEST_RETRY_SECONDS, problem
from registrar.forges.forge import ForgeUnreachableError


def test_a_refusal_says_why_to_machines_and_to_people_and_not_when_to_come_back() -> None:
    answer = problem(403, "NoJob", "this pod has none")
    assert answer.status == 403
    assert answer.content_type == "application/json"
    assert json.loads(answer.text or "") == {"reason": "NoJob", "message": "this pod has none"}
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "1"), (1.0, "1"), (1.2, "2"), (1e9, f"{LONGEST_RETRY_SECONDS:.0f}")]
)
def test_whoever_is_to_come_back_is_told_when_in_whole_seconds(seconds: float, said: str) -> None:
    assert problem(503, "ForgeUnknown", "", retry_after=seconds).headers["Retry-After"] == said


def test_a_forge_that_does_not_say_when_is_asked_again_after_two_seconds() -> None:
    assert ForgeUnreachableError("away").retry_after == 2.0
