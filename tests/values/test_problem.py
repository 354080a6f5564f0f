"""A problem says what to do in one line, and an error that carries several says each of them once."""

import pytest

from values.problem import Problem, ProblemsError, quoted

REPLICAS = Problem("pools[0].replicas", "-1", "a whole number from 0 to 1000", "write a whole number of this range")
NAME = Problem("pools[0].name", '"Cuda"', "a DNS-1123 label", "correct it")


def test_a_problem_names_key_found_allowed_and_cure() -> None:
    assert str(NAME) == 'pools[0].name: found "Cuda"; allowed: a DNS-1123 label; cure: correct it'


def test_no_problem_moves_a_terminal_whatever_somebody_wrote() -> None:
    problem = Problem("pools[\x1b[2K].name", "gpu\nok  all is well\u202e", "one of a\x07b", "rename it")
    assert str(problem) == (
        "pools[\\x1b[2K].name: found gpu\\nok  all is well\\u202e; allowed: one of a\\x07b; cure: rename it"
    )


def test_an_error_says_each_problem_once_and_carries_them() -> None:
    error = ProblemsError("nothing was changed:", [REPLICAS, NAME, REPLICAS])
    assert error.problems == (REPLICAS, NAME)
    assert str(error) == f"nothing was changed:\n  {REPLICAS}\n  {NAME}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("8", '"8"'),
        (8, "8"),
        (True, "true"),
        ({"a": [1]}, '{"a": [1]}'),
        ("two\nlines", '"two\\nlines"'),
        ("\x1b[2K", '"\\u001b[2K"'),
    ],
)
def test_a_value_is_shown_as_it_was_written_on_one_line(value: object, text: str) -> None:
    assert quoted(value) == text


def test_a_long_value_is_cut() -> None:
    assert len(quoted("x" * 10_000)) < 80


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("https://user:hunter2@host/a", '"(not shown)@host/a"'),
        ("registry.example.com/cuda@sha256:0123", '"registry.example.com/cuda@sha256:0123"'),
        ("o/r/.github/workflows/a.yml@refs/heads/main", '"o/r/.github/workflows/a.yml@refs/heads/main"'),
        ("@octocat", '"@octocat"'),
        ({"password": "hunter2"}, '{"password": (not shown)}'),
        ('{"password": "hunter2"}', '"{\\"password\\": (not shown)}"'),
    ],
)
def test_a_value_is_shown_without_what_looks_like_a_credential(value: object, text: str) -> None:
    assert quoted(value) == text


def test_a_problem_hides_credentials_whoever_noted_it() -> None:
    problem = Problem("a.ghp_abcdefgh1234", "https://u:hunter2@h/a", "one of TOKEN=hunter2", "correct it")
    assert "hunter2" not in str(problem)
    assert "abcdefgh1234" not in str(problem)


def test_a_value_that_is_nested_deeply_is_shown_all_the_same() -> None:
    value: object = "x"
    for _ in range(900):
        value = [value]
    assert quoted(value).startswith("[[[")


def test_what_is_hidden_already_is_not_hidden_again() -> None:
    problem = Problem("scope", "https://g.example.com/a?x=hunter2&y=3", "none", "cut it")
    again = Problem("scope", problem.found, "none", "cut it")
    assert again == problem
    assert problem.found == "https://g.example.com/a?x=(not shown)&y=(not shown)"
