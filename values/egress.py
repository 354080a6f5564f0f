"""EgressRule: a destination inside the blocked ranges that runners need."""

from typing import NotRequired, TypedDict


class EgressRule(TypedDict):
    """One allowed destination."""

    cidr: str
    """A network, e.g. `10.85.0.1/32`."""
    ports: NotRequired[list[int]]
    """TCP ports; all of them when absent."""
