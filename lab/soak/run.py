"""The whole of a soak: strikes, streams and samples until the time is over, then what is left."""

import datetime
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2

from lab.build import Say
from lab.errors import LabError
from lab.faults import machine
from lab.soak import schedule
from lab.soak.events import Writings
from lab.soak.judgement import SUCCESS
from lab.soak.leftovers import leftovers
from lab.soak.record import Ended, Left, Record, Struck
from lab.soak.sampling import Sampling
from lab.soak.schedule import Kind, Strike
from lab.soak.side import Pushed, Side
from lab.soak.stage import GHOST_SECONDS, KEPT_FAILED
from lab.soak.stream import Stream, look, waiting
from lab.soak.strikes import ACTS, CLUSTER, KINDS
from lab.trial.deadline import until

CONCLUSION_SECONDS: Final = 150.0  # for the jobs that wait when the time is over
TOLD_SECONDS: Final = 240.0
SETTLE_SECONDS: Final = 2.0 * GHOST_SECONDS + 60
NOTHING = (LabError, httpx2.TransportError, subprocess.SubprocessError)


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line. kinds: of faults that may strike."""

    seed: int
    minutes: float
    kinds: Sequence[Kind] = KINDS


def soak(sides: Sequence[Side], wanted: Wanted, say: Say) -> Record:
    """Everything between the stage's coming up and its end. Raises LabError where the lab cannot be made whole."""
    for side in sides:
        side.until_quiet()
    started, seconds = time.monotonic(), wanted.minutes * 60
    topic = f"soak-{wanted.seed}-{time.monotonic_ns() % 100_000}"
    writings = [Writings(side.api, side.pods.namespace) for side in sides]
    sampling = Sampling(sides, writings, started)
    streams = [Stream(side, schedule.jobs(wanted.seed, side.name), topic) for side in sides]
    threads: list[Stream | Sampling] = [*streams, sampling]
    struck: list[Struck] = []
    try:
        sampling.start()
        for stream in streams:
            stream.start()
        for strike in strike_all(sides, schedule.strikes(wanted.seed, seconds, wanted.kinds), started, seconds):
            struck.append(strike)
            say(f"{strike.name} at {strike.side}, {strike.lasted:.1f} s: {strike.note}")
        time.sleep(max(0.0, started + seconds - time.monotonic()))
        for stream in streams:
            stream.stop()
        lasted = time.monotonic() - started
        say(f"the time is over: what waits comes to its end, within {CONCLUSION_SECONDS:.0f} s")
        conclude(sides)
        sampling.close()
        sampling.wait()
        told = [jobs_told(side, say) for side in sides]
        left = tuple(what_is_left(side, say) for side in sides)
    except KeyboardInterrupt:
        say(f"interrupted after {(time.monotonic() - started) / 60:.1f} minutes: {so_far(sides, struck)}")
        raise
    finally:  # whatever comes next takes all back, and must find nobody who goes on
        for written in writings:
            written.close()
        for thread in threads:
            thread.close()
        for thread in threads:
            thread.wait()
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    jobs = tuple(ended(side, job, names) for side, names in zip(sides, told, strict=True) for job in side.pushed)
    return Record(
        wanted.seed, wanted.minutes, day, round(lasted, 1), tuple(struck), jobs, left, tuple(sampling.samples)
    )


def strike_all(sides: Sequence[Side], planned: Sequence[Strike], started: float, seconds: float) -> Iterator[Struck]:
    """One strike after another, each at its time or as soon as the one before it is over, and none after the end."""
    by_name = {side.name: side for side in sides}
    for strike in planned:
        time.sleep(max(0.0, started + strike.at - time.monotonic()))
        at = time.monotonic() - started
        if at > seconds:
            return
        yield carried_out(strike, by_name[strike.side] if strike.side != CLUSTER else sides[0], at)


def carried_out(strike: Strike, side: Side, at: float) -> Struck:
    """One strike. Raises LabError where the lab is not whole after one that failed."""
    before = set(side.victims)
    began = time.monotonic()
    failed = False
    try:
        note = ACTS[strike.kind.name](side, strike)
    except NOTHING as trouble:
        failed, note = True, f"did not come about: {trouble}".splitlines()[0][:200]
        machine.make_whole()
    return Struck(
        at=round(at, 1), name=strike.kind.name, side=strike.side, lasted=round(time.monotonic() - began, 1), note=note,
        victims=tuple(sorted(set(side.victims) - before)), ends_registrar=strike.kind.ends_registrar, failed=failed,
    )  # fmt: skip


def conclude(sides: Sequence[Side]) -> None:
    """Waits until every job has a conclusion whose runner no fault took, and no longer than its time."""
    end = time.monotonic() + CONCLUSION_SECONDS
    while time.monotonic() < end and any(waiting(side) for side in sides):
        time.sleep(1)
        for side in sides:
            look(side)


def so_far(sides: Sequence[Side], struck: Sequence[Struck]) -> str:
    """What was seen by now, and of that each job that is not as it should be."""
    jobs = [(side, job) for side in sides for job in side.pushed]
    done = sum(job.conclusion == SUCCESS for _, job in jobs)
    taken = [job for side, job in jobs if job.conclusion != SUCCESS and side.taken_by(job)]
    ended = [(side, job) for side, job in jobs if job.conclusion not in ("", SUCCESS) and not side.taken_by(job)]
    wrong = [f"{side.name} {job.name} {job.conclusion}" for side, job in ended]
    wrong += [f"{side.name} {job.name} ran twice" for side, job in jobs if len(side.begun(job)) > 1]
    came_about = sum(not strike.failed for strike in struck)
    return (
        f"{came_about} faults had struck, {done} of {len(jobs)} jobs had succeeded, {len(taken)} were taken with their "
        f"runners; {'not as it should be: ' + ', '.join(wrong) if wrong else 'nothing was lost and nothing ran twice'}"
    )


def jobs_told(side: Side, say: Say) -> set[str]:
    """The jobs that were taken and of which people read at the forge why they are lost; waits for all of them."""
    told: set[str] = set()
    taken = [job for job in side.pushed if side.taken_by(job) and job.conclusion != SUCCESS]

    def all_told() -> bool:
        told.update(job.name for job in taken if job.name not in told and is_told(side, job))
        return len(told) == len(taken)

    if taken:
        names = ", ".join(job.name for job in taken)
        say(f"people have to read at {side.name} what became of {names}, within {TOLD_SECONDS:.0f} s")
    try:
        until(f"{side.name} tells of {len(taken)} lost jobs", all_told, TOLD_SECONDS)
    except LabError:
        return told
    return told


def is_told(side: Side, job: Pushed) -> bool:
    """Whether it is said of any runner on which it was."""
    try:
        return any(side.forge.told(job.run, pod) for pod in {job.runner, *side.begun(job)} if pod)
    except NOTHING:
        return False


def what_is_left(side: Side, say: Say) -> Left:
    """Pods and registrations that nobody has, once none is left or the time to forget has passed."""
    seen = [Left(side.name, (), ())]
    say(f"{side.name} has to have what is declared and nothing else, within {SETTLE_SECONDS:.0f} s")

    def nothing() -> bool:
        try:
            runners = [runner.name for runner in side.forge.runners()]
            pods, wanted = side.pods.all(), side.declared[side.pool]
            seen.append(leftovers(side.name, pods, runners, side.victims, declared=wanted, kept=KEPT_FAILED))
        except NOTHING:
            return False
        return not seen[-1].pods and not seen[-1].registrations and side.is_serving()

    try:
        until(f"nothing is left at {side.name}", nothing, SETTLE_SECONDS)
    except LabError:
        return seen[-1]
    return seen[-1]


def ended(side: Side, job: Pushed, told: set[str]) -> Ended:
    """What became of a job."""
    return Ended(
        job.name, side.name, job.runner, job.conclusion, len(side.begun(job)), side.taken_by(job), job.name in told
    )
