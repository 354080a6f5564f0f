from lab.demo import phases
from lab.demo.snapshot import Job, Snapshot


def look(**jobs: tuple[str, str]) -> Snapshot:
    return Snapshot(jobs={name: Job(1, name, status, conclusion) for name, (status, conclusion) in jobs.items()})


def awaited(snapshot: Snapshot) -> str | None:
    phase = phases.current(snapshot)
    return phase.name if phase else None


def test_before_anything_the_deploy_job_is_awaited() -> None:
    assert awaited(Snapshot()) == "job deploy to start"
    assert awaited(look(deploy=("queued", ""), train=("waiting", ""))) == "job deploy to start"


def test_a_running_job_is_awaited_to_end() -> None:
    assert awaited(look(deploy=("in_progress", ""))) == "job deploy to end"


def test_a_failed_deploy_leads_on_to_the_release() -> None:
    jobs = look(deploy=("completed", "failure"), train=("completed", "skipped"), release=("queued", ""))
    assert awaited(jobs) == "job release to start"


def test_nothing_is_awaited_when_all_jobs_have_ended() -> None:
    done = ("completed", "success")
    assert awaited(look(deploy=done, train=done, release=done)) is None


def test_every_phase_has_a_deadline() -> None:
    assert all(phase.seconds > 0 for phase in phases.PHASES)
