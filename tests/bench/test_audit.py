"""Requests are counted by who asked, and not those of whoever looks on."""

import json
from pathlib import Path

from bench.audit import AuditLog, requests_by_client
from lab.trial.kubernetes import USER_AGENT


def line(agent: str | None) -> str:
    return json.dumps({"kind": "Event", "verb": "get", **({} if agent is None else {"userAgent": agent})})


def test_requests_are_counted_by_client() -> None:
    agents = ["kubectl/v1.36.4 (linux/amd64) kubernetes/abc", "kubectl/v1.36.4 (linux/amd64)", "Helm/4.2.4", None, ""]
    counts = requests_by_client(map(line, agents))
    assert counts == {"kubectl": 2, "helm": 1, "nameless": 2}


def test_looks_of_the_benchmark_itself_parts_of_the_lab_and_lines_cut_off_do_not_count() -> None:
    assert requests_by_client([line(USER_AGENT), line("kwok/v0.8.0 (linux/amd64)"), line("kubectl/v1")[:-5]]) == {}


def test_only_what_came_since_counts(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text(line("helm/4") + "\n")
    log = AuditLog(file)
    place = log.here()
    with file.open("a") as more:
        more.write(line("kubectl/v1") + "\n")
    assert log.since(place) == {"kubectl": 1}


def test_without_a_log_or_with_a_new_one_nothing_is_known(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    assert AuditLog(file).here() is None
    assert AuditLog(file).since(None) is None
    file.write_text(line("helm/4"))
    assert AuditLog(file).since(10_000) is None
