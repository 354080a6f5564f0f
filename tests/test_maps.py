"""Whoever opens one of these packages finds every file of it in one list."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r"^  (\w+/?)  +\S", re.MULTILINE)


PACKAGES = [
    "values", "config", "access", "access/cluster", "access/github", "access/gitea", "access/online", "access/causes",
    "components", "components/platform", "components/pools", "components/github",
    "gpu_runners", "gpu_runners/state", "gpu_runners/wait", "gpu_runners/why", "gpu_runners/top", "gpu_runners/usage",
    "registrar", "registrar/forges", "registrar/forges/github",
    "lab/faults", "lab/soak",
]  # fmt: skip


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_files_each_once_and_no_others(package: str) -> None:
    listed = ENTRY.findall((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    modules = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    packages = {f"{path.parent.name}/" for path in (ROOT / package).glob("*/__init__.py")}
    assert sorted(listed) == sorted(modules | packages)
