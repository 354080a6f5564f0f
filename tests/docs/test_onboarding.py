"""The page for newcomers and the list of what was not tried: their commands, keys, files and permissions exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

import config
from config.credential import SECRET_KEYS
from gpu_runners.app.manifest import KINDS
from gpu_runners.program import parse
from tests.docs.commands import LONG, SHORT
from tests.docs.commands import commands as chapter_commands
from tests.program.stack_values import ROOT

PAGE = (ROOT / "docs/onboarding.md").read_text()
NOT_TRIED = (ROOT / "docs/not-tried.md").read_text()
COMMANDS = {title: chapter_commands(title) for title in (SHORT, LONG)}
MAKEFILE = (ROOT / "Makefile").read_text()


def commands(program: str, *titles: str) -> list[list[str]]:
    """The words behind a program's name, of every command that calls it; of both chapters without a title."""
    chosen = [command for title in titles or (SHORT, LONG) for command in COMMANDS[title]]
    parts = [part.strip() for command in chosen for part in command.split("&&")]
    return [shlex.split(part)[1:] for part in parts if part.split()[0] == program]


def targets(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z][a-z-]+)", text))


def test_every_make_target_of_both_pages_exists() -> None:
    named = targets(PAGE) | targets(NOT_TRIED) - {"up"}
    assert {"install", "doctor", "demo", "unlock"} <= named
    assert [name for name in named if not re.search(rf"^{name}:.*## ", MAKEFILE, re.MULTILINE)] == []


def test_every_call_of_gpu_runners_is_understood() -> None:
    calls = commands("gpu-runners")
    assert {words[0] for words in calls} == {"init", "doctor", "app"}
    for words in calls:
        command, options = parse(words)
        assert command.name != "app" or options.kind in KINDS


def test_the_short_way_has_ten_commands_and_one_that_ends_it() -> None:
    ten, ending = COMMANDS[SHORT][:10], COMMANDS[SHORT][10:]
    assert [command.split()[0] for command in ten] == [
        "git", "make", "docker", "docker", "pulumi", "gpu-runners", "gpu-runners", "pulumi", "cd", "gh"
    ]  # fmt: skip
    assert [command.split()[:2] for command in ending] == [["pulumi", "destroy"]]


def test_every_key_that_the_page_sets_is_one() -> None:
    keys = [words[-1] if "--path" not in words else words[words.index("--path") + 1] for words in _config_sets()]
    assert keys
    known = {*config.KEYS, *SECRET_KEYS}
    assert [key for key in keys if key.removeprefix("gpu-runners:").split(".")[0] not in known] == []


def _config_sets() -> list[list[str]]:
    settings = [words[2:] for words in commands("pulumi") if words[:2] == ["config", "set"]]
    stripped = []
    for words in settings:
        end = words.index("<") if "<" in words else len(words)
        kept = words[:end]
        if "--stack" in kept:
            at = kept.index("--stack")
            kept = kept[:at] + kept[at + 2 :]
        stripped.append(kept)
    return stripped


def test_stacks_are_called_the_same_wherever_the_page_names_them() -> None:
    stacks = {words[2] for words in commands("pulumi", LONG) if words[:2] == ["stack", "init"]}
    assert stacks == {"platform-prod", "prod"}
    assert set(re.findall(r"STACK=([a-z-]+)", PAGE)) == stacks
    assert {words[words.index("--stack") + 1] for words in commands("pulumi", LONG) if "--stack" in words} <= stacks
    deployers = re.findall(r"deployer:\n +namespace: ([a-z-]+)\n +stack: ([a-z-]+)\n", PAGE)
    assert deployers == [("runners-base", "prod")]


def test_every_dockerfile_that_is_built_exists_and_asks_for_its_base() -> None:
    built = [words for words in commands("docker") if words[0] == "build"]
    assert len(built) == 4
    for words in built:
        folder = ROOT / words[-1]
        file = ROOT / words[words.index("-f") + 1] if "-f" in words else folder / "Dockerfile"
        dockerfile = file.read_text()
        assert "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}" in dockerfile
        assert words[words.index("--build-arg") + 1].startswith("BASE_IMAGE=")
        for sources in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE):
            assert all((folder / source).exists() for source in sources.split())


@pytest.mark.parametrize("page", ["onboarding.md", "not-tried.md"])
def test_every_file_that_is_linked_exists(page: str) -> None:
    folder = ROOT / "docs"
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (folder / page).read_text())
    assert links
    assert [link for link in links if not (folder / link).exists()] == []


def test_what_was_tried_instead_can_be_looked_up() -> None:
    named = re.findall(r"`((?:tests|registrar|doctor|lab|\.github)/[^`]*)`", NOT_TRIED)
    assert len(named) > 10
    assert [path for path in named if not list(Path(ROOT).glob(path))] == []


WORKFLOW = (ROOT / "examples/mlops-guide/.github/workflows/train.yml").read_text()


def test_the_copied_workflow_deploys_the_stack_of_the_page() -> None:
    variables = {words[2]: words[-1] for words in commands("gh", LONG) if words[:2] == ["variable", "set"]}
    assert variables["STACK"] == "prod"
    assert set(re.findall(r"vars\.([A-Z_]+)", WORKFLOW)) == set(variables)


def test_the_copied_workflow_runs_on_the_labels_that_the_page_gives() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    wanted = [job["runs-on"] for job in workflow["jobs"].values()]
    given = [set(labels.split(", ")) for labels in re.findall(r"labels: \[([^\]]+)\]", PAGE)]
    for runs_on in wanted:
        labels = {runs_on} if isinstance(runs_on, str) else set(runs_on)
        assert any(labels <= allowed for allowed in given), labels
