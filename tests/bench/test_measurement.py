"""What is written down of the benchmark is what was measured, and is read again as it was."""

import json
from pathlib import Path

from bench.measurement import FLAT, OURS, UP_REAL, Measurement, Sample, from_json, results, to_json
from bench.report import RESULTS, SAMPLES, Part, load, write

SAMPLES_OF_OURS = [
    Sample(3.0, (("declaring", 1.0), ("pods", 2.0)), {"pulumi": 0.5}, {"program": 4}),
    Sample(1.0, (("declaring", 0.5), ("pods", 0.5)), {"pulumi": 0.1, "program": 1.0}, {"program": 6}),
    Sample(2.0),
]
OF_OURS = Measurement(UP_REAL, OURS, 30, SAMPLES_OF_OURS)


def test_a_result_has_the_median_and_the_number_of_runs() -> None:
    assert results([OF_OURS]) == [{"measure": UP_REAL, "subject": "ours", "pools": 30, "median_s": 2.0, "runs": 3}]


def test_phases_processes_and_requests_have_medians_of_their_own() -> None:
    assert OF_OURS.phases() == {"declaring": 0.75, "pods": 1.25}
    assert OF_OURS.cpu() == {"pulumi": 0.1, "program": 0.0}
    assert OF_OURS.requests() == {"program": 5.0}
    assert Measurement(UP_REAL, FLAT, 1, [Sample(1.0)]).requests() is None


def test_a_measurement_is_read_as_it_was_written() -> None:
    assert from_json(json.loads(json.dumps(to_json(OF_OURS)))) == OF_OURS


def test_parts_are_read_as_they_were_written(tmp_path: Path) -> None:
    part = Part("real", "2026-11-27", 2, 0.25, [OF_OURS], ["no time left"])
    assert write({"real": part}, tmp_path / "samples.json", tmp_path / "results.json") == {"real": part}
    assert load(tmp_path / "samples.json") == {"real": part}
    assert json.loads((tmp_path / "results.json").read_text()) == results([OF_OURS])
    assert load(tmp_path / "absent.json") == {}


def test_the_results_of_this_repository_are_the_medians_of_its_samples() -> None:
    measured = [m for part in load(SAMPLES).values() for m in part.measurements]
    assert measured
    assert json.loads(RESULTS.read_text()) == results(measured)
