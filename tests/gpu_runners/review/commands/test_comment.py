"""`gpu-runners comment`: what files a hostile job left, and what the comment says then; the forge is a stand-in."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from gpu_runners.review.core.comment import MARKER
from gpu_runners.review.core.document import document
from gpu_runners.review.core.findings import Change, Violation
from tests.gpu_runners.review.core.recorded import evidence, reviewed
from tests.gpu_runners.serving import serving

CLEAN = reviewed(evidence("clean"))
CHANGE = Change(operation="update", resource="Deployment cuda", field="spec.replicas", before="1", after="2")
RULE = Violation(policy="image-digest", level="mandatory", resource="x", message="found a tag")


class Scene:
    """A base, a pull request, a folder of reports, and the comments of a forge."""

    def __init__(self, folder: Path) -> None:
        self.base, self.pull, self.reports = folder / "main", folder / "pull", folder / "reports"
        for program in (self.base, self.pull):
            program.mkdir()
            (program / "Pulumi.yaml").write_text("name: gpu-runners\n")
            (program / "Pulumi.dev.yaml").write_text("config: {}\nencryptionsalt: x\n")
        self.comments: list[dict[str, Any]] = []

    def report(self, stack: str = "dev", name: str = "", **changes: Any) -> Path:
        path = self.reports / f"review-{name or stack}/report.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document(replace(CLEAN, stack=stack, **changes))))
        return path

    def comment(self, *more: str) -> int:
        return main([
            "comment", str(self.reports), "--folder", str(self.pull), "--base", str(self.base), "--repository", "o/r",
            "--pull", "7", "--commit", "1a2b3c4d", "--run", "https://forge.example.com/o/r/actions/runs/7", *more,
        ])  # fmt: skip

    @property
    def text(self) -> str:
        (comment,) = self.comments
        return str(comment["body"])

    def forge(self) -> web.Application:
        async def get(_: web.Request) -> web.Response:
            return web.json_response(self.comments)

        async def user(_: web.Request) -> web.Response:
            return web.json_response({"login": "reviewer"})

        async def write(request: web.Request) -> web.Response:
            body = await request.json()
            if request.method == "PATCH":
                self.comments[0].update(body)
            else:
                self.comments.append({"id": 1, "user": {"login": "reviewer"}, "html_url": "http://forge/1", **body})
            return web.json_response(self.comments[0])

        application = web.Application()
        application.router.add_get("/api/v1/user", user)
        application.router.add_get("/api/v1/repos/o/r/issues/7/comments", get)
        application.router.add_post("/api/v1/repos/o/r/issues/7/comments", write)
        application.router.add_patch("/api/v1/repos/o/r/issues/comments/1", write)
        return application


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    with serving(made.forge()) as url:
        monkeypatch.setenv("GITHUB_API_URL", f"{url}/api/v1")
        yield made


def test_all_stacks_are_in_one_comment(scene: Scene) -> None:
    (scene.base / "Pulumi.prod.yaml").write_text("config: {a: b}\n")
    (scene.pull / "Pulumi.prod.yaml").write_text("config: {a: b}\n")
    scene.report("dev", changes=(CHANGE,))
    scene.report("prod", changes=(CHANGE,))
    assert scene.comment() == ExitCode.DONE
    assert scene.text.startswith(f"{MARKER}\n\n### 📝 2 stacks: 2 with changes")


def test_a_clean_first_look_writes_nothing(scene: Scene) -> None:
    scene.report()
    assert scene.comment() == ExitCode.DONE
    assert scene.comments == []


def test_a_green_comment_does_not_outlive_a_look_that_failed(scene: Scene) -> None:
    scene.report(changes=(CHANGE,))
    scene.comment()
    scene.report()
    assert scene.comment() == ExitCode.DONE
    assert "✅ 1 stack" in scene.text
    (scene.reports / "review-dev/report.json").unlink()
    assert scene.comment() == ExitCode.FAILED
    assert "### ❓ 1 stack: 1 not known" in scene.text
    assert "no report came" in scene.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"{}", b"x" * 3_000_000, b"[" * 100_000])
def test_a_report_that_is_none_is_no_report_and_says_so_in_one_line(
    scene: Scene, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.report().write_bytes(content)
    assert scene.comment() == ExitCode.FAILED
    assert "| ❓ **dev** | not known: no report came" in scene.text
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("not read: ")]
    assert len(lines) == 1


def test_a_mandatory_rule_ends_with_a_code_of_its_own(scene: Scene) -> None:
    scene.report(violations=(RULE,))
    assert scene.comment() == ExitCode.FOUND
    assert "🛑" in scene.text


def test_a_link_is_not_followed_to_what_this_job_alone_may_read(scene: Scene, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(document(replace(CLEAN, stack="dev", notes=("swordfish",), changes=(CHANGE,)))))
    path = scene.report()
    path.unlink()
    path.symlink_to(secret)
    assert scene.comment() == ExitCode.FAILED
    assert "swordfish" not in scene.text


def test_a_pipe_or_a_folder_in_place_of_a_report_holds_nobody_up(scene: Scene) -> None:
    path = scene.report()
    path.unlink()
    os.mkfifo(path)
    (scene.reports / "review-x/report.json").mkdir(parents=True)
    assert scene.comment() == ExitCode.FAILED


def test_a_stack_file_that_is_a_link_is_no_stack_file(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("swordfish: [")
    (scene.pull / "Pulumi.evil.yaml").symlink_to(tmp_path / "secret")
    assert scene.comment() == ExitCode.FAILED
    assert "not known" in scene.text
    assert "swordfish" not in scene.text


@pytest.mark.parametrize(
    "value",
    [
        "2001-99-99",
        "2001-01-01T00:00:00+99:99",
        "1" * 5000,
        "0b_",
        "!!int ''",
        "!!float ''",
        "!!bool maybe",
        "!!timestamp soon",
        "[" * 5000,
        "{? [a] : b}",
    ],
)
def test_whatever_a_stack_file_holds_a_comment_that_was_green_does_not_stay_so(scene: Scene, value: str) -> None:
    scene.report(changes=(CHANGE,))
    assert scene.comment() == ExitCode.DONE
    (scene.pull / "Pulumi.dev.yaml").write_text(f"config: {{x: {value}}}\n")
    assert scene.comment() == ExitCode.FAILED
    assert "not known" in scene.text


def test_a_stack_file_that_grows_while_it_is_read_is_none(scene: Scene) -> None:
    """Nine places of nine lines are 9⁹ pairs once they are merged."""
    lines = ["x0: &x0 {a: b}", *(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}" for n in range(1, 10))]
    (scene.pull / "Pulumi.dev.yaml").write_text("\n".join([*lines, "config: {}"]))
    scene.report()
    assert scene.comment() == ExitCode.FAILED
    assert "a merge key" in scene.text


def test_a_report_of_a_stack_that_is_none_here_is_left_out(scene: Scene) -> None:
    scene.report(changes=(CHANGE,))
    scene.report("prod", changes=(CHANGE,))
    assert scene.comment() == ExitCode.DONE
    assert "1 stack:" in scene.text
    assert "prod" not in scene.text


def test_two_reports_of_one_stack_are_believed_neither(scene: Scene) -> None:
    scene.report(changes=(CHANGE,))
    scene.report(name="again")
    assert scene.comment() == ExitCode.FAILED
    assert "it has more than one report" in scene.text


def test_what_becomes_of_stacks_is_mains_reading_of_the_files(scene: Scene) -> None:
    (scene.base / "Pulumi.gone.yaml").write_text("config: {}\n")
    (scene.pull / "Pulumi.dev.yaml").write_text("config: {'gpu-runners:platform': {}, b: c}\n")
    (scene.pull / "Pulumi.large.yaml").write_text("config: {'gpu-runners:platform': {a: b}}\n")
    scene.report()
    assert scene.comment() == ExitCode.DONE
    assert "🗑️ `gone` is removed" in scene.text
    assert "🔒 `large` is changed and not previewed here" in scene.text


def test_a_stack_that_the_workflow_does_not_list_is_named_and_no_failure(scene: Scene) -> None:
    (scene.pull / "Pulumi.new.yaml").write_text("config: {a: b}\n")
    scene.report()
    assert scene.comment("--listed", "dev") == ExitCode.DONE
    assert "❓ `new` is not previewed: the workflows of main do not list it" in scene.text


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--commit", "main"), ("--commit", "x](y)"), ("--run", "javascript:alert(1)"), ("--run", "https://a/b) @me"),
     ("--pull", "../1"), ("--repository", "o/../r")],
)  # fmt: skip
def test_what_goes_into_the_footer_or_an_address_is_checked(scene: Scene, flag: str, value: str) -> None:
    scene.report(changes=(CHANGE,))
    assert scene.comment(flag, value) == ExitCode.USAGE
    assert scene.comments == []
