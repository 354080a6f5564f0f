"""A pytest plugin: of the tests that run through a mutant the quick ones, as many as fit into some seconds.

A mutant that nothing notices costs all tests that run through it, and of the registrar's wiring these are hundreds.
"""

import json
import os
from pathlib import Path
from typing import Final

import pytest

SECONDS: Final = 20.0
_DURATIONS: Final = Path("mutmut-stats.json")  # mutmut's, in the folder in which it runs the tests


def affordable(durations: list[tuple[str, float]], seconds: float) -> set[str]:
    """The names of the quickest tests that last no longer together; one at least."""
    kept: set[str] = set()
    total = 0.0
    for name, duration in sorted(durations, key=lambda entry: entry[1]):
        total += duration
        if kept and total > seconds:
            break
        kept.add(name)
    return kept


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is too long, where a mutant is tried."""
    if "__mutmut_" not in os.environ.get("MUTANT_UNDER_TEST", ""):
        return
    known = json.loads(_DURATIONS.read_text())["duration_by_test"]
    kept = affordable([(item.nodeid, known.get(item.nodeid, 0.0)) for item in items], SECONDS)
    left_out = [item for item in items if item.nodeid not in kept]
    items[:] = sorted((item for item in items if item.nodeid in kept), key=lambda item: known.get(item.nodeid, 0.0))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
