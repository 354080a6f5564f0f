"""Records of soaks in which all went as it should, for tests that change one thing."""

from dataclasses import replace

from lab.soak.record import Ended, Left, Process, Record, Sample, Struck

SECONDS = 1200.0
FIRST_LIFE, LIFE = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
KILLED_AT = 100.0


def samples(side: str, *, kib_per_minute: float = 0.0, descriptors_per_minute: float = 0.0) -> tuple[Sample, ...]:
    """One every five seconds; the registrar is killed early and lives from then on."""
    made = []
    for number in range(1, int(SECONDS / 5)):
        at = number * 5.0
        life = FIRST_LIFE if at < KILLED_AT else LIFE
        kib, descriptors = 60_000 + at / 60 * kib_per_minute, 20 + at / 60 * descriptors_per_minute
        pods = number // 2
        processes = (Process(f"{life}", round(kib), round(descriptors)),)
        made.append(Sample(at, side, 2, 0, 2, pods + 1, pods, 7 * pods, 1, processes))
    return tuple(made)


def job(name: str = "job-1", side: str = "gitea", conclusion: str = "success", begun: int = 1) -> Ended:
    """One that ended, on a runner of its name."""
    return Ended(name, side, f"runner-{name}", conclusion, begun)


def record() -> Record:
    """Both forges, forty jobs at each, a registrar killed at each."""
    sides = ("gitea", "github")
    jobs = tuple(job(f"job-{number}", side) for side in sides for number in range(40))
    kills = tuple(
        Struck(KILLED_AT, "registrar-killed-in-registration", side, 4.0, "", ends_registrar=True) for side in sides
    )
    left = tuple(Left(side, (), ()) for side in sides)
    return Record(7, 20, "2026-11-27", SECONDS, kills, jobs, left, samples("gitea") + samples("github"))


def with_job(changed: Ended) -> Record:
    """The same, with one job more."""
    return replace(record(), jobs=(*record().jobs, changed))
