"""config.json is read strictly, and everything that is wrong with it is said at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from registrar.settings import SettingsError, load, parse
from tests.registrar.conftest import settings_document
from values.scope import Scope


def test_what_the_platform_stack_renders_is_read() -> None:
    settings = parse(settings_document())
    assert settings.grant_for("runners") == settings.grants[0]
    assert settings.grant_for("elsewhere") is None
    assert (settings.deadlines.online_seconds, settings.keep_failed) == (60, 3)


def test_every_problem_is_told_at_once() -> None:
    document = settings_document(keepFailed=-1, surprise=1)
    document["forge"] = {"kind": "gitlab", "url": "forge"}
    document["deadlines"]["lostSeconds"] = True
    document["grants"].append({"namespace": "runners", "scope": "a/b/c", "serviceAccounts": []})
    with pytest.raises(SettingsError) as failure:
        parse(document)
    keys = [problem.key for problem in failure.value.problems]
    assert set(keys) == {
        "surprise", "forge.kind", "forge.url", "grants[1].scope", "grants[1].serviceAccounts", "grants",
        "deadlines.lostSeconds", "keepFailed",
    }  # fmt: skip
    assert all(str(problem) in str(failure.value) for problem in failure.value.problems)
    found = {problem.key: problem.found for problem in failure.value.problems}
    assert "gitlab" in found["forge.kind"]
    assert "-1" in found["keepFailed"]
    assert "a/b/c" in found["grants[1].scope"]
    assert all(problem.found and problem.allowed and problem.cure for problem in failure.value.problems)


@pytest.mark.parametrize("key", ["forge", "grants", "deadlines", "keepFailed"])
def test_a_missing_key_is_named(key: str) -> None:
    document = settings_document()
    del document[key]
    with pytest.raises(SettingsError, match=key):
        parse(document)


@pytest.mark.parametrize("scope", ["owner/repository", "owner", ""])
def test_a_scope_is_a_repository_an_owner_or_the_instance(scope: str) -> None:
    document = settings_document()
    document["grants"][0]["scope"] = scope
    assert parse(document).grants[0].scope == Scope(scope)


@pytest.mark.parametrize("scope", ["/", "a/", "/b", "a//b", "a/b/c", "..", "a/..", "a b", "a?b=c", None, 1])
def test_no_other_path_of_the_forges_api_is_a_scope(scope: Any) -> None:
    document = settings_document()
    document["grants"][0]["scope"] = scope
    with pytest.raises(SettingsError) as failure:
        parse(document)
    assert [problem.key for problem in failure.value.problems] == ["grants[0].scope"]


def test_github_has_no_runners_of_a_whole_server() -> None:
    document = settings_document(forge={"kind": "github", "url": "https://api.github.com"})
    document["grants"][0]["scope"] = ""
    with pytest.raises(SettingsError) as failure:
        parse(document)
    assert [problem.key for problem in failure.value.problems] == ["grants[0].scope"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "true", "0", '"60"', "null", "[]"])
def test_a_deadline_is_a_number_of_seconds_that_ends(text: str) -> None:
    document = settings_document()
    document["deadlines"]["lostSeconds"] = json.loads(text)
    with pytest.raises(SettingsError) as failure:
        parse(document)
    assert [problem.key for problem in failure.value.problems] == ["deadlines.lostSeconds"]


def test_the_shortest_deadline_is_a_second_and_what_is_shorter_is_told_as_it_was_written() -> None:
    document = settings_document()
    document["deadlines"]["lostSeconds"] = 1
    assert parse(document).deadlines.lost_seconds == 1
    document["deadlines"]["lostSeconds"] = 0.5
    with pytest.raises(SettingsError) as failure:
        parse(document)
    assert [problem.found for problem in failure.value.problems] == ["0.5"]


def test_what_is_optional_is_empty_where_it_is_not_there() -> None:
    forge = parse(settings_document()).forge
    assert (forge.ca, forge.proxy) == ("", "")


def test_a_list_that_is_none_and_a_label_that_is_none_are_named_with_what_was_found() -> None:
    with pytest.raises(SettingsError) as failure:
        parse(settings_document(grants={"a": 1}))
    assert "grants" in [problem.key for problem in failure.value.problems]
    document = settings_document()
    document["grants"][0]["labels"] = ["cml-gpu", "a:docker://b"]
    with pytest.raises(SettingsError) as failure:
        parse(document)
    (problem,) = failure.value.problems
    assert problem.key == "grants[0].labels[1]"
    assert "a:docker://b" in problem.found
    assert "a runner label" in problem.allowed


@pytest.mark.parametrize("value", [-1, 2.5, float("inf"), True, None, "3"])
def test_the_number_of_kept_pods_is_whole(value: Any) -> None:
    with pytest.raises(SettingsError) as failure:
        parse(settings_document(keepFailed=value))
    assert [problem.key for problem in failure.value.problems] == ["keepFailed"]


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_anything_that_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError):
        parse(value)


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.json"):
        load(tmp_path / "absent.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(SettingsError, match="not JSON"):
        load(tmp_path / "broken.json")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(SettingsError, match="not JSON"):
        load(tmp_path / "deep.json")
    (tmp_path / "latin.json").write_bytes(b'{"forge": "\xff"}')
    with pytest.raises(SettingsError, match="not JSON"):
        load(tmp_path / "latin.json")
    (tmp_path / "good.json").write_text(json.dumps(settings_document()))
    assert load(tmp_path / "good.json").scopes == (Scope("mlops/guide"),)


def test_two_namespaces_may_share_a_scope() -> None:
    document = settings_document()
    document["grants"].append({**document["grants"][0], "namespace": "others"})
    assert parse(document).scopes == (Scope("mlops/guide"),)


def with_jobs(*jobs: Any) -> dict[str, Any]:
    document = settings_document()
    document["grants"][0]["jobs"] = list(jobs)
    return document


DEPLOYER = {
    "account": "deployer",
    "repository": "mlops/guide",
    "workflows": [".github/workflows/deploy.yml@refs/heads/main"],
}


def test_jobs_that_may_act_in_the_cluster_are_read() -> None:
    (grant,) = parse(with_jobs(DEPLOYER)).grants
    job = grant.job_grant("deployer")
    assert job is not None
    assert (job.repository, [str(workflow) for workflow in job.workflows]) == (
        Scope("mlops/guide"),
        DEPLOYER["workflows"],
    )
    assert grant.job_grant("previewer") is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"account": "registrar"}, "account"),
        ({"account": "default"}, "account"),
        ({"repository": "mlops"}, "repository"),
        ({"repository": ""}, "repository"),
        ({"workflows": []}, "workflows"),
        ({"workflows": ["deploy.yml"]}, "workflows[0]"),
        ({"workflows": [7]}, "workflows[0]"),
        ({"workflows": [".github/workflows/deploy.yml@refs/pull/*"]}, "workflows[0]"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_no_other_jobs_are_granted_anything(change: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError) as failure:
        parse(with_jobs({**DEPLOYER, **change}))
    assert [problem.key for problem in failure.value.problems] == [f"grants[0].jobs[0].{key}"]


def test_an_account_is_granted_once() -> None:
    with pytest.raises(SettingsError, match=r"deployer.* 2 times"):
        parse(with_jobs(DEPLOYER, DEPLOYER))
