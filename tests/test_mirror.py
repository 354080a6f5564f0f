"""Tests mirror the rooms: whoever changes a file finds its tests under the same path, and no room knows its tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
# What several rooms' tests stand on, and tests of what lies in the root or on the real cluster.
SHARED = {
    "github": "GitHub's own description of its API, its permissions, and the lab's stand-in on a port",
    "program": "__main__.py with Pulumi.yaml, and the workflows that run it",
    "lab": "on the real cluster",
    "scale": "the registrar beside a real API server and its controllers, at up to a thousand runners",
    "gpu": "on a machine with a GPU, by hand: see its README",
}
UNIT_OF = {"lab_unit": "lab"}
ROOMS = ("access", "bench", "components", "config", "gpu_runners", "lab", "policy", "registrar", "values")


def folders() -> list[str]:
    """Every folder of tests that has Python in it, from `tests` on, but for the shared ones."""
    parents = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")} - {Path()}
    return sorted(str(folder) for folder in parents if folder.parts[0] not in SHARED)


def imported(source: str) -> set[str]:
    """The top packages that a file imports."""
    packages = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            packages.add(node.module.split(".")[0])
    return packages


@pytest.mark.parametrize("folder", folders())
def test_each_folder_of_tests_has_a_folder_of_the_product_beside_it(folder: str) -> None:
    first, *rest = Path(folder).parts
    assert (ROOT / UNIT_OF.get(first, first) / Path(*rest)).is_dir(), f"tests/{folder} mirrors nothing"


def test_the_shared_folders_are_there() -> None:
    assert {name for name in SHARED if (TESTS / name).is_dir()} == set(SHARED)


def test_beside_the_folders_lies_nothing_but_what_is_about_all_of_them() -> None:
    assert {path.name for path in TESTS.glob("*.py")} == {
        "conftest.py",
        "test_borders.py",
        "test_maps.py",
        "test_mirror.py",
        "test_top_level.py",
    }


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_tests(room: str) -> None:
    importers = [path for path in (ROOT / room).rglob("*.py") if "tests" in imported(path.read_text(encoding="utf-8"))]
    assert importers == []


@pytest.mark.parametrize("line", ["import tests.lab.stack", "from tests.lab import stack", "from tests import lab"])
def test_an_import_of_tests_is_seen_however_it_is_written(line: str) -> None:
    assert "tests" in imported(f"def later():\n    {line}\n")
