"""Metrics: each is on its page, says what it is, and is rendered; and what is set by more than a call."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from registrar.metrics import Metrics
from tests.registrar.conftest import World
from tests.registrar.exported_metrics import collectors, exported
from tests.registrar.stand_in_cluster import runner_pod
from values.scope import Scope

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")


def rendered(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples by name and labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def test_the_page_of_the_metrics_lists_each_with_its_labels() -> None:
    rows = dict(re.findall(r"^\| `(gpu_runners_\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE))
    series = {name: labels - {"le"} for name, labels in exported().items()
              if not name.endswith(("_bucket", "_sum"))}  # fmt: skip
    series = {name.removesuffix("_count") if "le" in exported()[name] else name: labels
              for name, labels in series.items()}  # fmt: skip
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == series


def test_each_metric_says_in_words_what_it_is_and_is_rendered() -> None:
    metrics = Metrics()
    text = metrics.render().decode()
    for collector in collectors(metrics):
        (metric,) = collector.describe()
        assert len(metric.documentation.split()) >= 4, metric.name
        assert f"# HELP {metric.name}" in text


def test_the_jobs_of_a_pool_that_is_gone_are_gone() -> None:
    metrics = Metrics()
    metrics.count_jobs({"guide/cuda": {"waiting": 2, "running": 1}, "guide/cpu": {"waiting": 3}})
    jobs = {labels: value for (name, labels), value in rendered(metrics).items() if name == "gpu_runners_jobs"}
    assert {tuple(sorted(dict(labels).values())): value for labels, value in jobs.items()} == {
        ("cuda", "guide", "queued"): 2, ("cuda", "guide", "in_progress"): 1, ("cpu", "guide", "queued"): 3,
        ("cpu", "guide", "in_progress"): 0,
    }  # fmt: skip
    metrics.count_jobs({"guide/cpu": {"waiting": 1}})
    pools = [dict(labels)["pool"] for name, labels in rendered(metrics) if name == "gpu_runners_jobs"]
    assert pools == ["cpu", "cpu"]


def test_the_age_of_the_forges_last_answer_grows_until_the_next_one() -> None:
    metrics, scope = Metrics(), Scope("mlops/guide")
    key = ("gpu_runners_forge_answer_age_seconds", frozenset({("scope", "mlops/guide")}))
    metrics.forge_answered(scope)
    first, second = rendered(metrics)[key], rendered(metrics)[key]
    assert 0 <= first < second < 3600


async def test_requests_to_the_forge_are_counted_by_what_they_do_and_what_it_answered(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.gitea.failing = 502
    later = runner_pod("cuda-abc-bbbbb")
    await world.cluster.create(later)
    assert (await world.register(later))[0] == 503
    requests = [labels for name, labels in rendered(world.metrics) if name == "gpu_runners_forge_requests_total"]
    assert {dict(labels)["status"] for labels in requests} == {"200", "502"}
    assert all(len(dict(labels)["verb"]) >= 4 for labels in requests)
