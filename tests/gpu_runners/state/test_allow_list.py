"""The allow-list is what the program declares: nothing is missing, or a review would stop; nothing is spare."""

import re
from pathlib import Path

import pytest

from gpu_runners.state.allow_list import COMPONENTS, GITHUB_TYPES, KUBERNETES_TYPES, POOLS_TYPES

SOURCES = "\n".join(path.read_text() for path in sorted((Path(__file__).parents[3] / "components").rglob("*.py")))

OF_A_STACK_OF_POOLS = r'\bKubernetesObject\(\s*[^,]+,\s*[^,]+,\s*"(\w+)"'  # its name, its apiVersion and its kind


def declared(pattern: str) -> set[str]:
    return set(re.findall(pattern, SOURCES))


def test_every_component_of_the_program_is_known_and_no_other() -> None:
    assert declared(r'"(gpu-runners:index:\w+)"') == COMPONENTS


def test_pools_are_made_of_what_their_room_makes() -> None:
    room = Path(__file__).parents[3] / "components" / "pools"
    text = "\n".join(path.read_text() for path in sorted(room.rglob("*.py")))
    made = set(re.findall(r'"(gpu-runners:index:\w+)"', text))
    made |= set(re.findall(OF_A_STACK_OF_POOLS, text))
    assert not re.search(r"\bk8s\.[a-z0-9_.]+\.[A-Z]\w+\((?!\))", text)
    known = {kind if kind.startswith("gpu-runners:") else kind.rpartition(":")[2] for kind in POOLS_TYPES}
    assert known - {"kubernetes", "Stack"} == made


@pytest.mark.parametrize(
    ("types", "pattern"),
    [
        (KUBERNETES_TYPES, r"\bk8s\.[a-z0-9_.]+\.([A-Z]\w+)\((?!\))"),
        (GITHUB_TYPES, r"\bgithub\.([A-Z]\w+)\("),
    ],
)
def test_every_resource_of_the_program_is_known_and_no_other(types: frozenset[str], pattern: str) -> None:
    made = {kind for kind in declared(pattern) if not kind.endswith(("Args", "Provider"))}
    if types is KUBERNETES_TYPES:
        made |= declared(OF_A_STACK_OF_POOLS)
    if "CustomResource" in made:
        made = (made - {"CustomResource"}) | declared(r'CustomResource\([^)]*?kind="(\w+)"')
    assert {kind.rpartition(":")[2] for kind in types} == made
