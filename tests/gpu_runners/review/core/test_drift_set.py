"""An issue's readers hear of another set of drifts, and of nothing else."""

from dataclasses import replace

import pytest

from gpu_runners.review.core.drift_set import drift_line, drift_news
from tests.gpu_runners.review.core.recorded import evidence, reviewed

REVIEW = reviewed(evidence("drifted"))
BODY = f"<!-- marker -->\n{drift_line(REVIEW)}\n\n### text"


def test_the_same_drifts_at_another_time_by_another_and_in_another_order_are_no_news() -> None:
    later = [replace(drift, when="2027-01-01T00:00:00Z", who="x", live="y") for drift in reversed(REVIEW.drift)]
    assert drift_news(replace(REVIEW, drift=tuple(later)), BODY) == ""


def test_a_new_drift_is_named_and_one_that_went_is_counted() -> None:
    first, *others = REVIEW.drift
    new = replace(first, field="spec.paused")
    assert drift_news(replace(REVIEW, drift=(new, *others)), BODY) == (
        "**New drift** (1):\n\n- Deployment review-pools/reviewed `spec.paused`\n\n1 of the earlier drifts is gone."
    )


def test_a_look_that_could_not_see_everything_takes_nothing_for_gone() -> None:
    assert drift_news(replace(REVIEW, drift=(), unread=("pods: 403",)), BODY) == ""


@pytest.mark.parametrize("body", ["", "no line", "<!-- drifts zz -->", f"x {drift_line(REVIEW)}"])
def test_without_a_line_that_can_be_read_all_is_new(body: str) -> None:
    assert drift_news(REVIEW, body).startswith(f"**New drift** ({len(REVIEW.drift)}):")


def test_what_is_new_cannot_break_out_of_the_text() -> None:
    hostile = replace(REVIEW.drift[0], what="@everybody", field="<img src=x> #1")
    assert "- `@everybody` `<img src=x> #1`" in drift_news(replace(REVIEW, drift=(hostile,)), BODY)


def test_where_drifts_went_and_none_came_that_alone_is_said() -> None:
    gone = replace(REVIEW, drift=())
    number = len(REVIEW.drift)
    assert drift_news(gone, BODY) == f"{number} of the earlier drifts {'is' if number == 1 else 'are'} gone."


def test_where_none_went_nothing_is_said_of_it() -> None:
    more = replace(REVIEW, drift=(*REVIEW.drift, replace(REVIEW.drift[0], field="spec.paused")))
    assert drift_news(more, BODY) == ("**New drift** (1):\n\n- Deployment review-pools/reviewed `spec.paused`")


def test_half_a_character_in_a_name_is_a_drift_like_any_other() -> None:
    odd = replace(REVIEW, drift=(replace(REVIEW.drift[0], what="\ud800"),))
    assert drift_news(odd, f"x\n{drift_line(odd)}\n") == ""
