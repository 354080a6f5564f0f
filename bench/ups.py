"""`up` until every pool is online, by all subjects in turns, and the same once nothing has changed."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import command
from bench.audit import AuditLog
from bench.budget import Budget
from bench.contest import Commands, Contest, Subject
from bench.measurement import PREVIEW, UP_UNCHANGED, Measurement, Phase, Sample
from bench.phases import CHECKS, DECLARES, ENDS, PODS, STARTS, between
from bench.witness import CREATED, ONLINE, Witness
from bench.workshop import Workshop
from lab import daemon
from lab.control_plane import AUDIT_LOG
from lab.errors import LabError

PhasesOf = Callable[[command.Ran], tuple[Phase, ...]]
# Of the lab, which compute because of the command.
OF_THE_CLUSTER = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubelet", "containerd")


class Ups:
    """One measure of `up`, at one size or more, all in one namespace.

    `quiet`: the commands that find nothing to do are measured as well.
    """

    def __init__(self, workshop: Workshop, measure: str, contests: Sequence[Contest], *, quiet: bool) -> None:
        self._workshop, self._measure, self._contests, self._quiet = workshop, measure, contests, quiet
        self._witness = Witness(workshop.api, contests[0].namespace)
        self._audit = AuditLog(AUDIT_LOG)
        self._samples: dict[tuple[str, str, int], list[Sample]] = {}
        self._specs: dict[int, dict[str, object]] = {}
        self._failed: dict[tuple[str, int], str] = {}

    def run(self, budget: Budget) -> Iterator[str]:
        """Round after round while there is time; says what each run took, and which sizes found no time at all.

        A subject that fails at a size is left out of it from then on. Raises LabError with what failed, at the end.
        """
        subjects = {contest.size: contest.subjects(self._workshop) for contest in self._contests}
        for number in range(self._workshop.runs):
            for contest in self._contests:
                if not budget.fits(contest.size):
                    yield f"{self._measure}, {contest.size} pools: no time left for run {number + 1}"
                    continue
                started = time.monotonic()
                turns = subjects[contest.size]
                first = number % len(turns)
                for subject in (*turns[first:], *turns[:first]):
                    if (subject.name, contest.size) not in self._failed:
                        yield f"{self._measure}, {contest.size} pools, {subject.name}: {self._one(contest, subject)}"
                budget.took(contest.size, time.monotonic() - started)
        if self._failed:
            raise LabError("\n".join(self._failed.values()))

    def measurements(self) -> list[Measurement]:
        """What there is by now."""
        return [Measurement(*key, samples) for key, samples in self._samples.items()]

    def _one(self, contest: Contest, subject: Subject) -> str:
        """Measures a subject once and says what came of it."""
        try:
            self._witness.forget()
            sample = self._sample(subject, subject.up, self._up_phases)
            self._require_same(contest, subject)
            self._keep(self._measure, contest, subject, sample)
            if self._quiet:
                self._keep(UP_UNCHANGED, contest, subject, self._sample(subject, subject.up))
                if subject.preview:
                    self._keep(PREVIEW, contest, subject, self._sample(subject, subject.preview))
        except LabError as error:
            self._failed[subject.name, contest.size] = f"{self._measure}, {contest.size} pools, {subject.name}: {error}"
            return "failed"
        finally:
            contest.clear(self._workshop.api)
            subject.forget()
        return f"{sample.seconds:.2f} s"

    def _keep(self, measure: str, contest: Contest, subject: Subject, sample: Sample) -> None:
        self._samples.setdefault((measure, subject.name, contest.size), []).append(sample)

    def _sample(self, subject: Subject, commands: Commands, phases: PhasesOf | None = None) -> Sample:
        place, before = self._audit.here(), _cluster_cpu()
        ran = command.run(commands, subject.folder, subject.environment)
        cluster = {name: seconds - before.get(name, 0.0) for name, seconds in _cluster_cpu().items()}
        requests = self._audit.since(place)
        return Sample(ran.seconds, phases(ran) if phases else (), {**ran.cpu, **cluster}, requests)

    def _up_phases(self, ran: command.Ran) -> tuple[Phase, ...]:
        made = [life.at[CREATED] for life in list(self._witness.deployments.values()) if CREATED in life.at]
        online = [life.at[ONLINE] for life in list(self._witness.pods.values()) if ONLINE in life.at]
        program = ran.born.get(command.PROGRAM)
        return between(
            ran.began,
            [
                *([(STARTS, program)] if program else []),
                (CHECKS, min(made, default=None)),
                (DECLARES, max(made, default=None)),
                (PODS, max(online, default=None)),
                (ENDS, ran.ended),
            ],
        )

    def _require_same(self, contest: Contest, subject: Subject) -> None:
        specs = contest.specs(self._workshop.api)
        first = self._specs.setdefault(contest.size, dict(specs))
        for name in first.keys() | specs.keys():
            if specs.get(name) != first.get(name):
                raise LabError(
                    "the Deployments were not the same for all subjects and in every run, so the comparison means "
                    f"nothing (did the program change meanwhile?): {subject.name} made {name} {specs.get(name)}, "
                    f"the first subject {first.get(name)}"
                )


def _cluster_cpu() -> dict[str, float]:
    seconds = {}
    for name in OF_THE_CLUSTER:
        pid = daemon.running_pid(name)
        if pid is not None:
            seconds[name] = command.cpu_seconds(Path(f"/proc/{pid}/stat").read_text())
    return seconds
