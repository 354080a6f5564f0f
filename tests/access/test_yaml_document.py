"""YAML that somebody else wrote is a document or one error, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.yaml_document import LONGEST, YamlUnreadableError, mapping, read_mapping, read_yaml

ODD = [
    "2001-99-99",
    "9" * 5000,
    "[" * 3000,
    "{a: " * 3000,
    "!!int x",
    "!!float x",
    "!!bool maybe",
    "!!timestamp soon",
    "!!binary a",
    "!!omap [1]",
    "!!python/object/apply:os.system [x]",
    "? [a]\n: b",
    "a: \x00",
    "a: &a {x: 1}\nb: {<<: *a}",
    "\ud800",
]


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_yaml_is_told_in_one_line(text: str) -> None:
    with pytest.raises(YamlUnreadableError) as failure:
        read_yaml(text)
    assert str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_text_without_end_is_not_read() -> None:
    with pytest.raises(YamlUnreadableError, match="letters"):
        read_yaml("a" * (LONGEST + 1))


@given(st.text(alphabet="a:-[]{}!&*?<>|'\"#%@`, \n\t\\0é~", max_size=80))
def test_any_text_is_a_document_or_that_error(text: str) -> None:
    try:
        read_yaml(text)
    except YamlUnreadableError:
        return


@pytest.mark.parametrize("text", ["5", "x", "[a]", "2001-01-01", ".inf"])
def test_only_a_mapping_is_one(text: str) -> None:
    with pytest.raises(YamlUnreadableError, match="allowed: a mapping"):
        read_mapping(text)


def test_an_empty_text_is_an_empty_mapping() -> None:
    assert read_mapping("# nothing\n") == {}


@pytest.mark.parametrize("values", [{"a": 5}, {"a": "b"}, {"a": None}, {}, [], "a", None])
def test_what_is_no_mapping_is_an_empty_one(values: object) -> None:
    assert mapping(values, "a") == {}
