"""The GitHub seam against a stand-in, over HTTP."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from lab.github import jit
from lab.github.faults import Fault
from registrar.forges.forge import ForgeRefusedError, ForgeUnreachableError, RunnerBusyError
from registrar.forges.github.reading import runner
from registrar.untrusted import Entry
from tests.github.arranged import job
from tests.registrar.forges.github.bench import Bench, github_bench
from values.scope import Scope

GUIDE, ORGANIZATION = Scope("mlops/guide"), Scope("mlops")
NAME = "cuda-abc-aaaaa"
DEFAULT = {"id": 1, "name": "Default", "default": True, "visibility": "all", "allows_public_repositories": False}
GPU = {"id": 7, "name": "gpu", "default": False, "visibility": "selected", "allows_public_repositories": False}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as it:
        it.stand_in.hold_groups(DEFAULT, GPU)
        yield it


async def issued(bench: Bench, name: str = NAME, scope: Scope = GUIDE, group: str | None = None) -> int:
    registration = await bench.forge.issue(scope, name=name, labels=("cml-gpu", "big"), group=group)
    return registration.runner_id


def files(configuration: str) -> dict[str, Any]:
    """The files in a just-in-time configuration."""
    encoded: dict[str, str] = json.loads(base64.b64decode(configuration))
    return {name: json.loads(base64.b64decode(content)) for name, content in encoded.items()}


@pytest.mark.parametrize(("scope", "base"), [(GUIDE, "/repos/mlops/guide"), (ORGANIZATION, "/orgs/mlops")])
async def test_a_scope_is_a_repository_or_an_organization(bench: Bench, scope: Scope, base: str) -> None:
    await bench.forge.list_runners(scope)
    assert bench.stand_in.calls == [f"GET {base}/actions/runners"]


async def test_a_registration_costs_one_request_and_shows_no_secret_when_printed(bench: Bench) -> None:
    registration = await bench.forge.issue(GUIDE, name=NAME, labels=("cml-gpu",), group=None)
    (exchange,) = bench.stand_in.exchanges
    assert files(registration.body) == files(exchange.answer["encoded_jit_config"]) | {".runner": ANY}
    assert registration.body not in repr(registration)
    assert bench.stand_in.calls == ["POST /repos/mlops/guide/actions/runners/generate-jitconfig"]
    assert bench.stand_in.runners[registration.runner_id].group == 1


async def test_a_runner_is_handed_out_that_does_not_update_itself(bench: Bench) -> None:
    registration = await bench.forge.issue(GUIDE, name=NAME, labels=("cml-gpu",), group=None)
    (exchange,) = bench.stand_in.exchanges
    given = files(exchange.answer["encoded_jit_config"])
    assert "DisableUpdate" not in given[".runner"]
    assert files(registration.body)[".runner"] == given[".runner"] | {"DisableUpdate": "true"}


@pytest.mark.parametrize("configuration", [None, "", 7, "no base64", "e30=", "W10="])
async def test_a_registration_without_a_usable_configuration_is_not_left_behind(
    bench: Bench, configuration: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.stand_in.arrange_status(201)
    monkeypatch.setattr(jit, "encoded", lambda *_, **__: configuration)
    with pytest.raises(ForgeUnreachableError, match="the forge's answer cannot be used"):
        await issued(bench)
    assert bench.stand_in.runners == {}


async def test_labels_that_github_adds_are_told_apart_from_those_that_were_asked_for(bench: Bench) -> None:
    bench.stand_in.come_online(await issued(bench))
    (runner,) = await bench.forge.list_runners(GUIDE)
    assert runner.labels - runner.given_labels == {"cml-gpu", "big"}
    assert runner.online
    assert runner.ephemeral


async def test_every_page_is_read(bench: Bench) -> None:
    bench.stand_in.add_runners(f"r{number}" for number in range(250))
    assert len(await bench.forge.list_runners(GUIDE)) == 250
    assert len(bench.stand_in.calls) == 3


async def test_what_has_not_changed_costs_nothing(bench: Bench) -> None:
    runner_id = await issued(bench)
    for _ in range(3):
        await bench.forge.list_runners(GUIDE)
        await bench.forge.find(GUIDE, runner_id)
        await bench.forge.jobs_in_progress(GUIDE)
    assert bench.stand_in.spent == 4  # issue, list, find, and the newest runs
    assert bench.counted('gpu_runners_forge_requests_total{status="304",verb="find"}') == 2
    assert bench.counted('gpu_runners_forge_budget{what="remaining"}') == 4996


async def test_the_earlier_registration_of_the_same_pod_gives_way(bench: Bench) -> None:
    first = await issued(bench)
    second = await issued(bench)
    assert (first in bench.stand_in.runners, second in bench.stand_in.runners) == (False, True)


async def test_a_runner_that_is_online_keeps_its_name(bench: Bench) -> None:
    first = await issued(bench)
    bench.stand_in.come_online(first)
    with pytest.raises(ForgeRefusedError, match="a runner named cuda-abc-aaaaa is online"):
        await issued(bench)
    assert list(bench.stand_in.runners) == [first]


async def test_a_registration_that_github_refuses_names_labels_and_group(bench: Bench) -> None:
    with pytest.raises(ForgeRefusedError, match=r"422.*check the pool's labels and the environment's runnerGroup"):
        await bench.forge.issue(GUIDE, name=NAME, labels=(), group=None)


@pytest.mark.parametrize("scope", [GUIDE, ORGANIZATION])
async def test_a_refusal_without_a_word_means_that_self_hosted_runners_are_disabled(bench: Bench, scope: Scope) -> None:
    bench.stand_in.world.self_hosted["mlops"] = "none"
    with pytest.raises(
        ForgeRefusedError, match=f"self-hosted runners are disabled for {scope} .*allow them in Settings"
    ):
        await issued(bench, scope=scope)


async def test_another_refusal_keeps_githubs_own_words(bench: Bench) -> None:
    bench.stand_in.fail_next.append((403, {}, "Resource not accessible by integration"))
    with pytest.raises(ForgeRefusedError, match="Resource not accessible by integration"):
        await issued(bench)


async def test_a_runner_is_registered_in_the_group_of_its_name(bench: Bench) -> None:
    runner_id = await issued(bench, scope=ORGANIZATION, group="gpu")
    assert bench.stand_in.runners[runner_id].group == 7


async def test_a_runner_tells_by_which_names_a_grant_may_mean_its_group(bench: Bench) -> None:
    there = await issued(bench, scope=ORGANIZATION, group="gpu")
    other = await issued(bench, "cuda-abc-bbbbb", scope=ORGANIZATION)
    runners = {runner.id: runner.groups for runner in await bench.forge.list_runners(ORGANIZATION)}
    assert runners == {there: {"gpu"}, other: {"Default", None}}
    bench.stand_in.runners[there].group = 99
    found = await bench.forge.find(ORGANIZATION, there)
    assert found is not None
    assert found.groups == {"number 99"}


async def test_a_repositorys_runner_has_no_group_to_tell(bench: Bench) -> None:
    await issued(bench)
    (runner,) = await bench.forge.list_runners(GUIDE)
    assert runner.groups == frozenset()


async def test_an_unknown_group_is_refused_with_those_that_exist(bench: Bench) -> None:
    with pytest.raises(ForgeRefusedError, match=r"no runner group 'gpus'; it has: Default, gpu; create it"):
        await issued(bench, scope=ORGANIZATION, group="gpus")


async def test_a_group_that_was_made_anew_gets_the_next_runner(bench: Bench) -> None:
    await issued(bench, scope=ORGANIZATION, group="gpu")
    bench.stand_in.hold_groups(DEFAULT, {**GPU, "id": 8})
    runner_id = await issued(bench, "cuda-abc-bbbbb", scope=ORGANIZATION, group="gpu")
    assert bench.stand_in.runners[runner_id].group == 8


async def test_a_group_that_was_deleted_since_it_was_read_is_named(bench: Bench) -> None:
    await issued(bench, scope=ORGANIZATION, group="gpu")
    bench.stand_in.hold_groups(DEFAULT)
    with pytest.raises(ForgeRefusedError, match=r"no runner group 'gpu'; it has: Default; create it"):
        await issued(bench, "cuda-abc-bbbbb", scope=ORGANIZATION, group="gpu")


@pytest.mark.parametrize("status", [200, 403, 404, 502])
async def test_a_groups_name_is_asked_for_once_however_many_runners_are_in_it(bench: Bench, status: int) -> None:
    """A list of hundreds of runners must not become as many questions where their group cannot be told."""
    bench.stand_in.add_runners([f"r{number}" for number in range(60)], "mlops")
    for registered in bench.stand_in.runners.values():
        registered.group = 99
    if status != 200:
        bench.stand_in.arrange_status(status)
        bench.stand_in.faults.add(Fault("^GET .*/runner-groups", times=None, status=status, message="no"))
    bench.stand_in.calls.clear()
    assert len(await bench.forge.list_runners(ORGANIZATION)) == 60
    assert sum("runner-groups" in call for call in bench.stand_in.calls) <= 2


async def test_a_group_that_allows_public_repositories_gets_no_runner(bench: Bench) -> None:
    bench.stand_in.hold_groups({**DEFAULT, "allows_public_repositories": True})
    with pytest.raises(ForgeRefusedError, match="'Default' of mlops allows public repositories"):
        await issued(bench, scope=ORGANIZATION)
    assert bench.stand_in.runners == {}


async def test_a_cordon_is_the_removal_and_is_asked_for_once(bench: Bench) -> None:
    runner_id = await issued(bench)
    await bench.forge.cordon(GUIDE, runner_id)
    await bench.forge.remove(GUIDE, runner_id)
    assert await bench.forge.find(GUIDE, runner_id) is None
    assert bench.stand_in.calls.count(f"DELETE /repos/mlops/guide/actions/runners/{runner_id}") == 1


async def test_a_runner_that_is_gone_is_no_error(bench: Bench) -> None:
    await bench.forge.cordon(GUIDE, 12)
    assert await bench.forge.find(GUIDE, 12) is None


@pytest.mark.parametrize("status", [400, 403, 409, 422])
async def test_any_refusal_to_remove_means_that_the_runner_is_busy(bench: Bench, status: int) -> None:
    runner_id = await issued(bench)
    bench.stand_in.refuse_removals(status)
    with pytest.raises(RunnerBusyError, match="running a job"):
        await bench.forge.cordon(GUIDE, runner_id)
    runner = await bench.forge.find(GUIDE, runner_id)
    assert runner is not None
    assert runner.busy
    assert bench.stand_in.exchanges[-1].answer["busy"] is False  # what GitHub said


async def test_a_job_in_progress_names_its_runner(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, runner_id=3), job(6, status="queued"), job(7, status="completed"))
    bench.stand_in.run(2, job(8, status="queued"))
    (running,) = await bench.forge.jobs_in_progress(GUIDE)
    waiting = await bench.forge.queued(GUIDE)
    assert (running.id, running.runner_id, set(running.labels)) == ("5", 3, {"cml-gpu"})
    assert [queued.id for queued in waiting] == ["6", "8"]


async def test_an_organizations_jobs_come_from_the_repositories_of_its_group(tmp_path: Path) -> None:
    async with github_bench(tmp_path, group="gpu") as bench:
        bench.stand_in.hold_groups(DEFAULT, GPU)
        bench.stand_in.hold_repositories("mlops/guide", "mlops/other")
        bench.stand_in.run(1, job(5, runner_id=3), repository="mlops/other")
        (running,) = await bench.forge.jobs_in_progress(ORGANIZATION)
        assert running.id == "other/5"
        bench.stand_in.run(1, job(5, runner_id=3, status="completed", conclusion="success"), repository="mlops/other")
        ended = await bench.forge.result(ORGANIZATION, runner_id=3, job_id="other/5")
        assert ended is not None
        assert ended.conclusion == "success"


@pytest.mark.parametrize("job_id", ["5", None, "unknown"])
async def test_a_job_is_found_by_its_id_or_by_its_runner(bench: Bench, job_id: str | None) -> None:
    bench.stand_in.run(1, job(5, runner_id=3, status="completed", conclusion="failure"))
    ended = await bench.forge.result(GUIDE, runner_id=3, job_id=job_id)
    assert ended is not None
    assert (ended.id, ended.conclusion) == ("5", "failure")
    assert await bench.forge.result(GUIDE, runner_id=4, job_id=None) is None


async def test_a_job_whose_conclusion_is_not_there_yet_is_no_job_without_one(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, runner_id=3))
    found = await bench.forge.result(GUIDE, runner_id=3, job_id=None)
    assert found is not None
    assert (found.conclusion, found.in_progress) == ("", True)
    bench.stand_in.run(1, job(5, runner_id=3, status="completed", conclusion="success"), job(6, status="queued"))
    ended = await bench.forge.result(GUIDE, runner_id=3, job_id=None)
    assert ended is not None
    assert ended.conclusion == "success"


async def test_a_version_that_github_will_refuse_is_a_warning_weeks_before(bench: Bench) -> None:
    bench.stand_in.world.deprecations["2.330.0"] = "2026-01-02T00:00:00Z"
    bench.stand_in.world.deprecations["2.336.0"] = "2099-01-02T00:00:00Z"
    bench.stand_in.come_online(await issued(bench), version="2.330.0")
    bench.stand_in.come_online(await issued(bench, "cuda-abc-bbbbb"), version="2.336.0")
    old, new = await bench.forge.list_runners(GUIDE)
    assert "runner version 2.330.0 until 2026-01-02: set runnerImage" in old.warning
    assert new.warning == ""
    assert bench.counted('gpu_runners_runner_version_days{version="2.336.0"}') > 365
    await bench.forge.list_runners(GUIDE)
    assert sum("deprecations" in call for call in bench.stand_in.calls) == 2


async def test_a_version_that_nobody_knows_is_no_failure(bench: Bench) -> None:
    bench.stand_in.come_online(await issued(bench), version="9.9.9")
    (runner,) = await bench.forge.list_runners(GUIDE)
    assert runner.warning == ""


async def test_a_version_that_came_later_is_asked_for_beside_those_that_are_known(bench: Bench) -> None:
    bench.stand_in.world.deprecations["2.330.0"] = "2099-01-02T00:00:00Z"
    bench.stand_in.world.deprecations["2.336.0"] = "2026-01-02T00:00:00Z"
    bench.stand_in.come_online(await issued(bench), version="2.330.0")
    await bench.forge.list_runners(GUIDE)
    bench.stand_in.come_online(await issued(bench, "cuda-abc-bbbbb"), version="2.336.0")
    known, new = await bench.forge.list_runners(GUIDE)
    assert known.warning == ""
    assert "runner version 2.336.0 until 2026-01-02" in new.warning
    assert sum("deprecations" in call for call in bench.stand_in.calls) == 2


async def test_a_version_that_github_does_not_tell_of_now_costs_no_other_one(bench: Bench) -> None:
    bench.stand_in.world.deprecations["2.336.0"] = "2026-01-02T00:00:00Z"
    bench.stand_in.come_online(await issued(bench), version="2.330.0")
    bench.stand_in.come_online(await issued(bench, "cuda-abc-bbbbb"), version="2.336.0")
    bench.stand_in.arrange_status(500)
    bench.stand_in.faults.add(Fault("^GET .*/deprecations/2.330.0", times=None, status=500, message=""))
    untold, told = await bench.forge.list_runners(GUIDE)
    assert untold.warning == ""
    assert "runner version 2.336.0 until 2026-01-02" in told.warning


def test_a_runner_is_single_use_unless_github_says_that_it_is_not() -> None:
    entry = {"id": 7, "name": "a", "status": "online", "busy": True, "labels": []}
    assert runner(Entry(entry)).ephemeral, "what we register is, and an older GitHub does not tell"
    assert runner(Entry(entry | {"ephemeral": True})).ephemeral
    assert not runner(Entry(entry | {"ephemeral": False})).ephemeral
