"""What is kept of GitHub's answers, so that unchanged ones cost nothing: as much as fits, and what is asked for."""

from typing import Any

import pytest

from registrar.forges.github.client import ENTRY_BYTES, KEEP_SECONDS, REMEMBERED, Remembered
from registrar.forges.github.run_jobs import RUNS_A_SECOND


def answer(entries: int, **fields: Any) -> tuple[str, None, dict[str, Any], None]:
    runs = [{"id": number, "status": "queued", "huge": "x" * 100, **fields} for number in range(entries)]
    return ("etag", None, {"total_count": entries, "workflow_runs": runs}, None)


def test_a_thousand_runs_and_their_runners_fit() -> None:
    held = Remembered()
    for number in range(1000):
        held[f"/runs/{number}/jobs"] = answer(1)
    for page in range(10 + 20):
        held[f"/runners/{page}"] = answer(100)
    assert len(held) == 1030


def test_it_holds_so_many_entries_whatever_number_of_answers_they_come_in() -> None:
    held = Remembered()
    for number in range(1000):
        held[f"/runs/{number}"] = answer(100)
    assert REMEMBERED / 101 - 1 <= len(held) <= REMEMBERED / 101


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    held = Remembered(most=30)
    for name in ("first", "second", "first", "third"):
        if name in held:
            assert held[name][0] == "etag"
        else:
            held[name] = answer(9)
    held["fourth"] = answer(9)
    assert list(held) == ["first", "third", "fourth"]


def test_an_answer_that_is_replaced_counts_once_and_one_too_large_stays_alone() -> None:
    held = Remembered(most=30)
    for _ in range(10):
        held["same"] = answer(9)
    held["other"] = answer(9)
    assert list(held) == ["same", "other"]
    held["large"] = answer(100)
    assert list(held) == ["large"]


def test_what_nobody_reads_is_not_kept() -> None:
    held = Remembered()
    held["runs"] = answer(2)
    assert held["runs"][2]["workflow_runs"] == [{"id": 0, "status": "queued"}, {"id": 1, "status": "queued"}]


def test_long_answers_count_for_more_however_few_lists_they_have() -> None:
    """A run by its id has twenty kilobytes, a commit's hundred comments may have six megabytes."""
    held, text = Remembered(), "x" * 20_000
    for number in range(3000):
        held[f"/runs/{number}"] = ("etag", None, {"id": number, "repository": {"description": text}}, None)
    assert len(held) * len(text) <= REMEMBERED * ENTRY_BYTES
    held["/comments"] = ("etag", None, [{"body": "x" * 65_536}] * 100, None)
    assert len(held) * len(text) <= REMEMBERED * ENTRY_BYTES - 100 * 65_536
    held["/comments"] = ("etag", None, [], None)
    for number in range(3000):
        held[f"/runs/{number}"] = ("etag", None, {"id": number}, None)
    assert len(held) == 3001, "what was replaced counts no more"


def test_what_nobody_asks_for_any_more_is_dropped_and_what_is_asked_for_stays() -> None:
    """Every job leaves a few answers that nobody will ask for again: ten thousand of them are ten megabytes."""
    now = [0.0]
    held = Remembered(clock=lambda: now[0])
    held["/runners"] = answer(3)
    for number in range(2000):
        now[0] += 1
        assert held["/runners"][0] == "etag"
        held[f"/jobs/{number}"] = answer(1)
        assert len(held) <= 1.5 * KEEP_SECONDS + 2
    assert "/runners" in held
    assert f"/jobs/{2000 - int(1.5 * KEEP_SECONDS) - 2}" not in held
    now[0] += 1.5 * KEEP_SECONDS + 1
    assert held["/runners"][0] == "etag"
    assert list(held) == ["/runners"]


@pytest.mark.parametrize("runs", [100, 1200, 4000])
def test_what_is_asked_for_in_turn_stays_however_many_they_are(runs: int) -> None:
    """Each that is dropped in between counts against GitHub's hour when it is asked for again."""
    now = [0.0]
    held = Remembered(clock=lambda: now[0])
    for number in range(3 * runs):
        now[0] += 1 / RUNS_A_SECOND
        url = f"/runs/{number % runs}/jobs"
        if number < runs:
            held[url] = answer(1)
        assert held[url][0] == "etag"


def test_of_a_job_its_steps_are_not_kept() -> None:
    held = Remembered()
    held["/jobs/1"] = ("etag", None, {"id": 1, "status": "completed", "steps": [{"name": "x" * 100}] * 50}, None)
    assert held["/jobs/1"][2] == {"id": 1, "status": "completed"}
