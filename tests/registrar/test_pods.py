"""What is said of a pod's end."""

from dataclasses import replace

import pytest

from registrar.pods import Ended

ENDED = Ended(exit_code=1, reason="", message="", ran_seconds=3.0, at=1000.0)


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (ENDED, "exit code 1"),
        (replace(ENDED, exit_code=0, reason="Completed"), "exit code 0"),
        (replace(ENDED, exit_code=137, reason="OOMKilled"), "exit code 137 (OOMKilled)"),
        (replace(ENDED, reason="Error", message=" no device \n"), "exit code 1 (Error: no device)"),
        (replace(ENDED, exit_code=None, reason="Evicted", message="disk"), "no exit code (Evicted: disk)"),
    ],
)
def test_an_end_is_told_by_its_code_and_by_the_reasons_that_say_more(ended: Ended, said: str) -> None:
    assert str(ended) == said
