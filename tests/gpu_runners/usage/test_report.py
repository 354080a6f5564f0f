"""What was used, from jobs as the forges write them; and how that is printed."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gpu_runners.declared_pools import DeclaredPool, declared_pools
from gpu_runners.usage.formats import as_csv, as_json, as_text
from gpu_runners.usage.records import JobRecord, job_record
from gpu_runners.usage.report import Idle, Row, rows
from gpu_runners.usage.weeks import Week, last_weeks, week_of
from values.contract import POOL_LABEL
from values.scope import GITEA, GITHUB

CUDA = DeclaredPool("runners", "cuda", 2, ("self-hosted", "cuda"), 4)
BIG = DeclaredPool("runners", "cuda-big", 1, ("cuda", "big"), 8)
POOLS = [CUDA, BIG]
# As Gitea 1.26 tells one; GitHub has the same fields.
JOB = {"id": 111, "run_id": 46, "name": "train", "labels": ["cuda"], "status": "completed", "conclusion": "success",
       "runner_id": 166, "runner_name": "cuda-85bf57f879-p5tz7", "created_at": "2026-11-26T21:00:00Z",
       "started_at": "2026-11-26T21:00:30Z", "completed_at": "2026-11-26T21:30:30Z"}  # fmt: skip


def record(**changes: Any) -> JobRecord | None:
    return job_record("mlops/guide", "train.yml", {**JOB, **changes}, POOLS, GITHUB)


def known(**changes: Any) -> JobRecord:
    found = record(**changes)
    assert found is not None
    return found


def test_a_job_counts_for_the_pool_whose_runner_had_it() -> None:
    job = known()
    assert (job.pool, job.queued_seconds, job.ran_seconds) == ("runners/cuda", 30, 1800)
    assert known(runner_name="cuda-big-85bf57f879-p5tz7", labels=["big"]).pool == "runners/cuda-big"


@pytest.mark.parametrize(("forge", "queued"), [(GITEA, None), (GITHUB, 30)])
def test_a_job_that_is_run_again_did_not_wait_since_it_was_made(forge: str, queued: float | None) -> None:
    """At Gitea it is the same job; GitHub makes another."""
    again = job_record("mlops/guide", "train.yml", {**JOB, "run_attempt": 2}, POOLS, forge)
    assert again is not None
    assert (again.queued_seconds, again.ran_seconds) == (queued, 1800)
    first = job_record("mlops/guide", "train.yml", {**JOB, "run_attempt": 1}, POOLS, forge)
    assert first is not None
    assert first.queued_seconds == 30


def test_a_job_that_no_runner_had_counts_for_the_plainest_pool_that_offers_its_labels() -> None:
    job = known(runner_name="", conclusion="cancelled", labels=["CUDA"])
    assert (job.pool, job.queued_seconds, job.ran_seconds) == ("runners/cuda", None, 0)
    assert known(runner_name=None, labels=["big"]).pool == "runners/cuda-big"


@pytest.mark.parametrize(
    "changes",
    [
        {"conclusion": None}, {"conclusion": ""}, {"conclusion": "skipped"}, {"completed_at": None},
        {"completed_at": "1970-01-01T00:00:00Z"}, {"completed_at": "0001-01-01T00:00:00Z"}, {"completed_at": 7},
        {"completed_at": "2026-11-26T21:00:00"}, {"runner_name": "GitHub Actions 7"},
        {"runner_name": "other-85bf-p5tz7"},
        {"runner_name": "", "labels": ["ubuntu-latest"]}, {"runner_name": "", "labels": []},
    ],
)  # fmt: skip
def test_what_is_no_job_of_these_pools_does_not_count(changes: dict[str, Any]) -> None:
    assert record(**changes) is None


TEAMS = [DeclaredPool("team-a", "cuda", 1, ("gpu-a",), 1), DeclaredPool("team-b", "cuda", 1, ("gpu-b",), 8)]


def test_of_pools_of_one_name_the_one_that_offers_the_jobs_labels_had_it() -> None:
    job = job_record("mlops/guide", "train.yml", {**JOB, "labels": ["GPU-b"]}, TEAMS, GITHUB)
    assert job is not None
    assert (job.pool, job.gpus) == ("team-b/cuda", 8)


@pytest.mark.parametrize(("forge", "pool"), [(GITHUB, "team-a/cuda or team-b/cuda"), (GITEA, "team-b/cuda")])
def test_labels_are_compared_as_the_forge_does(forge: str, pool: str) -> None:
    pools = [replace(made, labels=(label,)) for made, label in zip(TEAMS, ("gpu", "GPU"), strict=True)]
    job = job_record("mlops/guide", "train.yml", {**JOB, "labels": ["GPU"]}, pools, forge)
    assert job is not None
    assert job.pool == pool


def test_a_runner_of_another_stacks_pool_of_that_name_counts_for_none() -> None:
    assert job_record("mlops/guide", "train.yml", {**JOB, "labels": ["gpu-prod"]}, TEAMS, GITHUB) is None


def test_what_pools_of_one_name_and_label_may_both_have_had_is_told_for_both_and_not_guessed() -> None:
    same = [replace(pool, labels=("gpu",)) for pool in TEAMS]
    job = job_record("mlops/guide", "train.yml", {**JOB, "labels": ["gpu"]}, same, GITHUB)
    assert job is not None
    (row,) = rows([job], {})
    assert (row.pool, row.gpu_hours_used) == ("team-a/cuda or team-b/cuda", None)
    assert as_text([row]).splitlines()[1].split()[-4:-2] == ["30s", "-"]
    equal = [replace(pool, gpus=2) for pool in same]
    alike = job_record("mlops/guide", "train.yml", {**JOB, "labels": []}, equal, GITHUB)
    assert alike is not None
    assert alike.gpus == 2


def test_a_pools_gpus_count_whoever_makes_them() -> None:
    limits = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "9Gi", "habana.ai/gaudi": "8"}
    pod = {"containers": [{"resources": {"limits": limits}}]}
    metadata = {"name": "gaudi", "namespace": "runners", "labels": {POOL_LABEL: "gaudi"}}
    inputs = {"metadata": metadata, "spec": {"template": {"spec": pod}}}
    (pool,) = declared_pools([{"type": "kubernetes:apps/v1:Deployment", "inputs": inputs}])
    assert pool.gpus == 8


def test_a_week_begins_on_monday_at_midnight_utc() -> None:
    assert str(week_of(datetime(2026, 11, 30, tzinfo=UTC))) == "2026-W49"
    assert str(week_of(datetime(2026, 11, 29, 23, 59, tzinfo=UTC))) == "2026-W48"
    assert str(week_of(datetime.fromisoformat("2026-11-30T01:00:00+02:00"))) == "2026-W48"
    assert [str(week) for week in last_weeks(3, datetime(2027, 1, 5, tzinfo=UTC))] == [
        "2026-W52",
        "2026-W53",
        "2027-W01",
    ]


def used() -> list[Row]:
    week = week_of(datetime(2026, 11, 26, tzinfo=UTC))
    jobs = [
        known(),
        known(started_at="2026-11-26T21:01:30Z", conclusion="failure"),
        known(completed_at="2026-11-17T22:00:00Z", started_at="2026-11-17T21:00:00Z"),
    ]
    return rows(jobs, {(week, "runners/cuda"): Idle(gpu_hours=12.5, failures={"OOMKilled": 1})})


def test_jobs_are_added_up_by_week_repository_workflow_and_pool() -> None:
    before, own, now = used()
    assert (before.week, before.jobs, before.gpu_hours_used) == ("2026-W47", 1, 4.0)
    assert (own.week, own.repository, own.gpu_hours_idle, own.failures) == ("2026-W48", "", 12.5, {"OOMKilled": 1})
    assert (now.repository, now.workflow, now.jobs, now.failures) == ("mlops/guide", "train.yml", 2, {"failure": 1})
    assert (now.queue_seconds_median, now.queue_seconds_max) == (60.0, 90.0)
    assert now.gpu_hours_used == round(4 * (1800 + 1740) / 3600, 3)


def test_a_table_is_for_people() -> None:
    head, *lines = as_text(used()).splitlines()
    assert head.split()[:5] == ["WEEK", "REPOSITORY", "WORKFLOW", "POOL", "JOBS"]
    assert lines[2].split() == [
        "2026-W48", "mlops/guide", "train.yml", "runners/cuda", "2", "1m00s", "1m30s", "3.93", "-", "failure=1",
    ]  # fmt: skip


def test_json_and_csv_hold_the_same() -> None:
    listed = json.loads(as_json(used()))
    read = list(csv.DictReader(io.StringIO(as_csv(used()))))
    assert [row["week"] for row in listed] == [row["week"] for row in read]
    assert read[1]["gpu_hours_idle"] == "12.5"
    assert read[2]["gpu_hours_idle"] == "", "not known is no zero"
    assert (listed[2]["failures"], read[2]["failures"]) == ({"failure": 1}, "failure=1")


@pytest.mark.parametrize(
    "name", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\x1b[2J.yml", "a\tb\nc", "a;=1+1", "a; =1", "\uff1d1"]
)
def test_what_somebody_names_is_no_formula_and_moves_no_cursor(name: str) -> None:
    job = job_record("mlops/guide", name, JOB, POOLS, GITHUB)
    assert job is not None
    made = rows([job], {})
    (read,) = csv.DictReader(io.StringIO(as_csv(made)))
    assert not any(cell.strip().startswith(("=", "+", "-", "@", "\uff1d")) for cell in read["workflow"].split(";"))
    assert "\x1b" not in as_csv(made)


def test_nothing_used_is_a_head_alone() -> None:
    assert len(as_text([]).splitlines()) == len(as_csv([]).splitlines()) == 1
    assert json.loads(as_json([])) == []
    assert Week(datetime(2026, 11, 23, tzinfo=UTC)).end == datetime(2026, 11, 30, tzinfo=UTC)
