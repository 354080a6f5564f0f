"""What the registrar's metrics are called and labelled, as Prometheus has them."""

from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from registrar.metrics import Metrics

OF_HISTOGRAMS = ("_bucket", "_count", "_sum")


def exported() -> dict[str, set[str]]:
    """Every series' name, with its labels."""
    series: dict[str, set[str]] = {}
    for collector in collectors(Metrics()):
        labels = set(collector._labelnames)
        for metric in collector.describe():
            if metric.type == "histogram":
                series |= {f"{metric.name}{part}": labels | {"le"} for part in OF_HISTOGRAMS}
            else:
                series[f"{metric.name}_total" if metric.type == "counter" else metric.name] = labels
    return series


def collectors(metrics: Metrics) -> Iterator[MetricWrapperBase]:
    """Its counters, gauges and histograms."""
    return (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))
