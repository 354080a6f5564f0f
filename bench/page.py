"""The page of the figures, `docs/benchmarks/speed.md`, from the parts that were measured. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.goals import Verdict, judge
from bench.measurement import (
    CREATED_TO_ONLINE,
    EMPTY_POD,
    FIRST_STEP,
    FIRST_TRAINING,
    FLAT,
    FROM_ZERO,
    HELM,
    KUBECTL,
    NEXT_ONLINE,
    OURS,
    PREVIEW,
    REVIEW,
    SUBJECTS,
    UP_INSTANT,
    UP_REAL,
    UP_UNCHANGED,
    Measurement,
)
from bench.phases import FLOORS, JOB_FLOORS
from bench.plot import Point, plot
from bench.report import QUIET_CORES, Part

SIZES: Final[Mapping[str, Sequence[int]]] = {UP_INSTANT: (1, 10, 50, 100), UP_REAL: (1, 10, 30)}
NAMES: Final = {
    OURS: "this program",
    FLAT: "flat program",
    HELM: "`helm upgrade --install --wait`",
    KUBECTL: "`kubectl apply` and `rollout status`",
}
PLOTS: Final = {UP_INSTANT: "up-instant.svg", UP_REAL: "up-real.svg", UP_UNCHANGED: "up-unchanged.svg"}
LATENCIES: Final = (FROM_ZERO, CREATED_TO_ONLINE, EMPTY_POD, NEXT_ONLINE, FIRST_STEP, FIRST_TRAINING)

_HEAD: Final = """\
# How fast

`make bench` writes this page, its plots, `bench/results.json` (medians) and `bench/samples.json` (every run). It takes
at most 25 minutes and needs the lab. The same Deployments are made by four subjects in turns: **ours** is this program;
**flat** the same in one loop of a Pulumi program, with the provider's own wait; **helm** `upgrade --install --wait` of
a chart; **kubectl** `apply` and `rollout status`, the floor. After each run the API server's Deployments are compared:
they are the same whoever made them. What counts are ratios within one run; seconds are of this machine.

On the *instant node* no container runs, and a pod is online as soon as it is placed: what remains is the engine, the
provider and the wait. *Real runners* are containers that register at the forge.
"""

Measurements = Mapping[tuple[str, str, int], Measurement]


def page(parts: Mapping[str, Part]) -> str:
    """The whole page."""
    measured = {(m.measure, m.subject, m.pools): m for part in parts.values() for m in part.measurements}
    return "\n".join(
        [
            _HEAD,
            *_conditions(parts.values()),
            *_goals(judge(list(measured.values()), SIZES)),
            *_of_ups(measured, UP_INSTANT, "`up` until all pools are online, instant node"),
            *_of_ups(measured, UP_REAL, "`up` until all pools are online, real runners"),
            *_phases(measured),
            *_of_ups(measured, UP_UNCHANGED, "The same command once nothing has changed"),
            *_of_ups(measured, PREVIEW, "Preview without a change"),
            *_of_ups(measured, REVIEW, "Review of a stack that nobody touched"),
            *_counts(measured),
            *_latencies(measured),
        ]
    )


def plots(parts: Mapping[str, Part]) -> dict[str, str]:
    """File name → SVG, of each measure that has at least two sizes."""
    measurements = [m for part in parts.values() for m in part.measurements]
    drawn = {}
    for measure, file in PLOTS.items():
        series = {
            subject: sorted(
                (Point(m.pools, m.median, m.least, m.most) for m in measurements
                 if (m.measure, m.subject) == (measure, subject)),
                key=lambda point: point.size,
            )
            for subject in SUBJECTS
        }  # fmt: skip
        series = {subject: points for subject, points in series.items() if points}
        if any(len(points) > 1 for points in series.values()):
            drawn[file] = plot(measure, series, {})
    return drawn


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines, ""] if lines else []


def _conditions(parts: Iterable[Part]) -> list[str]:
    rows, remarks = [], []
    for part in parts:
        quiet = "yes" if part.is_quiet else "**no**"
        rows.append([part.name, part.date, f"{part.busy_cores:.1f} of {part.cores}", quiet])
        remarks += [f"- {part.name}: {remark}" for remark in part.remarks]
    note = (
        f"Quiet: no more than {QUIET_CORES} cores computed before the part began (the idle lab does). Elsewhere the "
        "work of others is in the seconds, for all subjects alike."
    )
    left = ["Not measured, or not as often as wanted:", "", *remarks, ""] if remarks else []
    return ["## The machine", "", *_table(["part", "date", "busy cores before it", "quiet"], rows), note, "", *left]


def _goals(verdicts: Sequence[Verdict]) -> list[str]:
    words = {True: "kept", False: "**missed**", None: "not measured"}
    rows = [
        [
            verdict.goal,
            f"{verdict.at_most:g}{verdict.unit}",
            "" if verdict.measured is None else f"{verdict.measured:.3f}{verdict.unit}",
            words[verdict.kept],
        ]
        for verdict in verdicts
    ]
    kept = sum(verdict.kept is True for verdict in verdicts)
    missed = sum(verdict.kept is False for verdict in verdicts)
    told = f"{kept} kept, {missed} missed, {len(verdicts) - kept - missed} not measured."
    return ["## Goals", "", told, "", *_table(["goal", "at most", "measured", ""], rows)]


def _of_ups(measured: Measurements, measure: str, title: str) -> list[str]:
    sizes = sorted({pools for name, _, pools in measured if name == measure})
    subjects = [subject for subject in SUBJECTS if any((measure, subject, pools) in measured for pools in sizes)]
    rows = []
    for pools in sizes:
        cells = [_cell(measured.get((measure, subject, pools))) for subject in subjects]
        ratios = [_ratio(measured, measure, pools, rival) for rival in (FLAT, HELM) if rival in subjects]
        rows.append([str(pools), *cells, *ratios])
    head = ["pools", *(NAMES[subject] for subject in subjects)]
    head += [f"ours / {rival}" for rival in (FLAT, HELM) if rival in subjects]
    drawn = [f"![{measure}, seconds over pools]({PLOTS[measure]})", ""] if measure in PLOTS and len(sizes) > 1 else []
    return [f"## {title}", "", *_table(head, rows), *drawn] if rows else []


def _cell(measurement: Measurement | None) -> str:
    if measurement is None:
        return ""
    spread = f"{measurement.least:.2f} to {measurement.most:.2f}, {len(measurement.samples)} runs"
    return f"{measurement.median:.2f} s ({spread})" if len(measurement.samples) > 1 else f"{measurement.median:.2f} s"


def _ratio(measured: Measurements, measure: str, pools: int, rival: str) -> str:
    ours, theirs = (measured.get((measure, subject, pools)) for subject in (OURS, rival))
    return f"{ours.median / theirs.median:.2f}" if ours and theirs else ""


def _phases(measured: Measurements) -> list[str]:
    split = {key: m.phases() for key, m in measured.items() if key[0] in SIZES and m.phases()}
    names = list(dict.fromkeys(name for phases in split.values() for name in phases))
    rows = [
        [measure, str(pools), subject, *(f"{phases[name]:.2f} s" if name in phases else "" for name in names)]
        for (measure, subject, pools), phases in sorted(
            split.items(), key=lambda entry: (entry[0][0], entry[0][2], SUBJECTS.index(entry[0][1]))
        )
    ]
    floors = [f"- *{name}*: {FLOORS[name]}." for name in names if name in FLOORS]
    note = (
        "Medians of each phase. A phase ends when the first or last of its kind is seen at the API server; of helm and "
        "kubectl the start of the program is part of their checks."
    )
    table = _table(["measure", "pools", "subject", *names], rows)
    return ["## Where the time goes", "", *table, note, "", *floors, ""] if rows else []


def _counts(measured: Measurements) -> list[str]:
    return [
        *_breakdown(
            measured, "Requests to the API server", "From its audit log, by client.",
            {key: m.requests() or {} for key, m in measured.items()}, "{:.0f}",
        ),
        *_breakdown(
            measured, "CPU seconds", "Of the command's processes and of the lab's, while it ran, in seconds.",
            {key: m.cpu() for key, m in measured.items()}, "{:.1f}",
        ),
    ]  # fmt: skip


def _breakdown(
    measured: Measurements,
    title: str,
    note: str,
    counted: Mapping[tuple[str, str, int], Mapping[str, float]],
    form: str,
) -> list[str]:
    names = list(dict.fromkeys(name for key in measured if key[0] in SIZES for name in counted[key]))
    order = sorted(measured, key=lambda key: (key[0], key[2], SUBJECTS.index(key[1])))
    rows = []
    for key in order:
        counts = counted[key]
        if key[0] not in (*SIZES, UP_UNCHANGED, PREVIEW) or not counts:
            continue
        cells = [form.format(counts[name]) if counts.get(name) else "" for name in names]
        rows.append([key[0], str(key[2]), key[1], *cells, form.format(math.fsum(counts.values()))])
    return [f"## {title}", "", note, "", *_table(["measure", "pools", "subject", *names, "all"], rows)] if rows else []


def _latencies(measured: Measurements) -> list[str]:
    lines = []
    for measure in LATENCIES:
        for (name, _, _), m in measured.items():
            if name != measure:
                continue
            lines += [f"### {measure[0].upper()}{measure[1:]}", "", f"{_cell(m)}.", ""]
            rows = [[phase, f"{seconds:.2f} s", JOB_FLOORS.get(phase, "")] for phase, seconds in m.phases().items()]
            lines += _table(["phase", "median", "whose floor"], rows)
    note = (
        f"One job at a time. *{EMPTY_POD}* is the kubelet's floor of a pod with an init container and a main one: it "
        "sees the end of a container when it looks, once a second. The whole demo looks three times a second: what it "
        "does not read off a log it tells up to that late."
    )
    return ["## Around one job", "", note, "", *lines] if lines else []
