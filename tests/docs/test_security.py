"""The page about security: each test that it names exists, every actor is there, and the rights are the program's."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from components.platform.auditor import auditor_rules
from components.platform.deployer import deployer_rules
from components.platform.previewer import previewer_rules, roster_rules
from components.platform.registrar_pod import GRANTED_RULES, token_rules
from tests.lab.adversary.identities import USERS, Right, rows
from tests.program.stack_values import ROOT
from values.accounts import JOB_ACCOUNTS

PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ACTORS = (
    "Job code in a GPU pool",
    "Job code on a base runner",
    "Deployer",
    "Previewer",
    "Auditor",
    "Author of a pull request",
    "Writer of the state's bucket",
    "Another namespace",
    "The network",
    "A broken or hostile forge",
)
RIGHTS = "What each identity may do"


def sections() -> dict[str, str]:
    """Heading → text."""
    return dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])


def test_every_actor_has_a_section_and_there_is_no_other() -> None:
    assert tuple(sections()) == (*ACTORS, RIGHTS)


@pytest.mark.parametrize("actor", ACTORS)
def test_whatever_an_actor_must_never_reach_is_tried_by_a_test(actor: str) -> None:
    table = [line for line in sections()[actor].splitlines() if line.startswith("|")]
    assert table[0] == "| must never reach | tried by |"
    for line in table[2:]:
        _, cell = line.strip("| ").split(" | ")
        assert re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`(, `tests/[\w/]+\.py::test_\w+`)*", cell), line
    assert len(table) > 3


@pytest.mark.parametrize(("file", "function"), NAMED, ids=[function for _, function in NAMED])
def test_each_named_test_exists(file: str, function: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert function in functions


def rights_of(rules: Sequence[Mapping[str, Any]]) -> Iterator[Right]:
    """What rules of a Role allow."""
    for rule in rules:
        for group in rule["api_groups"]:
            for resource in rule["resources"]:
                for name in rule.get("resource_names", [""]):
                    for verb in rule["verbs"]:
                        yield Right(group, resource, name, verb)


@pytest.mark.parametrize(
    ("identity", "place", "rules"),
    [
        ("registrar", "each environment", GRANTED_RULES),
        ("registrar", "base runners' environment", token_rules(JOB_ACCOUNTS)),
        ("deployer", "deployed environment", deployer_rules("STACK")),
        ("previewer", "deployed environment", previewer_rules()),
        ("previewer", "registrar's namespace", roster_rules()),
        ("auditor", "each environment", previewer_rules()),
        ("auditor", "registrar's namespace", [*previewer_rules(), *roster_rules()]),
        ("auditor", "the whole cluster", auditor_rules()),
    ],
    ids=str,
)
def test_the_rights_of_the_page_are_those_that_the_program_declares(
    identity: str, place: str, rules: Sequence[Mapping[str, Any]]
) -> None:
    assert {right for who, where, right in rows() if (who, where) == (identity, place)} == set(rights_of(rules))


def test_every_identity_is_on_the_page_and_what_runs_jobs_has_no_rights() -> None:
    table = sections()[RIGHTS]
    for identity in USERS:
        assert f"\n| {identity} | " in table
    assert {who for who, _, _ in rows()} == set(USERS) - {"runner", "base runner"}


def test_it_is_linked_from_where_people_look() -> None:
    for page in ("README.md", "docs/architecture.md", "SECURITY.md"):
        assert "security.md" in (ROOT / page).read_text(), page
