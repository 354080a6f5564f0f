"""Amounts of CPU, memory and storage: what is one, and what somebody meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.utils.quantity import parse_quantity

from values.quantity import CPU, MEMORY, SHARED_MEMORY, Quantity


@pytest.mark.parametrize(
    ("kind", "text", "amount"),
    [
        (CPU, "2", "2"),
        (CPU, "500m", "0.5"),
        (CPU, "1m", "0.001"),
        (CPU, ".5", "0.5"),
        (CPU, "1024", "1024"),
        (MEMORY, "64Mi", "67108864"),
        (MEMORY, "8G", "8000000000"),
        (MEMORY, "8589934592", "8589934592"),
        (MEMORY, "32Ti", "35184372088832"),
    ],
)
def test_an_amount_is_what_kubernetes_takes_it_for(kind: Quantity, text: str, amount: str) -> None:
    assert kind.amount(text) == Decimal(amount) == parse_quantity(text)


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (CPU, "8Gi", "unit of cores"),
        (CPU, "0.0005", "less than 1m"),
        (CPU, "0.0015", "thousandths"),
        (CPU, "1025", "more than 1024"),
        (MEMORY, "400m", "unit of bytes"),
        (MEMORY, "32", "less than 64Mi"),
        (MEMORY, "33Ti", "more than 32Ti"),
        (MEMORY, "8gi", "unit of bytes"),
        (MEMORY, "8Gi\n", "unit of bytes"),
        (SHARED_MEMORY, "1023Ki", "less than 1Mi"),
    ],
)
def test_what_is_none_says_why(kind: Quantity, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        kind.amount(text)


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [
        (MEMORY, "32", ["32Gi"]),
        (MEMORY, "512", ["512Gi", "512Mi"]),
        (MEMORY, "40000", ["40000Mi"]),
        (MEMORY, "400m", ["400Mi"]),
        (MEMORY, "8 GB", ["8Gi"]),
        (MEMORY, "8gib", ["8Gi"]),
        (MEMORY, "lots", []),
        (CPU, "8Gi", []),
    ],
)
def test_a_unit_that_was_forgotten_or_misspelled_is_guessed(kind: Quantity, text: str, meant: list[str]) -> None:
    assert kind.meant(text) == meant


@given(st.sampled_from([CPU, MEMORY]), st.text(max_size=30))
def test_any_text_is_an_amount_or_none_and_so_is_what_was_meant(kind: Quantity, text: str) -> None:
    if kind.is_one(text):
        assert kind.amount(text) == parse_quantity(text)
    assert all(map(kind.is_one, kind.meant(text)))
