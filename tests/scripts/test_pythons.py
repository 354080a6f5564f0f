"""Which Pythons are supported, how others are refused, and on which the unit tests run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.supported_python import NEWEST, OLDEST, refusal
from scripts.unit_pythons import candidates, chosen, version_of

REPOSITORY = Path(__file__).resolve().parents[2]
RANGE = "{}.{} to {}.{}".format(*OLDEST, *NEWEST)


def a_python(path: Path, version: tuple[int, int, int]) -> Path:
    """A program that answers as this version of Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version[0]} {version[1]} {version[2]}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10), (3, 15), (3, 100), (4, 0)])
def test_a_python_outside_the_range_is_refused_with_the_range_and_the_cure(version: tuple[int, int]) -> None:
    words = refusal(version, "/usr/bin/python3")
    assert words is not None
    assert f"/usr/bin/python3: found Python {version[0]}.{version[1]}; allowed: {RANGE}" in words
    assert "make PYTHON=python3." in words


@pytest.mark.parametrize("version", [OLDEST, (3, 12), NEWEST])
def test_a_python_within_the_range_is_taken(version: tuple[int, int]) -> None:
    assert refusal(version, "/usr/bin/python3") is None


def test_a_venv_of_a_refused_python_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "python3.15").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c \'import sys; sys.path.insert(0, "{REPOSITORY}");'
        'from scripts.supported_python import refusal; sys.exit(refusal((3, 15), "python3.15"))\'\n'
    )
    (tmp_path / "python3.15").chmod(0o755)
    made = subprocess.run(
        [REPOSITORY / "scripts" / "make-venv", tmp_path / "python3.15", tmp_path / "venv"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert made.returncode == 1
    assert f"allowed: {RANGE}" in made.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = subprocess.run(
        [REPOSITORY / "scripts" / "make-venv", "python3.99", tmp_path / "venv"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert made.returncode == 1
    assert "python3.99: not found" in made.stderr


def test_pythons_are_found_on_path_and_in_pyenv(tmp_path: Path) -> None:
    on_path = a_python(tmp_path / "bin" / "python3.12", (3, 12, 4))
    in_pyenv = a_python(tmp_path / "home" / ".pyenv" / "versions" / "3.13.0" / "bin" / "python", (3, 13, 0))
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home")}
    assert candidates(environ) == [on_path, in_pyenv]
    assert [version_of(python) for python in candidates(environ)] == [(3, 12, 4), (3, 13, 0)]


def test_a_python_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "python3.12"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert version_of(broken) is None
    assert version_of(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("versions", "running", "expected"),
    [
        ([(3, 10, 1), (3, 11, 7), (3, 12, 1), (3, 13, 0), (3, 15, 0)], (3, 11, 7), ["3.13"]),
        ([(3, 11, 7), (3, 12, 1), (3, 13, 0)], (3, 12, 1), ["3.11", "3.13"]),
        ([(3, 11, 7), (3, 12, 1)], (3, 13, 0), ["3.11", "3.12"]),
        ([(3, 13, 0), (3, 13, 2)], (3, 11, 7), ["3.13"]),
        ([(3, 11, 7)], (3, 11, 2), []),
        ([], (3, 11, 2), []),
    ],
)
def test_the_oldest_and_the_newest_are_chosen_beside_the_one_that_runs(
    versions: list[tuple[int, int, int]], running: tuple[int, int, int], expected: list[str]
) -> None:
    pythons = [
        (version, Path(f"/opt/{index}/python{version[0]}.{version[1]}")) for index, version in enumerate(versions)
    ]
    assert [python.name for python in chosen(pythons, running)] == [f"python{name}" for name in expected]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "gpu_runners/Dockerfile"])
def test_documents_name_the_same_range(document: str) -> None:
    words = (REPOSITORY / document).read_text()
    named = set(re.findall(r"Python (3\.\d+(?: to 3\.\d+|\+| or newer))", words))
    assert named == {RANGE}, os.fspath(document)
