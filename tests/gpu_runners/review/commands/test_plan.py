"""`gpu-runners plan`: the plan of an `up`, saved only if it is the one that was looked at; `pulumi` is a stand-in."""

import json
from pathlib import Path

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from gpu_runners.review.core.plan_digest import plan_digest
from tests.gpu_runners.review.core.recorded import evidence
from tests.gpu_runners.stand_in_pulumi import FREE, StandInPulumi

PREVIEW = evidence("drifted")["preview"]
DIGEST = plan_digest(PREVIEW)
OTHER = f"sha256:{'0' * 64}"


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int = 0, document: object = PREVIEW) -> StandInPulumi:
    (folder / "preview.json").write_text(json.dumps(document))
    script = f"""{FREE}
if [ "$1" = preview ]; then
  cat {folder}/preview.json
  while [ $# -gt 0 ]; do [ "$1" = --save-plan ] && echo plan > "$2"; shift; done
  exit {code}
fi"""
    return StandInPulumi.make(folder, script, monkeypatch)


def plan(pulumi: StandInPulumi, *more: str) -> int:
    return main(["plan", "dev", "--folder", str(pulumi.program), "--save", str(pulumi.folder / "plan.json"), *more])


def test_a_plan_is_saved_for_nobody_else_to_read_and_its_digest_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = stand_in(tmp_path, monkeypatch)
    assert plan(pulumi, "--digest", str(tmp_path / "digest")) == ExitCode.DONE
    assert capsys.readouterr().out == f"{DIGEST}\n"
    assert (tmp_path / "digest").read_text() == f"{DIGEST}\n"
    assert (tmp_path / "plan.json").read_text() == "plan\n"
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0


def test_the_plan_that_was_reviewed_is_saved_and_another_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = stand_in(tmp_path, monkeypatch)
    assert plan(pulumi, "--reviewed", DIGEST) == ExitCode.DONE
    assert plan(pulumi, "--reviewed", OTHER) == ExitCode.FOUND
    assert not (tmp_path / "plan.json").exists()
    assert f"the preview is {DIGEST}, and {OTHER} was reviewed" in capsys.readouterr().out


@pytest.mark.parametrize("digest", ["", "none", "sha256:", f"sha256:{'g' * 64}"])
def test_no_digest_is_not_any_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    pulumi = stand_in(tmp_path, monkeypatch)
    assert plan(pulumi, "--reviewed", digest) == ExitCode.USAGE
    assert pulumi.calls == []


def test_a_mandatory_rule_leaves_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pack").mkdir()
    pulumi = stand_in(tmp_path, monkeypatch, code=255)
    assert plan(pulumi, "--policy-pack", str(tmp_path / "pack")) == ExitCode.FAILED
    assert not (tmp_path / "plan.json").exists()
    assert "cannot be previewed, so nothing is planned" in capsys.readouterr().err
    assert f"--policy-pack {tmp_path / 'pack'}" in pulumi.calls[-1]


def test_what_somebody_else_saved_there_before_is_never_taken_for_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = stand_in(tmp_path, monkeypatch, code=255)
    (tmp_path / "plan.json").write_text("old")
    assert plan(pulumi) == ExitCode.FAILED
    assert not (tmp_path / "plan.json").exists()


def test_whoever_has_to_agree_sees_what_it_would_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    plan(stand_in(tmp_path, monkeypatch))
    assert "dev: 1 to create, 1 to update" in (tmp_path / "summary").read_text()
