"""Whatever stands in a stack file, reading it gives a StackConfig or one StackConfigError, never another error."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config import KEYS, StackConfig, StackConfigError
from tests.program.stack_values import Values, loaded, stack_file, without_deployers

# Texts that mean something to one parser or another, beside any text.
TELLING = [
    "", " ", "0", "-1", "1e9", "true", "null", "[", "[" * 3000, "{}", "~", "\u0663", "a:b", "a/b", "a,b", "8Gi",
    "v1.35", "http://", "http://[", "http://h:99999999/a", "https://u:p@h/a", "//", "10.0.0.0/8", "10.0.0.0/99",
    "x@sha256:0", "nvidia.com/gpu", "gpu-runners-dev", "gpu-runners-base", "deployer", "github",
    "a\nb", "\x00", "\ud7ff", "(", "\\",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TELLING) | st.text(max_size=20)
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "name", "namespace", "labels", "gpu", "count", "resource", "preset", "tolerations", "key", "operator", "quota",
        "gpus", "egress", "cidr", "ports", "deployer", "stack", "images", "scope", "registrar", "environments", "cpu",
        "repositories", "runnerGroups", "workflows", "secrets", "from", "variables", "branches", "reviewers", "users",
    ]
) | st.text(max_size=8)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(values: Values) -> None:
    problems = None
    try:
        stack = loaded(values, {"FORGE_TOKEN": "t", "GPU_RUNNERS_SECRET_KEY": "hush"})
    except StackConfigError as refused:
        problems = refused.problems
    if problems is None:
        assert isinstance(stack, StackConfig)
    else:
        assert problems
        assert all(problem.found and problem.allowed and problem.cure for problem in problems)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested mappings and lists."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def good_stack(name: str) -> Values:
    """A committed stack, or one that declares all that it can at GitHub."""
    if name != "github":
        return stack_file(name)
    values = without_deployers(stack_file("platform")) | {"forge": "github"}
    environment = {
        "name": "dev", "branches": ["main"], "reviewers": {"users": ["octocat"], "teams": ["platform"]},
        "variables": {"STACK": "dev"}, "secrets": [{"name": "PASSPHRASE", "from": "KEY"}],
    }  # fmt: skip
    repository = {
        "name": "mlops/guide", "variables": {"A": "b"}, "secrets": ["KEY"], "environments": [environment],
        "actionsPermissions": {"allowedActions": "all", "shaPinningRequired": True},
    }  # fmt: skip
    workflow = "mlops/guide/.github/workflows/train.yml@main"
    group = {"name": "gpus", "repositories": ["mlops/guide"], "workflows": [workflow]}
    values["platform"] |= {"scope": "https://github.com/mlops", "runnerGroups": [group], "repositories": [repository]}
    return values


STACKS = ("dev", "platform", "github")
PLACES = [(name, place) for name in STACKS for place in places(good_stack(name)) if place]


@pytest.mark.parametrize("name", STACKS)
def test_each_of_these_stacks_is_good_as_it_stands(name: str) -> None:
    assert loaded(good_stack(name), {"FORGE_TOKEN": "t", "GPU_RUNNERS_SECRET_KEY": "hush"})


@QUICK
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(min_size=1, max_size=8), ANYTHING, max_size=8))
def test_any_values_are_read_or_refused(values: Values) -> None:
    read(values)


@QUICK
@example([(("github", ("pools", 0, "labels")), [""])])
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_a_good_stack_with_anything_somewhere_is_read_or_refused(changes: list[tuple[Any, Any]]) -> None:
    name = changes[0][0][0]
    values: Any = copy.deepcopy(good_stack(name))
    for (of, place), value in changes:
        if of == name:
            put(values, place, value)
    read(values)


def put(values: Any, place: tuple[Any, ...], value: Any) -> None:
    """Puts a value at a place, if an earlier change has left that there."""
    for step in place[:-1]:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(values, dict) or (
        isinstance(values, list) and isinstance(place[-1], int) and place[-1] < len(values)
    ):
        values[place[-1]] = value


def test_a_stack_without_any_of_its_parts_is_read_or_refused() -> None:
    for name, place in PLACES:
        values: Any = good_stack(name)
        holder = values
        for step in place[:-1]:
            holder = holder[step]
        del holder[place[-1]]
        read(values)
