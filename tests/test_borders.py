"""Borders between the rooms: an import that no contract allows is refused, and each room's packages are on its list."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("values", "config", "access", "components", "registrar", "gpu_runners", "lab", "bench", "policy")

# What each room may know of the others. Whatever is not here is forbidden: a new room starts with nothing.
KNOWS = {
    "values": (),
    "config": ("values",),
    "access": ("values",),
    "components": ("values", "access"),
    "registrar": ("values",),
    "gpu_runners": ("values", "config", "access"),
    "lab": ("values", "config", "access", "components", "registrar", "gpu_runners"),
    "bench": ("values", "config", "access", "components", "registrar", "gpu_runners", "lab"),
    "policy": (),
}
# Rooms within a room that do not know each other.
APART = (
    ("components.platform", "components.pools", "components.github"),
    (
        *("gpu_runners.review", "gpu_runners.doctor", "gpu_runners.unlock", "gpu_runners.app", "gpu_runners.wait"),
        *("gpu_runners.why", "gpu_runners.top", "gpu_runners.usage"),
    ),
    ("access.cluster", "access.github", "access.gitea"),
)
# Beneath the commands: they may know it, and it none of them.
BENEATH = "gpu_runners.state"
# Above them: it does what they do, and none of them knows it (pyproject.toml holds that).
ABOVE = "gpu_runners.init"
# The packages from outside that a room, or a part of one, may import.
PACKAGES: dict[str, set[str]] = {
    "values": set(),
    "gpu_runners/review/core": set(),
    "gpu_runners/doctor/core": set(),
    "gpu_runners/init/core": {"yaml"},
    "gpu_runners/unlock": set(),
    "policy/policy_rules": set(),
    "policy": {"pulumi_policy"},
    "config": {"cryptography", "pulumi"},
    "access": {"gidgethub", "httpx2", "lightkube", "msgspec", "pulumi", "yaml"},
    "components": {"cryptography", "pulumi", "pulumi_github", "pulumi_kubernetes"},
    "gpu_runners": {"_typeshed", "cryptography", "httpx2", "lightkube", "pulumi", "yaml"},
    "gpu_runners/state": set(),
    "registrar": {"aiohttp", "cryptography", "gidgethub", "httpx2", "jwt", "lightkube", "msgspec", "prometheus_client"},
}
# What of the standard library a pure part may import: nothing that reaches the world outside the process.
PURE = (
    "gpu_runners/review/core",
    "gpu_runners/doctor/core",
    "gpu_runners/init/core",
    "registrar/decisions.py",
    "policy/policy_rules",
)
PLAIN = {
    "__future__", "base64", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "difflib", "enum",
    "fnmatch", "functools", "hashlib", "html", "ipaddress", "itertools", "json", "math", "operator", "re", "string",
    "textwrap", "types", "typing", "unicodedata", "urllib.parse",
}  # fmt: skip

# What loads a module by its name.
LOADERS = {"importlib", "runpy", "pkgutil", "imp"}
METADATA = "importlib.metadata"  # has no names that load a module, unlike what it lies in

# Imports from within files that exist, as one would write them in passing.
TRIED = (
    ("components.labels", "config.fields"),
    ("registrar.logs", "config.fields"),
    ("registrar.logs", "access.cluster"),
    ("registrar.decisions", "asyncio"),
    ("registrar.decisions", "time"),
    ("registrar.logs", "pulumi"),
    ("gpu_runners.review.core.markdown", "subprocess"),
    ("gpu_runners.review.core.markdown", "access.cluster"),
    ("gpu_runners.unlock.unlock", "config.fields"),
    ("gpu_runners.pulumi_command", "gpu_runners.review.collect"),
    ("gpu_runners.unlock.unlock", "pulumi"),
    ("gpu_runners.unlock.unlock", "gpu_runners.doctor.checks"),
    ("gpu_runners.review.collect", "registrar.settings"),
    ("gpu_runners.state.check", "gpu_runners.review.collect"),
    ("gpu_runners.state.check", "gpu_runners.unlock.unlock"),
    ("gpu_runners.state.check", "config.fields"),
    ("registrar.forges.gitea", "registrar.forges.github.client"),
    ("registrar.forges.github.pace", "registrar.forges.gitea"),
    ("policy.policy_rules.rule", "pulumi"),
    ("policy.policy_rules.rule", "values.contract"),
    ("lab.paths", "policy_rules"),
)

_LINT = """
import json, sys
from importlinter.api import read_configuration  # configures the linter
from importlinter.application.use_cases import create_report, read_user_options, _register_contract_types

def links(value):
    if isinstance(value, dict):
        if "importer" in value and "imported" in value:
            yield f'{value["importer"]} -> {value["imported"]}'
        for item in value.values():
            yield from links(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from links(item)

options = read_user_options(None)
_register_contract_types(options)
report = create_report(options, cache_dir=None)
refused = {link for _, check in report.get_contracts_and_checks() for link in links(check.metadata)}
print(json.dumps(sorted(refused)))
"""


def refused(tree: Path) -> set[str]:
    """The imports `importer -> imported` that the contracts of a tree refuse."""
    answer = subprocess.run(
        [sys.executable, "-c", _LINT], cwd=tree, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout.splitlines()[-1]))


def a_module_of(room: str) -> str:
    """A module of a room, with its dots, as near to its top as there is one."""
    folder = ROOT / room.replace(".", "/")
    modules = [path.relative_to(ROOT).with_suffix("").parts for path in folder.rglob("[!_]*.py")]
    return ".".join(min((len(parts), parts) for parts in modules)[1])


def pairs() -> Iterator[tuple[str, str, bool]]:
    """Who could import what, and whether it may."""
    for room in ROOMS:
        for other in ROOMS:
            if other != room:
                yield room, a_module_of(other), other in KNOWS[room]
    for apart in APART:
        for part in apart:
            yield from ((part, a_module_of(other), False) for other in apart if other != part)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    return copy


@pytest.fixture(scope="module")
def links(tree: Path) -> tuple[set[str], set[str], set[str]]:
    """Forbidden and allowed imports that were added to a copy, and what the contracts refuse there; one run for all."""
    forbidden: set[str] = set()
    allowed: set[str] = set()
    for number, (part, target, may) in enumerate(pairs()):
        importer = f"{part}.border_{number}"
        (tree / importer.replace(".", "/")).with_suffix(".py").write_text(f"import {target}\n")
        (allowed if may else forbidden).add(f"{importer} -> {target}")
    for importer, target in TRIED:
        with (tree / importer.replace(".", "/")).with_suffix(".py").open("a") as file:
            file.write(f"\n\ndef later() -> None:\n    import {target}\n")
        forbidden.add(f"{importer} -> {target}")
    return forbidden, allowed, refused(tree)


def test_every_import_that_is_not_allowed_is_refused(links: tuple[set[str], set[str], set[str]]) -> None:
    forbidden, _, refused_links = links
    assert forbidden - refused_links == set()


def test_what_is_allowed_is_not_refused(links: tuple[set[str], set[str], set[str]]) -> None:
    _, allowed, refused_links = links
    assert allowed & refused_links == set()


def test_the_tree_as_it_stands_is_within_its_borders() -> None:
    assert refused(ROOT) == set()


def test_each_folder_with_code_is_a_room() -> None:
    with_code = {path.parent.name for path in ROOT.glob("*/*.py")} - {"tests", "scripts"}
    assert with_code == set(ROOMS)


def test_each_folder_of_a_command_is_apart_from_the_others() -> None:
    folders = {f"gpu_runners.{path.parent.name}" for path in (ROOT / "gpu_runners").glob("*/__init__.py")}
    assert folders == {*APART[1], BENEATH, ABOVE}


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; `from urllib import request` is `urllib.request`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            nested = node.module in {"urllib", "http", "concurrent", "xml", "importlib"}
            yield from (f"{node.module}.{alias.name}" for alias in node.names) if nested else (node.module,)


def test_scripts_and_rooms_do_not_know_each_other() -> None:
    rooms = {*ROOMS, "policy_rules"}
    assert {name for file in files_of("scripts") for name in imported(file) if name.split(".")[0] in rooms} == set()
    assert [
        file for room in ROOMS for file in files_of(room) if "scripts" in {n.split(".")[0] for n in imported(file)}
    ] == []


def files_of(part: str) -> list[Path]:
    """The Python files of a room or of a part of one."""
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_modules_are_loaded_by_name_in_one_place_only() -> None:
    """An import that no linter sees; that place takes the names from a table of its own."""
    files = {
        str(file.relative_to(ROOT)) for room in ROOMS for file in files_of(room) if loads_by_name(file.read_text())
    }
    assert files == {"gpu_runners/commands.py"}


@pytest.mark.parametrize(
    "line",
    [
        "import importlib",
        "from importlib import util",
        "import runpy as r",
        "__import__('config')",
        "exec('import config')",
    ],
)
def test_a_module_loaded_by_name_is_seen_however_it_is_written(line: str) -> None:
    assert loads_by_name(f"def later():\n    {line}\n")


def test_who_asks_for_the_version_of_a_package_loads_nothing() -> None:
    assert not loads_by_name("from importlib.metadata import version")
    assert loads_by_name("import importlib.metadata")


def loads_by_name(source: str) -> bool:
    """Whether a file can load modules that its import statements do not name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and {alias.name.split(".")[0] for alias in node.names} & LOADERS:
            return True
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if module.split(".")[0] in LOADERS and module != METADATA:
            return True
        if isinstance(node, ast.Name) and node.id in {"__import__", "exec", "eval"}:
            return True
    return False


@pytest.mark.parametrize("part", PACKAGES)
def test_a_room_imports_no_package_that_is_not_on_its_list(part: str) -> None:
    own = {*ROOMS, "policy_rules"} | set(sys.stdlib_module_names)
    foreign = {name.split(".")[0] for file in files_of(part) for name in imported(file)} - own
    assert foreign - PACKAGES[part] == set()


@pytest.mark.parametrize("part", PURE)
def test_a_pure_part_imports_nothing_that_reaches_outside(part: str) -> None:
    standard = {
        name for file in files_of(part) for name in imported(file) if name.split(".")[0] in sys.stdlib_module_names
    }
    assert standard - PLAIN == set()


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("import subprocess as p", "subprocess"),
        ("from urllib import request", "urllib.request"),
        ("def f():\n    import socket", "socket"),
        ("from time import monotonic", "time"),
    ],
)
def test_an_import_is_seen_however_it_is_written(tmp_path: Path, line: str, module: str) -> None:
    (tmp_path / "tried.py").write_text(line)
    assert list(imported(tmp_path / "tried.py")) == [module]
