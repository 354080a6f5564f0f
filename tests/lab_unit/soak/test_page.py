"""The page and the plot say what the record says."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from lab.soak.chart import chart
from lab.soak.judgement import judge
from lab.soak.page import page
from lab.soak.record import Process, Record, document
from tests.lab_unit.soak.records import FIRST_LIFE, LIFE, job, record, with_job

SVG = "{http://www.w3.org/2000/svg}"


def parsed(record: Record) -> ElementTree.Element:
    return ElementTree.fromstring(chart(record))  # noqa: S314 - our own


def text(record: Record) -> str:
    return page(record, judge(record))


def test_it_says_in_one_line_how_it_went_and_with_which_seed() -> None:
    line = "2026-11-27, seed 7, 20.0 minutes: 2 faults struck, 80 of 80 jobs succeeded, 0 were taken with their runners"
    assert f"**{line}; everything held.**" in text(record())


def test_what_did_not_hold_stands_out_and_names_the_job() -> None:
    shown = text(with_job(job("late", conclusion="failure")))
    assert "not everything held" in shown
    assert "| jobs lost | none | 1: gitea late on runner-late: failure | **broken** |" in shown


def test_a_shorter_run_says_that_it_was_shorter() -> None:
    shorter = "shorter than the 20 minutes"
    assert shorter in text(replace(record(), minutes=5))
    assert shorter not in text(record())


def test_a_job_that_was_taken_is_shown_with_the_fault_that_did_it() -> None:
    victim = replace(job("victim", conclusion=""), taken_by="runner-killed", told=True)
    assert "| gitea | victim | `runner-killed` | none | yes |" in text(with_job(victim))


def test_a_strike_that_did_not_come_about_is_not_counted() -> None:
    first, second = record().strikes
    shown = text(replace(record(), strikes=(replace(first, failed=True), second)))
    assert "| `registrar-killed-in-registration` | gitea | 0 | 1 | 4.0 |" in shown
    assert "1 faults struck" in shown


def test_the_plot_draws_each_process_as_a_line_and_each_strike_in_every_panel() -> None:
    root = parsed(record())
    assert len(root.findall(f"{SVG}polyline")) == 2 * 2 + 2 * 2 + 2
    ticks = [path for path in root.findall(f"{SVG}path") if path.attrib["d"].endswith("v9")]
    assert len(ticks) == 2 * 3


def test_a_plot_of_hardly_anything_is_a_plot() -> None:
    few = replace(record(), seconds=1.0, strikes=(), samples=record().samples[:1])
    assert parsed(few).tag == f"{SVG}svg"


def test_the_json_has_every_sample_as_a_row_under_its_columns() -> None:
    shown = json.loads(json.dumps(document(record())))
    samples = shown["samples"]
    assert len(samples["rows"]) == len(record().samples)
    first = dict(zip(samples["columns"], samples["rows"][0], strict=True))
    assert (first["at"], first["side"]) == (5.0, "gitea")
    assert Process(*first["processes"][0]).life == FIRST_LIFE
    last = dict(zip(samples["columns"], samples["rows"][-1], strict=True))
    assert Process(*last["processes"][0]).life == LIFE
