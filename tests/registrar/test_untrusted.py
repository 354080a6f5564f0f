"""The one parser for what others write: it stays within its bounds, and raises one error."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar import untrusted
from registrar.untrusted import Entry, MalformedError, runner_labels
from values.runner_label import MOST_LABELS, is_runner_label

# any character, lone surrogates included, as JSON can carry them
ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "labels"]), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "value",
    ["", "0", "-1", "+1", "1.5", "1e3", " 1", "1\n", "٣", "²", "१२", "1" * 20, "9" * 4301, 0, -5, 2**63, True, 1.0,
     None, "0x10", [], {}],
)  # fmt: skip
def test_what_is_no_id_is_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        untrusted.identifier(value)
    assert untrusted.identifier_or_none(value) is None


@pytest.mark.parametrize(("value", "number"), [("1", 1), (7, 7), (str(2**63 - 1), 2**63 - 1)])
def test_an_id_is_a_number_or_its_digits(value: object, number: int) -> None:
    assert untrusted.identifier(value) == number


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "../../orgs/victim", "guide/../../1", "..%2f1", "a/b/c/1", "/1", "1/", "0", "-1", "٣", "1?x=1",
     "1#", "../1", "./1", "a b/1", "1\n", "9" * 20, "x" * 101 + "/1", None, 7],
)  # fmt: skip
def test_a_job_id_steers_no_request_to_another_path(text: object) -> None:
    assert untrusted.job_id(text) is None


@pytest.mark.parametrize("text", ["1", "9" * 19, "guide/12", "mlops/guide/12", "my.repo_x-1/5", ".github/3"])
def test_a_job_id_is_a_number_or_a_repository_and_a_number(text: str) -> None:
    assert untrusted.job_id(text) == text


@given(ANY_TEXT)
def test_a_job_id_holds_nothing_that_a_path_reads(text: str) -> None:
    accepted = untrusted.job_id(text)
    if accepted is not None:
        assert accepted.count("/") <= 2
        assert not set(accepted) & set("?#%\\ \n\r:@")


@pytest.mark.parametrize(
    "text",
    ["a:docker://image", "a\nb", "é", "x" * 129, ",".join(f"l{n}" for n in range(33)), "a," * 10_000, None, "-a"],
)
def test_what_is_no_list_of_labels_is_refused(text: object) -> None:
    with pytest.raises(MalformedError):
        untrusted.runner_labels(text)


def test_labels_are_split_at_commas_and_each_counts_once() -> None:
    assert untrusted.runner_labels("cml-gpu, big ,,cml-gpu") == ("cml-gpu", "big")
    assert untrusted.runner_labels("") == ()


@given(st.one_of(st.none(), st.integers(), ANY_TEXT))
def test_words_are_one_line_that_can_be_written_anywhere(value: object) -> None:
    line = untrusted.words(value, most=50)
    assert len(line) <= 50
    assert line.isprintable()
    line.encode()


def test_long_words_are_cut_and_short_ones_stay() -> None:
    assert untrusted.words("a" * 100, most=10) == "aaaaaaaaa…"
    assert untrusted.words("sh: no\tsuch\nthing") == "sh: no such thing"


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "inf", "nan", "٣", "1e9", "9" * 13, None, "1 "])
def test_a_wait_that_is_none_is_none(text: object) -> None:
    assert untrusted.seconds(text, most=100) is None


def test_a_wait_is_capped() -> None:
    assert untrusted.seconds("30", most=100) == 30
    assert untrusted.seconds("999999999999", most=100) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5000,
        b"\xff\xfe\x00",
        b"\x80",
        "[",
    ],
)
def test_what_is_no_json_is_malformed_and_nothing_else(body: bytes | str) -> None:
    with pytest.raises(MalformedError):
        untrusted.document(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    with contextlib.suppress(MalformedError):
        untrusted.document(body)


@given(JSON)
def test_any_answer_is_read_or_malformed(value: object) -> None:
    text = json.dumps(value)
    reads: list[Callable[[Entry], object]] = [
        lambda entry: entry.identifier("id"), lambda entry: entry.words("name"), lambda entry: entry.text("name"),
        lambda entry: entry.flag("name"), lambda entry: entry.label_names("labels"), lambda entry: entry.count("id"),
        lambda entry: entry.entries("labels"), lambda entry: entry.entry("labels"),
        lambda entry: entry.identifier_or_none("id"),
    ]  # fmt: skip
    for read in reads:
        message = ""
        try:
            read(Entry(untrusted.document(text)))
        except MalformedError as error:
            message = str(error)
        assert len(message) < 200
        message.encode()


@pytest.mark.parametrize("text", ["a,\t", "a,\n,b", "\u00a0"])
def test_only_blanks_are_dropped_around_a_label_and_nothing_else_that_looks_like_one(text: str) -> None:
    with pytest.raises(MalformedError, match="is no runner label"):
        untrusted.runner_labels(text)
    assert untrusted.runner_labels(" a , ,b, ") == ("a", "b")


def test_what_a_value_lacks_is_named() -> None:
    with pytest.raises(MalformedError, match="it has no 'id'"):
        Entry({"name": "x"}).identifier("id")


def test_each_field_is_read_by_its_own_name_and_bounded() -> None:
    entry = Entry(
        {"id": 7, "name": "a\nb", "is": True, "no": False, "inner": {"id": 8}, "none": None, "zero": 0,
         "labels": [{"name": "a"}, "b", {"id": 1}, 7, *(f"l{n}" for n in range(2 * untrusted.MOST_ENTRIES // 5))]},
    )  # fmt: skip
    assert (entry.identifier("id"), entry.identifier_or_none("id"), entry.identifier_or_none("zero")) == (7, 7, None)
    assert (entry.text("name"), entry.words("name"), entry.words("name", most=2)) == ("a\nb", "a b", "a…")
    assert (entry.flag("is"), entry.flag("no", default=True), entry.flag("id"), entry.flag("id", default=True)) == (
        True, False, False, True,
    )  # fmt: skip
    assert (entry.entry("inner").identifier("id"), entry.count("zero")) == (8, 0)
    assert {"a", "b", "l0"} <= entry.label_names("labels")
    assert len(entry.label_names("labels")) <= 10 * MOST_LABELS
    assert entry.values("none") == entry.values("absent") == entry.entries("none") == []
    assert entry.only(["id", "absent"]).mapping == {"id": 7}
    for read in (entry.text, entry.entry, entry.count, entry.identifier):
        with pytest.raises(MalformedError, match="'absent'"):
            read("absent")


def test_a_list_has_a_number_of_entries_that_somebody_can_have_meant() -> None:
    assert len(Entry({"all": [1] * untrusted.MOST_ENTRIES}).values("all")) == untrusted.MOST_ENTRIES
    with pytest.raises(MalformedError, match="its 'all' is no list"):
        Entry({"all": [1] * (untrusted.MOST_ENTRIES + 1)}).values("all")
    with pytest.raises(MalformedError, match="its 'all' is no list"):
        Entry({"all": "text"}).values("all")


@pytest.mark.parametrize(
    "label", ["cml-gpu\u200b", "cml\u00adgpu", "\u202ecml-gpu", "cml-gpu\n", "cml\u00a0gpu", "cml-gpu\t", "x" * 300]
)
def test_a_label_is_never_cleaned_into_another(label: str) -> None:
    (name,) = Entry({"labels": [{"name": label}]}).label_names("labels")
    assert name.isprintable()
    assert not is_runner_label(name)


def test_blanks_within_a_label_are_its_own() -> None:
    assert runner_labels("big  gpu") == ("big  gpu",)
    assert Entry({"labels": ["big  gpu", " gpu "]}).label_names("labels") == {"big  gpu", "gpu"}
