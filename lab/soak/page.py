"""docs/soak.md, from a record and its judgement and nothing else."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from lab.soak.judgement import (
    EVENTS_PER_POD,
    SPAN_SECONDS,
    SUCCESS,
    WARM_UP_SECONDS,
    Finding,
    lives,
    taken,
    verdict,
)
from lab.soak.record import Ended, Record
from lab.soak.schedule import EARLY, VERDICT_SECONDS
from registrar.forges.github.client import KEEP_SECONDS

WHOLE_MINUTES: Final = 20.0

HEAD: Final = f"""# A soak: short jobs at both forges while random faults strike

`make soak` writes this page, [soak.json](soak.json) with every sample, and the plot. Four runners, two at the lab's
Gitea (real) and two at its stand-in for GitHub (with a runner that is not GitHub's own), each pair with a platform and
a registrar of its own; a stream of jobs of half a second to six; and every few seconds a fault of
[reliability.md](reliability.md) that is quick to bring about and to take back, one after another. What strikes where
and when follows from the seed alone: `make soak MINUTES=20 SEED=7`. It ends by itself, with 1 where something did not
hold.

A job counts as the forge concludes it, and as often as it said itself that it begins. Jobs whose runner a fault killed
or force-deleted are lost by the fault's nature and counted apart: there it is asked that people read at the forge why.
A runner that is told to stop reports its job as `cancelled`, though nobody has cancelled it: that is to be told, too.
GitHub waits for a runner for ten minutes before it has a word on its job, so none is taken there in the last
{VERDICT_SECONDS["github"] / 60:.0f} minutes; in a shorter run none is taken there at all.

Registrars are killed in the first {EARLY:.0%} of the time only, so that the last processes live long enough to be
judged by the median slope between all samples: those that lived for
{(WARM_UP_SECONDS + SPAN_SECONDS) / 60:.0f} minutes, without the first {WARM_UP_SECONDS / 60:.0f}. A registrar keeps
GitHub's answers for {KEEP_SECONDS / 60:.0f} minutes after somebody asked for them, so until then its memory grows with
the jobs; `python -m tests.registrar.growth` shows which part holds what, and `tests/registrar/test_growth.py` that
nothing else grows with the jobs it has seen. Memory is resident memory as the kernel has it. A pod's whole life is
some four Events of the registrar; at most {EVENTS_PER_POD:g} count as no flood.
"""
VERDICTS: Final = {True: "held", False: "**broken**", None: "not judged"}


def page(record: Record, findings: Sequence[Finding]) -> str:
    """The page's text."""
    parts = [HEAD, f"**{summary(record, findings)}**", *_shortness(record), "![plot](soak.svg)"]
    parts.append(_table(("question", "limit", "found", ""), (_row(finding) for finding in findings)))
    parts += ["## Jobs", _jobs(record), *_taken(record), "## Registrars", _registrars(record), "## Strikes"]
    parts.append(_strikes(record))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def summary(record: Record, findings: Sequence[Finding]) -> str:
    """One line about all of it."""
    done = sum(job.conclusion == SUCCESS for job in record.jobs)
    how = "everything held" if verdict(findings) else "not everything held"
    open_questions = sum(finding.held is None for finding in findings)
    how += f", {open_questions} questions not judged" if open_questions else ""
    came_about = sum(not strike.failed for strike in record.strikes)
    return (
        f"{record.day}, seed {record.seed}, {record.seconds / 60:.1f} minutes: {came_about} faults struck, "
        f"{done} of {len(record.jobs)} jobs succeeded, {len(taken(record))} were taken with their runners; {how}."
    )


def _shortness(record: Record) -> list[str]:
    if record.minutes >= WHOLE_MINUTES:
        return []
    return [f"This run was shorter than the {WHOLE_MINUTES:g} minutes that `make soak` takes by default."]


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return finding.question, finding.limit, finding.found, VERDICTS[finding.held]


def _jobs(record: Record) -> str:
    rows = []
    for side in record.sides:
        jobs = [job for job in record.jobs if job.side == side]
        done = sum(job.conclusion == SUCCESS for job in jobs)
        rows.append((side, str(len(jobs)), str(done), str(sum(job.side == side for job in taken(record)))))
    return _table(("forge", "pushed", "succeeded", "taken by a fault"), rows)


def _taken(record: Record) -> list[str]:
    jobs = taken(record)
    if not jobs:
        return []
    rows = [(job.side, job.name, f"`{job.taken_by}`", _conclusion(job), "yes" if job.told else "no") for job in jobs]
    return [_table(("forge", "job", "taken by", "conclusion by then", "told at the forge"), rows)]


def _registrars(record: Record) -> str:
    rows = []
    for side in record.sides:
        for life, samples in lives(record.of(side)).items():
            kib = [process.kib / 1024 for _, process in samples]
            open_ = [process.descriptors for _, process in samples]
            lived = f"{samples[0][0] / 60:.1f} to {samples[-1][0] / 60:.1f}"
            memory = f"{kib[0]:.1f}, {statistics.median(kib):.1f}, {max(kib):.1f}, {kib[-1]:.1f}"
            descriptors = f"{open_[0]}, {statistics.median(open_):g}, {max(open_)}, {open_[-1]}"
            rows.append((side, f"`{life}`", lived, memory, descriptors))
    return _table(
        ("forge", "process", "minutes", "MiB: first, median, most, last", "descriptors: the same"), rows
    )  # fmt: skip


def _strikes(record: Record) -> str:
    places = Counter((strike.name, strike.side) for strike in record.strikes)
    rows = []
    for name, side in sorted(places):
        these = [strike for strike in record.strikes if (strike.name, strike.side) == (name, side)]
        failed = sum(strike.failed for strike in these)
        longest = max(strike.lasted for strike in these)
        rows.append((f"`{name}`", side, str(len(these) - failed), str(failed or ""), f"{longest:.1f}"))
    return _table(("fault", "where", "struck", "did not come about", "longest, s"), rows)


def _conclusion(job: Ended) -> str:
    return job.conclusion or "none"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
