"""What happens to runs and jobs: dispatch, assignment to a runner, the lock, the end. `World` is the state."""

import fnmatch
import json
from collections.abc import Collection, Mapping

from lab.github.workflow import JobPlan, Workflow
from lab.github.world import LOCK_SECONDS, Job, Refusal, Repository, Run, Runner, World

CONCLUSIONS = {
    "succeeded": "success", "succeededwithissues": "success", "failed": "failure", "canceled": "cancelled",
    "skipped": "skipped", "abandoned": "failure",
}  # fmt: skip


async def dispatch(
    world: World, repository: Repository, workflow: Workflow, ref: str, given: Mapping[str, object] | None = None
) -> Run:
    """Starts a run; its first jobs are queued at once. `given`: the inputs. Raises Refusal 422 for wrong ones."""
    inputs = _inputs(workflow, given or {})
    run = Run(world.next_id(), len(world.runs) + 1, repository, workflow, ref, world.clock.now(), inputs)
    run.commit = repository.branches.get(ref, [run.commit])[-1]
    world.runs[run.id] = run
    await _take_turn(world, run)
    _make_ready_jobs(world, run)
    await world.notify()
    return run


def _turn(run: Run) -> str:
    """What of one repository has to go one after the other; "" for what has not."""
    return run.workflow.concurrency and f"{run.repository.full_name} {run.workflow.concurrency} {run.ref}"


async def _take_turn(world: World, run: Run) -> None:
    """A run whose group has one already is pending; of two that are pending the older one is cancelled."""
    others = [other for other in world.runs.values() if other is not run and other.status != "completed"]
    others = [other for other in others if _turn(run) and _turn(other) == _turn(run)]
    for other in others:
        if other.is_held or run.workflow.cancels_in_progress:
            await cancel(world, other)
    run.is_held = any(other.status != "completed" for other in others)


def _give_turn(world: World, ended: Run) -> None:
    if not _turn(ended) or ended.status != "completed":
        return
    for run in world.runs.values():
        if run.is_held and not run.is_cancelled and _turn(run) == _turn(ended):
            run.is_held = False
            _make_ready_jobs(world, run)
            return


async def review(world: World, run: Run, environments: Collection[int], *, approved: bool) -> None:
    """A reviewer's word: the jobs that wait for these environments are queued, or fail."""
    numbers = {name: environment.id for name, environment in run.repository.environments.items()}
    for job in run.jobs:
        if job.status == "waiting" and numbers.get(job.plan.environment) in environments:
            job.status = "queued"
            if not approved:
                await finish(world, job, "failed")
    await world.notify()


def _inputs(workflow: Workflow, given: Mapping[str, object]) -> dict[str, str]:
    unexpected = sorted(given.keys() - {field.name for field in workflow.inputs})
    if unexpected:
        raise Refusal(422, f"Unexpected inputs provided: {json.dumps(unexpected)}")
    for field in workflow.inputs:
        if field.required and not field.default and field.name not in given:
            raise Refusal(422, f"Required input '{field.name}' not provided")
    return {field.name: str(given.get(field.name, field.default)) for field in workflow.inputs}


def next_job(world: World, runner: Runner) -> Job | None:
    """The oldest queued job that this runner may take; it is the runner's from then on."""
    offered = {label.lower() for label in runner.labels}
    for job in world.jobs():
        if job.status != "queued" or not {label.lower() for label in job.plan.labels} <= offered:
            continue
        if not _serves(world, runner, world.runs[job.run]):
            continue
        job.runner, runner.job = runner, job.id
        job.status, job.started, job.message = "in_progress", world.clock.now(), world.next_id()
        job.locked_until = world.clock.now() + LOCK_SECONDS
        return job
    return None


def _serves(world: World, runner: Runner, run: Run) -> bool:
    """A repository's runner serves it alone, an organization's what its group lets in: repositories, then workflows."""
    repository = run.repository
    if "/" in runner.scope:
        return runner.scope.lower() == repository.full_name.lower()
    group = world.groups[runner.group]
    if runner.scope.lower() != repository.owner.lower():
        return False
    if not repository.private and not group.settings.get("allows_public_repositories"):
        return False
    if group.settings["visibility"] == "selected" and repository.id not in group.repositories:
        return False
    allowed = group.settings.get("selected_workflows") if group.settings.get("restricted_to_workflows") else None
    workflow = f"{repository.full_name}/{run.workflow.path}"
    mine = {f"{workflow}@{run.ref}", f"{workflow}@refs/{'tags' if run.is_tag else 'heads'}/{run.ref}"}
    return not isinstance(allowed, list) or not mine.isdisjoint(allowed)


async def finish(world: World, job: Job, result: str) -> None:
    """The job ends with what the runner reported; its runner is gone then, as every single-use runner is."""
    job.status, job.ended = "completed", world.clock.now()
    job.conclusion = CONCLUSIONS.get(result.lower(), "failure")
    if job.runner is not None:
        job.runner.session, job.runner.job = "", None
        world.runners.pop(job.runner.id, None)
    run = world.runs[job.run]
    _make_ready_jobs(world, run)
    _give_turn(world, run)
    await world.notify()


async def cancel(world: World, run: Run) -> None:
    """Queued jobs end at once; a running one is told by its runner's next poll."""
    run.is_cancelled = True
    for job in run.jobs:
        job.cancelled = True
        if job.status in ("queued", "waiting"):
            await finish(world, job, "canceled")
    await world.notify()


async def rerun(world: World, job: Job) -> None:
    """A job again, and what needs it. Raises Refusal 403 while its run goes on, and for a job of an earlier attempt.

    At GitHub the other jobs get new numbers, too, and keep their results; here they stay as they are.
    """
    run = world.runs[job.run]
    if run.status != "completed":
        raise Refusal(403, "The workflow run containing this job is already running")
    if job not in run.jobs:
        raise Refusal(403, "This job cannot be re-run: its run has been re-run since")
    again = {job.plan.key}
    for _ in run.workflow.jobs:  # a job may need one that stands behind it in the file
        again |= {other.key for other in run.workflow.jobs if not again.isdisjoint(other.needs)}
    run.attempt, run.is_cancelled = run.attempt + 1, False
    run.earlier += [other for other in run.jobs if other.plan.key in again]
    run.jobs = [other for other in run.jobs if other.plan.key not in again]
    _make_ready_jobs(world, run)
    await world.notify()


async def expire_locks(world: World) -> None:
    """A job whose runner renews no longer fails, and the runner is forgotten."""
    for job in world.jobs():
        if job.status == "in_progress" and job.locked_until < world.clock.now():
            await finish(world, job, "abandoned")


def _make_ready_jobs(world: World, run: Run) -> None:
    """Jobs come to exist when all that they need has ended: queued, or skipped where something failed."""
    made = not run.is_held
    while made:
        made = False
        known = {job.plan.key: job for job in run.jobs}
        for plan in run.workflow.jobs:
            needed = [known.get(key) for key in plan.needs]
            if plan.key in known or any(job is None or job.status != "completed" for job in needed):
                continue
            job = Job(world.next_id(), run.id, plan, world.clock.now(), run.attempt)
            if not plan.always and any(need and need.conclusion != "success" for need in needed):
                job.status, job.conclusion, job.ended = "completed", "skipped", world.clock.now()
            elif not _may_enter(run, plan):
                job.status, job.conclusion, job.ended = "completed", "failure", world.clock.now()
            elif _is_reviewed(run, plan):
                job.status = "waiting"
            run.jobs.append(job)
            made = True


def _may_enter(run: Run, plan: JobPlan) -> bool:
    """An environment with branch policies lets in these branches only."""
    environment = run.repository.environments.get(plan.environment)
    if environment is None or not environment.policies:
        return True
    return any(fnmatch.fnmatchcase(run.ref, policy["name"]) for policy in environment.policies.values())


def _is_reviewed(run: Run, plan: JobPlan) -> bool:
    """Whether somebody has to approve the job before it is queued."""
    environment = run.repository.environments.get(plan.environment)
    return environment is not None and bool(environment.settings.get("reviewers"))
