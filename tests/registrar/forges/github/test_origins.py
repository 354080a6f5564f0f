"""Where a job comes from at GitHub: a branch only where it is proven, as a tag may have a branch's name."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lab.github.faults import Fault
from registrar.forges.forge import ForgeUnreachableError, JobOrigin
from tests.github.arranged import job
from tests.registrar.forges.github.bench import Bench, github_bench
from values.scope import Scope

GUIDE, ORGANIZATION = Scope("mlops/guide"), Scope("mlops")
DEPLOY = "mlops/guide/.github/workflows/deploy.yml"
DEFAULT = {"id": 1, "name": "Default", "default": True, "visibility": "all", "allows_public_repositories": False}
BASE = {
    "id": 7, "name": "base", "default": False, "visibility": "selected", "allows_public_repositories": False,
    "restricted_to_workflows": True, "selected_workflows": [f"{DEPLOY}@refs/heads/main"],
}  # fmt: skip


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path, group="base") as it:
        it.stand_in.hold_groups(DEFAULT, BASE)
        it.stand_in.world.repository("mlops/guide").branches = {"main": ["a" * 40, "b" * 40], "topic": ["c" * 40]}
        yield it


async def origin(bench: Bench, scope: Scope = GUIDE, *, job_id: str | None = None, **run: Any) -> JobOrigin | None:
    """Of the job of a run that the stand-in has as `run` says."""
    group = None if scope.is_repository else "base"
    issued = await bench.forge.issue(scope, name="base-abc-aaaaa", labels=("self-hosted",), group=group)
    entry = job(7, runner_id=issued.runner_id, status=run.pop("status", "in_progress"))
    bench.stand_in.run(3, entry, **{"file": "deploy.yml", "commit": "b" * 40, "event": "push", **run})
    runner = await bench.forge.find(scope, issued.runner_id)
    assert runner is not None
    return await bench.forge.origin(scope, runner, job_id=job_id)


@pytest.mark.parametrize("job_id", [None, "7", "99"])
async def test_the_newest_commit_of_a_branch_is_of_that_branch(bench: Bench, job_id: str | None) -> None:
    found = await origin(bench, job_id=job_id)
    assert found is not None
    assert (found.repository, found.file, found.ref) == (
        "mlops/guide", ".github/workflows/deploy.yml", "refs/heads/main",
    )  # fmt: skip
    assert (found.event, found.has_folder, found.doubt) == ("push", True, "")


async def test_so_is_one_that_was_pushed_past_meanwhile(bench: Bench) -> None:
    found = await origin(bench, commit="a" * 40)
    assert found is not None
    assert found.ref == "refs/heads/main"


async def test_a_tag_of_the_branchs_name_is_not_the_branch(bench: Bench) -> None:
    bench.stand_in.world.repository("mlops/guide").tagged = {"d" * 40}
    found = await origin(bench, ref="main", commit="d" * 40, is_tag=True)
    assert found is not None
    assert found.ref == ""
    assert "main never was at the run's commit dddddddddd in its last 100 pushes and merges: a tag" in found.doubt


async def test_a_commit_of_a_merged_pull_request_is_in_the_branch_and_never_was_the_branch(bench: Bench) -> None:
    """Nobody has agreed to each commit of a pull request; a tag of the branch's name brings one of them to run."""
    bench.stand_in.world.repository("mlops/guide").tagged = {"e" * 40}  # not one of those that main was at
    found = await origin(bench, commit="e" * 40)
    assert found is not None
    assert (found.ref, bool(found.doubt)) == ("", True)


@pytest.mark.parametrize(("commit", "ref"), [("b" * 40, "refs/heads/main"), ("a" * 40, "")])
async def test_a_github_that_knows_no_activity_proves_the_newest_commit_alone(
    bench: Bench, commit: str, ref: str
) -> None:
    bench.stand_in.faults.add(Fault("/activity", times=None, status=404))
    found = await origin(bench, commit=commit)
    assert found is not None
    assert found.ref == ref
    assert ref or "as far as this GitHub tells" in found.doubt


async def test_a_branch_that_does_not_exist_proves_nothing(bench: Bench) -> None:
    found = await origin(bench, ref="gone", commit="d" * 40)
    assert found is not None
    assert (found.ref, found.doubt) == ("", "mlops/guide has no branch gone")


async def test_another_branch_is_named(bench: Bench) -> None:
    found = await origin(bench, ref="topic", commit="c" * 40)
    assert found is not None
    assert found.ref == "refs/heads/topic"


async def test_a_job_that_has_ended_has_no_origin(bench: Bench) -> None:
    assert await origin(bench, status="completed") is None


async def test_a_pull_request_comes_from_its_heads_repository(bench: Bench) -> None:
    fork = bench.stand_in.world.add_repository("evil/guide")
    found = await origin(bench, event="pull_request", ref="topic", head=fork)
    assert found is not None
    assert (found.ref, found.head, found.event) == ("refs/pull/", "evil/guide", "pull_request")


async def test_in_an_organization_the_group_proves_the_branch(bench: Bench) -> None:
    found = await origin(bench, ORGANIZATION)
    assert found is not None
    assert (found.ref, found.doubt, found.job.id) == ("refs/heads/main", "", "guide/7")
    assert not [call for call in bench.stand_in.calls if "/branches/" in call or "/activity" in call]


@pytest.mark.parametrize(
    ("settings", "doubt"),
    [
        ({"restricted_to_workflows": False}, "open to every workflow"),
        ({"selected_workflows": []}, "as of nothing"),
        ({"selected_workflows": [f"{DEPLOY}@main"]}, "as of main"),
        ({"selected_workflows": [f"{DEPLOY}@refs/heads/main", f"{DEPLOY}@refs/tags/main"]}, "refs/tags/main"),
        ({"selected_workflows": [f"{DEPLOY}@refs/heads/topic"]}, "as of refs/heads/topic"),
    ],
)
async def test_a_group_that_lets_in_more_proves_nothing(bench: Bench, settings: dict[str, Any], doubt: str) -> None:
    issued = await bench.forge.issue(ORGANIZATION, name="base-abc-bbbbb", labels=("self-hosted",), group="base")
    await bench.forge.find(ORGANIZATION, issued.runner_id)  # what was read before the change counts for nothing
    bench.stand_in.world.groups[7].settings.update(settings)
    found = await origin(bench, ORGANIZATION)
    assert found is not None
    assert found.ref == ""
    assert doubt in found.doubt


async def test_an_answer_that_is_no_run_is_no_answer(bench: Bench) -> None:
    with pytest.raises(ForgeUnreachableError):
        await origin(bench, commit="main")
