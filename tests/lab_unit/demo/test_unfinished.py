"""An earlier run that has not ended: told with its page and the cure, cancelled by whoever agrees, waited for."""

from typing import Any, cast

import pytest

from lab.demo.forges.forge import Forge
from lab.demo.forges.runs import Runs, Unfinished
from lab.demo.unfinished import cancel_or_refuse
from lab.errors import LabError


class Repository:
    """A forge with these runs; those that are cancelled end at the third look after that."""

    def __init__(self, *statuses: str, ends: bool = True) -> None:
        self.statuses, self.ends = list(statuses), ends
        self.cancelled: list[int] = []
        self.looks = 0
        self.runs = Runs(self, "a/b")

    def get(self, path: str, **parameters: str | int) -> Any:
        assert path == "/repos/a/b/actions/runs"
        self.looks += bool(self.cancelled)
        ended = self.cancelled if self.ends and self.looks > 2 else []
        shown = ["completed" if number in ended else status for number, status in enumerate(self.statuses)]
        runs = [{"id": id, "html_url": f"http://forge/{id}", "status": status} for id, status in enumerate(shown)]
        return {"workflow_runs": runs}

    def text(self, path: str) -> str:
        raise AssertionError(path)

    def cancel(self, run: Unfinished) -> None:
        self.cancelled.append(run.id)


def settle(repository: Repository, *, agrees: bool, seconds: float = 5) -> tuple[list[str], list[str]]:
    """What was asked, and what was said."""
    asked: list[str] = []
    said: list[str] = []

    def agreed(question: str) -> bool:
        asked.append(question)
        return agrees

    cancel_or_refuse(cast(Forge, repository), agreed, said.append, seconds)
    return asked, said


def test_nobody_is_asked_where_all_runs_have_ended() -> None:
    assert settle(Repository("completed", "completed"), agrees=False) == ([], [])


def test_without_consent_nothing_is_cancelled_and_the_cure_is_one_command() -> None:
    repository = Repository("completed", "queued", "in_progress")
    with pytest.raises(LabError, match=r"http://forge/1, http://forge/2. `make demo CANCEL=yes`"):
        settle(repository, agrees=False)
    assert repository.cancelled == []


def test_with_consent_each_is_cancelled_and_waited_for() -> None:
    repository = Repository("completed", "queued", "in_progress")
    asked, said = settle(repository, agrees=True)
    assert len(asked) == 1
    assert repository.cancelled == [1, 2]
    assert repository.runs.unfinished() == []
    assert said[:2] == ["cancels http://forge/1", "cancels http://forge/2"]


def test_one_that_does_not_end_is_told_at_the_deadline() -> None:
    with pytest.raises(LabError, match=r"waited 0 s until the earlier runs have ended; .*http://forge/0"):
        settle(Repository("in_progress", ends=False), agrees=True, seconds=0.2)
