"""The alert rules and the dashboard ask for what the registrar exports, and promtool takes the rules and tries them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpu_runners.usage.prometheus import FAILURES
from lab import build, paths
from tests.registrar.exported_metrics import exported

FOLDER = Path(__file__).parents[2] / "examples/monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
METRIC = re.compile(r"\b(gpu_runners_\w+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|ignoring|on) \(([^)]*)\)")
UNITS = {"short", "s", "h", "reqps", "bool_yes_no"}  # Grafana's own names


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    yield from (variable["query"]["query"] for variable in DASHBOARD["templating"]["list"][1:])


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_asks_for_series_and_labels_that_the_registrar_exports(expression: str) -> None:
    series, asked = exported(), METRIC.findall(expression)
    assert asked
    known: set[str] = set()
    for name, selector in asked:
        assert name in series, f"{name} is not exported"
        known |= series[name]
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)) <= series[name], selector
    for group in GROUPING.findall(expression):
        assert {label.strip() for label in group.split(",")} <= known, group


def test_what_is_not_exported_would_be_seen() -> None:
    assert "gpu_runners_nonsense" not in exported()
    assert exported()["gpu_runners_gpu_seconds_total"] == {"namespace", "pool", "resource", "state"}


def test_failures_are_counted_the_same_way_by_the_alert_the_dashboard_and_usage() -> None:
    alert = next(rule["expr"] for rule in RULES if rule["alert"] == "GpuRunnersFailing")
    (panel,) = (it for it in expressions() if "runner_failures_total{" in it)
    usage = FAILURES % {"s": 3600}
    assert _of_a_window(alert.removesuffix(">= 3"), "30m") == _of_a_window(panel, "1h") == _of_a_window(usage, "3600s")


def _of_a_window(expression: str, window: str) -> str:
    return re.sub(r"\s|\{[^}]*\}", "", expression).replace(window, "WINDOW")


def test_each_rule_says_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_each_panel_has_a_unit_and_lies_beside_the_others() -> None:
    taken: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.lab
@pytest.mark.alerts
@pytest.mark.long
def test_promtool_takes_the_rules_and_each_fires_on_what_it_is_for() -> None:
    build.build_all(print, ("promtool",))
    for arguments in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts-test.yaml")):
        done = subprocess.run([paths.BIN / "promtool", *arguments], cwd=FOLDER, capture_output=True, text=True,
                              check=False, timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout
