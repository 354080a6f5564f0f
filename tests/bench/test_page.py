"""The page says what was measured, and what was not; it is made of the samples alone."""

from pathlib import Path

from bench.measurement import (
    CREATED_TO_ONLINE,
    FLAT,
    HELM,
    KUBECTL,
    OURS,
    UP_INSTANT,
    UP_REAL,
    UP_UNCHANGED,
    Measurement,
    Sample,
)
from bench.page import page, plots
from bench.phases import PODS
from bench.report import SAMPLES, Part, load

ROOT = Path(__file__).resolve().parents[2]


def part(*measurements: Measurement, busy: float = 0.1, remarks: tuple[str, ...] = ()) -> dict[str, Part]:
    return {"instant": Part("instant", "2026-11-27", 2, busy, measurements, remarks)}


def of(measure: str, subject: str, pools: int, *seconds: float) -> Measurement:
    samples = [Sample(s, ((PODS, s),), {"pulumi": 0.3}, {"provider": 7}) for s in seconds]
    return Measurement(measure, subject, pools, samples)


UPS = [
    of(UP_INSTANT, subject, pools, seconds * pools, seconds * pools + 0.5, seconds * pools + 1)
    for subject, seconds in ((OURS, 1.0), (FLAT, 2.0), (HELM, 0.8), (KUBECTL, 0.5))
    for pools in (1, 10)
]


def test_each_size_has_a_row_with_all_subjects_and_the_ratios() -> None:
    row = next(line for line in page(part(*UPS)).splitlines() if line.startswith("| 10 |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "10", "10.50 s (10.00 to 11.00, 3 runs)", "20.50 s (20.00 to 21.00, 3 runs)", "8.50 s (8.00 to 9.00, 3 runs)",
        "5.50 s (5.00 to 6.00, 3 runs)", "0.51", "1.24",
    ]  # fmt: skip


def test_a_goal_that_is_missed_is_called_missed_and_one_not_measured_is_not_called_kept() -> None:
    lines = page(part(*UPS, of(CREATED_TO_ONLINE, OURS, 1, 1.4))).splitlines()
    assert f"| {CREATED_TO_ONLINE} | 1 s | 1.400 s | **missed** |" in lines
    assert f"| {UP_REAL}, 30 pools: of flat's time | 0.65 |  | not measured |" in lines
    assert f"| {UP_INSTANT}, 10 pools: of flat's time | 1 | 0.512 | kept |" in lines


def test_a_busy_machine_and_what_found_no_time_are_told() -> None:
    text = page(part(*UPS, busy=1.6, remarks=("100 pools: no time left for run 1",)))
    assert "| instant | 2026-11-27 | 1.6 of 2 | **no** |" in text
    assert "- instant: 100 pools: no time left for run 1" in text
    assert "| instant | 2026-11-27 | 0.1 of 2 | yes |" in page(part(*UPS))


def test_phases_requests_and_processes_have_tables() -> None:
    text = page(part(*UPS))
    assert f"| {UP_INSTANT} | 1 | helm | 1.30 s |" in text
    assert f"| {UP_INSTANT} | 1 | kubectl | 7 | 7 |" in text
    assert f"| {UP_INSTANT} | 1 | kubectl | 0.3 | 0.3 |" in text


def test_a_measure_of_several_sizes_is_drawn_and_one_of_a_single_size_is_not() -> None:
    drawn = plots(part(*UPS, of(UP_UNCHANGED, OURS, 1, 1.0)))
    assert list(drawn) == ["up-instant.svg"]
    assert all(subject in drawn["up-instant.svg"] for subject in (OURS, FLAT, HELM, KUBECTL))


def test_the_page_of_this_repository_is_that_of_its_samples() -> None:
    parts, folder = load(SAMPLES), ROOT / "docs" / "benchmarks"
    assert (folder / "speed.md").read_text() == page(parts)
    for file, text in plots(parts).items():
        assert (folder / file).read_text() == text
