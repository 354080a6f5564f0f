"""What a rule is, and what it says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from policy_rules.resources import Resource

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Violation:
    """One breach: which resource, and found, allowed and cure in words."""

    urn: str
    message: str


@dataclass(frozen=True)
class Rule:
    """A promise about resources. `check` sees one at a time, or all of a stack; settings are JSON schemas by name."""

    name: str
    description: str
    check: Callable[[Sequence[Resource], Settings], Iterable[Violation]]
    whole_stack: bool = False
    level: Literal["mandatory", "advisory"] = "mandatory"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def sentence(place: str, found: str, allowed: str, cure: str) -> str:
    """A message in the words that the program uses for a bad config."""
    return f"{place}: found {found}; allowed: {allowed}; cure: {cure}"


def unjudged(places: Iterable[str]) -> Iterator[str]:
    """A message for each place whose value no preview knows: what cannot be judged is not let pass."""
    for place in places:
        cure = "write it down, or take it from the config, so that a review sees it"
        yield sentence(place, "a value that is known only in `up`", "a value that a preview knows", cure)
