"""A review's document comes back as the review; whatever else somebody writes into one is refused in one line."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_runners.review.core.comment import Look, PullRequestReview, comment
from gpu_runners.review.core.document import (
    LONGEST_BYTES,
    DocumentWrongError,
    document,
    read_document,
    short_document,
)
from gpu_runners.review.core.field_path import MISSING
from gpu_runners.review.core.findings import Review
from tests.gpu_runners.review.core.recorded import evidence, reviewed

LOOK = Look(commit="1a2b3c4d", time="2026-11-26 14:20 UTC", run="https://forge.example.com/run/1")
Change = Callable[[dict[str, Any]], object]


def drifted(**changes: Any) -> dict[str, Any]:
    """The document of a review with changes and drift, as JSON has it."""
    content: dict[str, Any] = json.loads(json.dumps(document(reviewed(evidence("drifted")))))
    return content | changes


def travelled(review: Review) -> Review:
    """Without what only a repair needs."""
    nothing: dict[str, Any] = {"target": None, "path": (), "uid": "", "resource_version": "", "runner": None}
    nothing |= {"state_value": MISSING, "live_value": MISSING}
    drift = tuple(replace(difference, **nothing) for difference in review.drift)
    return replace(review, drift=drift)


@pytest.mark.parametrize("name", ["clean", "drifted"])
def test_a_document_comes_back_as_the_review_that_it_was(name: str) -> None:
    review = reviewed(evidence(name))
    assert read_document(json.dumps(document(review)).encode()) == travelled(review)


def test_a_document_holds_no_object_of_the_cluster() -> None:
    content = drifted()
    assert all(not isinstance(value, dict) for entry in content["drift"] for value in entry.values())
    assert "managedFields" not in json.dumps(content)
    assert "planted-Zq81xv" not in json.dumps(content)


WRONG: dict[str, Change] = {
    "a key too many": lambda content: content.update(live=[{"kind": "Secret"}]),
    "a key absent": lambda content: content.pop("unread"),
    "a list that is none": lambda content: content.update(changes={}),
    "an entry that is none": lambda content: content.update(changes=["x"]),
    "a text that is none": lambda content: content["changes"][0].update(resource=7),
    "a text without an end": lambda content: content["changes"][0].update(resource="x" * 100_000),
    "a list without an end": lambda content: content.update(notes=["x"] * 6_000),
    "an entry with a repair's target": lambda content: content["drift"][0].update(target={"kind": "Pod"}),
    "an unknown kind of drift": lambda content: content["drift"][0].update(kind="fine"),
    "a level of its own": lambda content: content.update(
        violations=[{"policy": "a", "level": "harmless", "resource": "b", "message": "c"}]
    ),
    "an operation with Markdown": lambda content: content["changes"][0].update(operation="<b>"),
    "a currency with Markdown": lambda content: content.update(currency="[x](y)"),
    "a stack that is none": lambda content: content.update(stack="</summary>"),
    "a stack over two lines": lambda content: content.update(stack="dev\n"),
    "a digest that is none": lambda content: content.update(plan="sha256:no"),
    "a count that is true": lambda content: content["capacity"][0].update(after=True),
    "a count below nothing": lambda content: content["capacity"][0].update(after=-1),
    "a count without an end": lambda content: content["capacity"][0].update(after=10**400),
    "a price that is a text": lambda content: content["capacity"][0].update(price="1"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_document_of_another_shape_is_refused_and_none_of_it_is_repeated(change: Change) -> None:
    content = drifted()
    change(content)
    with pytest.raises(DocumentWrongError) as refused:
        read_document(json.dumps(content).encode())
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400
    for word in ("</summary>", "[x](y)", "harmless", "xxxx"):
        assert word not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"null", b"[]", b"7", b"\xff\xfe", b"{", b"[" * 200_000, b'{"a":' * 50_000, b"9" * 5_000,
        b'{"stack": "a", "stack": "b"}', b'{"price": NaN}', b'{"price": -Infinity}', b" " * (LONGEST_BYTES + 1),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_document_at_all_is_refused(text: bytes) -> None:
    with pytest.raises(DocumentWrongError):
        read_document(text)


def test_a_price_beyond_all_numbers_is_refused() -> None:
    text = json.dumps(drifted()).replace('"price": 1825.0', '"price": 1e999')
    assert "1e999" in text
    with pytest.raises(DocumentWrongError, match="price"):
        read_document(text.encode())


def test_what_a_hostile_job_put_in_is_redacted_once_more() -> None:
    content = drifted(unread=["the token is ghp_0123456789abcdefghijklmnopqrstuvwxyz", "PASSWORD=swordfish"])
    review = read_document(json.dumps(content).encode())
    assert "ghp_" not in str(review)
    assert "swordfish" not in str(review)


def test_half_a_character_makes_no_comment_that_cannot_be_sent() -> None:
    review = read_document(json.dumps(drifted(notes=["\ud800"])).encode())
    comment(PullRequestReview(reviews=(review,), look=LOOK)).encode()


def test_a_verdict_that_was_written_in_is_not_believed() -> None:
    review = read_document(json.dumps(drifted(verdict="✅ all is well", exit_code=0)).encode())
    assert "all is well" not in comment(PullRequestReview(reviews=(review,), look=LOOK))
    assert review.exit_code != 0


@pytest.mark.parametrize(
    "text", ["secret" * 500, "a." * 1_500, "--token" * 400, "?x=" * 1_000, '"' * 3_000, "-----BEGIN" * 300]
)
def test_the_worst_text_costs_seconds_at_most(text: str) -> None:
    content = drifted(notes=[text] * (LONGEST_BYTES // (len(text) * 2) - 20))
    start = time.monotonic()
    review = read_document(json.dumps(content).encode())
    comment(PullRequestReview(reviews=(review,), look=LOOK))
    assert time.monotonic() - start < 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from(sorted(drifted())), value=JSON)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    try:
        review = read_document(json.dumps(drifted(**{key: value})).encode())
    except DocumentWrongError:
        return
    comment(PullRequestReview(reviews=(review,), look=LOOK)).encode()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(text: bytes) -> None:
    with pytest.raises(DocumentWrongError):
        read_document(text)


def test_a_document_that_is_too_long_is_cut_and_says_what_it_lacks() -> None:
    review = reviewed(evidence("drifted"))
    long = replace(review, changes=review.changes * 2_000)
    text = short_document(long, 60_000)
    assert len(text.encode()) <= 60_000
    cut = read_document(text.encode())
    assert f"lacks {4_000 - len(cut.changes)} of changes" in cut.notes[-1]
    assert read_document(short_document(review, 60_000).encode()) == travelled(review)
