"""The one comment of a pull request: what matters first, what it did not cause last, nothing that need not be read."""

import re
from dataclasses import replace
from typing import Any

import pytest

from gpu_runners.review.core.comment import MARKER, Look, PullRequestReview, comment
from gpu_runners.review.core.findings import Capacity, Change, Review, Violation
from gpu_runners.review.core.markdown import LIMIT_BYTES, ROWS, fitted
from gpu_runners.review.core.stack_changes import StackChanges
from tests.gpu_runners.review.core.recorded import evidence, reviewed

LOOK = Look(commit="1a2b3c4d5e6f7a8b", time="2026-11-26 14:20 UTC", run="https://forge.example.com/o/r/actions/runs/7")
CLEAN = reviewed(evidence("clean"))
DRIFTED = replace(reviewed(evidence("drifted")), changes=(), capacity=())
CHANGE = Change(operation="update", resource="Deployment cuda", field="spec.replicas", before="1", after="2")
MORE = Capacity(
    pool="cuda", device="H100", before=1, after=3, runners_before=1, runners_after=3, price=100.0
)  # fmt: skip


def stack(name: str, review: Review = CLEAN, **changes: Any) -> Review:
    return replace(review, stack=name, **changes)


def text(*reviews: Review, **others: Any) -> str:
    return comment(PullRequestReview(reviews=reviews, look=LOOK, **others))


def rows(text: str) -> list[str]:
    """The stacks of the table, from top to bottom."""
    table = text.partition("|---|---|---|")[2].partition("\n\n")[0]
    return [row.replace("**", "`") for row in re.findall(r"^\| (\S+ \S+) \|", table, re.MULTILINE)]


def test_a_comment_begins_with_its_marker_and_ends_with_commit_time_and_run() -> None:
    lines = text(stack("dev", changes=(CHANGE,))).splitlines()
    assert lines[0] == MARKER
    assert lines[-1] == f"<sub>Commit `1a2b3c4d5e`, 2026-11-26 14:20 UTC, [this run]({LOOK.run})</sub>"


def test_the_total_of_all_stacks_comes_before_the_table() -> None:
    less = replace(MORE, before=2, after=1, device="A100", price=None)
    whole = text(stack("a", changes=(CHANGE,), capacity=(MORE,)), stack("b", changes=(CHANGE,), capacity=(less,)))
    assert whole.index("**In all: +1 GPUs**; est. +$200/month; no price for A100") < whole.index("| stack |")
    assert "| 📝 **a** | 1 to update<br>+2 GPUs, +$200/month |  |" in whole


def test_each_currency_has_a_sum_of_its_own() -> None:
    whole = text(stack("a", capacity=(MORE,)), stack("b", capacity=(MORE,), currency="€"))
    assert "**In all: +4 GPUs**; est. +$200/month; est. +€200/month" in whole


def test_unchanged_stacks_are_hidden_and_counted() -> None:
    whole = text(stack("dev", changes=(CHANGE,)), *(stack(f"quiet-{number}") for number in range(19)))
    assert rows(whole) == ["📝 `dev`"]
    assert "<summary>✅ 19 stacks with nothing to change and no drift</summary>" in whole


def test_what_the_pull_request_does_comes_before_drift_that_it_did_not_cause() -> None:
    mandatory = Violation(policy="image-digest", level="mandatory", resource="x", message="found a tag")
    whole = text(
        stack("drifted", DRIFTED),
        stack("small", changes=(CHANGE,)),
        stack("large", changes=(CHANGE, CHANGE)),
        stack("forbidden", violations=(mandatory,)),
        stack("broken", failure="error: no"),
        stack("changed-and-drifted", DRIFTED, changes=(CHANGE,)),
        unseen={"unknown": "no report came"},
    )
    assert rows(whole) == [
        "❓ `unknown`", "❌ `broken`", "🛑 `forbidden`", "📝 `large`", "📝 `changed-and-drifted`", "📝 `small`",
        "⚠️ `drifted`",
    ]  # fmt: skip
    part = whole.partition("<code>changed-and-drifted</code>")[2]
    assert part.index("Pending changes") < part.index("Drift, which this pull request did not cause")


def test_details_are_folded() -> None:
    whole = text(stack("dev", DRIFTED, changes=(CHANGE,)))
    assert "<details><summary>📝 <code>dev</code></summary>" in whole


def test_a_look_that_failed_is_never_green() -> None:
    whole = text(stack("dev"), unseen={"prod": "no report came from the job that looks at it"})
    assert "### ❓ 2 stacks: 1 not known" in whole
    assert "| ❓ **prod** | not known: no report came" in whole
    assert not PullRequestReview(reviews=(CLEAN,), look=LOOK, unseen={"prod": "x"}).is_clean
    assert "❓" in text(stack("dev", unread=("pods: 403",)))


def test_only_a_look_at_everything_that_finds_nothing_is_clean() -> None:
    assert PullRequestReview(reviews=(CLEAN,), look=LOOK).is_clean
    for changes in (StackChanges(brought=("a",)), StackChanges(removed=("a",)), StackChanges(withheld=("a",))):
        assert not PullRequestReview(reviews=(CLEAN,), look=LOOK, stacks=changes).is_clean


def test_stacks_that_come_and_go_are_named_with_what_becomes_of_their_resources() -> None:
    whole = text(stacks=StackChanges(brought=("new",), removed=("old",), renamed=(("a", "b"),), withheld=("platform",)))
    assert "🗑️ `old` is removed: its resources stay in the cluster" in whole
    assert "pulumi destroy --stack old" in whole
    assert "🔀 `a` becomes `b`" in whole
    assert "pulumi stack rename b --stack a" in whole
    assert "🆕 `new` is new" in whole
    assert "🔒 `platform` is changed and not previewed here" in whole


def test_a_thousand_rows_and_a_hundred_stacks_stay_within_what_a_forge_takes() -> None:
    many = tuple(replace(CHANGE, field=f"spec.field{number}", after="x" * 100) for number in range(1_000))
    whole = text(*(stack(f"stack-{number:03}", changes=many) for number in range(100)))
    assert len(whole.encode()) <= LIMIT_BYTES
    assert "**stack-099**" in whole
    assert whole.splitlines()[0] == MARKER


BROKEN = Violation(level="mandatory", policy="p" * 300, resource="r_" * 900, message="m_" * 1_500)
LARGE: dict[str, dict[str, Any]] = {
    "a failure each": {"failure": "e" * 20_000},
    "a failure each, of large letters": {"failure": "😀```\n" * 4_000},
    "violations": {"violations": (BROKEN,) * 30},
    "what could not be read": {"unread": ("u_" * 1_500,) * 50},
    "what was left out": {"left_out": tuple(f"kind{number}.x" * 20 for number in range(5_000))},
    "everything": {"failure": "e\n" * 9_000, "violations": (BROKEN,) * 9, "unread": ("u_" * 1_500,) * 9},
}


@pytest.mark.parametrize("stacks", [20, 100])
@pytest.mark.parametrize("what", LARGE)
def test_however_much_there_is_to_say_commit_time_and_run_stand_at_the_end_and_nothing_is_left_open(
    what: str, stacks: int
) -> None:
    names = [f"{'long-name-' * 30}{number:03}" for number in range(stacks)]
    gone = StackChanges(removed=tuple(f"{'gone-' * 50}{number}" for number in range(stacks)))
    for others in ({}, {"stacks": gone, "unseen": dict.fromkeys(names, "w_" * 200)}):
        whole = text(*(stack(name, **LARGE[what]) for name in names), stack("fine"), **others)
        assert len(whole.encode()) <= LIMIT_BYTES
        assert whole.splitlines()[0] == MARKER
        assert whole.splitlines()[-1].startswith("<sub>Commit `1a2b3c4d5e`")
        assert whole.count("<details") == whole.count("</details>")
        assert sum(line.startswith("```") for line in whole.splitlines()) % 2 == 0


def test_without_a_pool_that_changes_there_is_no_total() -> None:
    assert "In all" not in text(stack("dev", changes=(CHANGE,)))


def test_the_first_line_counts_stacks_with_changes_and_those_with_drift() -> None:
    whole = text(stack("a", changes=(CHANGE,)), stack("b", changes=(CHANGE,)), stack("c", DRIFTED), stack("d"))
    assert "4 stacks: 2 with changes; 1 with drift that it did not cause" in whole
    assert "1 stack: nothing to change, no drift" in text(stack("a"))


@pytest.mark.parametrize("more", [0, 1, 2])
def test_a_text_that_is_cut_ends_with_a_whole_character_wherever_the_cut_falls(more: int) -> None:
    text = fitted(lambda _: "€" * 1000, 2000 + more)
    assert text.startswith("€" * 100)
    assert len(text.encode()) <= 2000 + more
    assert fitted(lambda rows: f"{rows} rows", 2000) == f"{ROWS[0]} rows"
