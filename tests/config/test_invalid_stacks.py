"""Stack files that must be refused, as data: each begins with the problems that its refusal lists, and no others.

A line `# expect: TEXT` is one problem, whole. The file is what a user would have written: `Pulumi.STACK.yaml`.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config import StackConfigError
from tests.program.stack_values import loaded_file
from values.problem import Problem

FOLDER = Path(__file__).with_name("invalid")
FILES = sorted(FOLDER.glob("*.yaml"))
MARK = "# expect: "


def refusal(file: Path) -> StackConfigError:
    config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
    with pytest.raises(StackConfigError) as refused:
        loaded_file(config, {"FORGE_TOKEN": "t"})
    return refused.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_invalid_stack_is_refused_with_exactly_its_problems(file: Path) -> None:
    expected = [line.removeprefix(MARK) for line in file.read_text().splitlines() if line.startswith(MARK)]
    error = refusal(file)
    assert [str(problem) for problem in error.problems] == expected
    count = "1 problem" if len(expected) == 1 else f"{len(expected)} problems"
    lines = [f"the stack's config has {count}; nothing was changed:", *(f"  {line}" for line in expected)]
    assert str(error).splitlines() == lines


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_problem_has_a_key_a_finding_what_is_allowed_and_a_cure(file: Path) -> None:
    for problem in refusal(file).problems:
        assert isinstance(problem, Problem)
        assert problem.key.startswith(("gpu-runners:", "gpu-runner:"))
        assert problem.found
        assert problem.allowed
        assert problem.cure


def test_files_are_numbered_without_a_gap() -> None:
    assert [int(file.name[:3]) for file in FILES] == list(range(1, len(FILES) + 1))
    assert len(FILES) >= 60
