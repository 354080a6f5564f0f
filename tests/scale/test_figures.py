"""What is told of measurements, and whether a goal is met."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scale.figures import (
    AtOnce,
    Growth,
    an_hour,
    at_once_table,
    document,
    growth_table,
    lines,
    percentile,
    read,
    requests_by_verb,
)
from tests.scale.page import Page, between

ROW = Growth(
    forge="github", runners=1000, seconds=120.0, percent_of_a_core=4.0, percent_starved=1.0, mebibytes=100.0,
    asked_an_hour=9000.0, spent_an_hour=1600.0, budget=5000, turned_away=0, questions=1000, failed=0,
    p50_milliseconds=5.0, p99_milliseconds=20.0, jobs_begun=7, jobs_ended=6,
)  # fmt: skip
CROWD = AtOnce(
    forge="gitea", pods=1000, served_s=(1.0, 50.0, 100.0), ready_s=(2.0, 52.0, 103.0), tries=1500, hung_up=1, cut_off=2,
    for_nobody=0, turned_away=0, asked=2000, spent=2000, budget=None, most_points_a_minute=None, percent_of_a_core=30.0,
    mebibytes=110.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({}, ()),
        ({"mebibytes": 143.5}, ("memory",)),
        ({"percent_of_a_core": 5.1}, ("CPU",)),
        ({"spent_an_hour": 1667.0}, ("requests",)),
        ({"spent_an_hour": 9000.0, "budget": None}, ()),
        ({"turned_away": 1}, ("refused by the forge",)),
        ({"p99_milliseconds": 50.1, "failed": 1}, ("queue", "queue not answered")),
    ],
)
def test_a_goal_that_is_missed_is_named(change: dict[str, float], missed: tuple[str, ...]) -> None:
    row = replace(ROW, **change)  # type: ignore[arg-type]
    assert row.missed == missed
    assert (", ".join(missed) or "none") in growth_table([row])


@pytest.mark.parametrize(("part", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_samples(part: float, expected: int) -> None:
    assert percentile([*range(100, 0, -1)], part) == expected
    assert percentile([7.0], part) == 7.0


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_requests_are_counted_by_verb_and_status_and_told_as_of_an_hour() -> None:
    metrics = """# HELP gpu_runners_forge_requests_total x
gpu_runners_forge_requests_total{status="200",verb="jobs in progress"} 12.0
gpu_runners_forge_requests_total{status="304",verb="runs"} 3.0
gpu_runners_forge_requests_created{status="304",verb="runs"} 1.7e+09
"""
    counts = requests_by_verb(metrics)
    assert counts == {"jobs in progress 200": 12.0, "runs 304": 3.0}
    assert an_hour({"runs 304": 3.0}, counts, 60.0) == {"jobs in progress 200": 720}


def test_a_page_keeps_what_is_not_measured_now(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text(
        "a\n<!-- growth -->\n<!-- end of growth -->\nb\n<!-- at once -->\nold\n<!-- end of at once -->\nc\n"
    )
    for row in (ROW, replace(ROW, runners=10), CROWD):
        Page(tmp_path).take(row)
    Page(tmp_path).take(replace(ROW, mebibytes=101.0))
    assert growth_table([replace(ROW, runners=10), replace(ROW, mebibytes=101.0)]) in page.read_text()
    assert at_once_table([CROWD]) in page.read_text()
    assert "old" not in page.read_text()
    assert "1,000" in page.read_text()
    plotted = (tmp_path / "scale-mebibytes.svg").read_text()
    assert "github" in plotted
    assert "runners" in plotted


def test_rows_are_read_back_as_they_were_written() -> None:
    assert read(json.loads(json.dumps(document([ROW], [CROWD])))) == ([ROW], [CROWD])


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="end of growth"):
        between("<!-- growth -->", "growth", "x")


def test_each_forge_has_its_line_from_few_to_many() -> None:
    rows = [ROW, replace(ROW, runners=10), replace(ROW, forge="gitea")]
    sizes = {forge: [point.size for point in points] for forge, points in lines(rows, "p99_milliseconds").items()}
    assert sizes == {"github": [10, 1000], "gitea": [1000]}
