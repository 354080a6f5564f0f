"""No message about a stack's config repeats what might be a credential, wherever somebody wrote it."""

import copy
from typing import Any

import pytest

from config import StackConfigError
from tests.config.test_any_yaml import PLACES, good_stack, put
from tests.program.stack_values import Values, loaded, stack_file

HUSH = "Xq81vTz0"
EVERY = 6
LOGINS: tuple[object, ...] = (
    f"https://user:{HUSH}@forge.example.com/a", f"https://{HUSH}@forge.example.com/a", f"https://u:a/{HUSH}@h/a",
    f"https://u:a#{HUSH}@h/a", f"https://u:a?{HUSH}@h/a", f"https://u:a {HUSH}@h/a", f"user:{HUSH}@forge.example.com:a",
    f"http://u:{HUSH}@10.85.0.1:3000/mlops", f"https://h/a?access_token={HUSH}", f"https://h/a?sig={HUSH}&a=1",
    f"user:{HUSH}@registry.example.com/ml/cuda:12", f"{HUSH}@registry.example.com/ml/cuda@sha256:{'0' * 64}",
    f"ghp_{HUSH}{HUSH}", f"github_pat_{HUSH}_{HUSH}", f"glpat-{HUSH}", f"AKIA{HUSH}", f"FORGE_TOKEN={HUSH}",
    f"password: {HUSH}", f"Bearer {HUSH}", f"{'0123456789abcdef' * 2}{HUSH.encode().hex()}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{HUSH}\n-----END RSA PRIVATE KEY-----",
    {"url": f"https://u:{HUSH}@h/a"}, {"password": HUSH}, [f"ghp_{HUSH}{HUSH}"], {f"ghp_{HUSH}{HUSH}": 1},
    {f"https://u:{HUSH}@h": {}}, {"name": "x", "token": HUSH}, f"{'a' * 70} ghp_{HUSH}{HUSH}",
)  # fmt: skip


def message_of(values: Values, secrets: tuple[str, ...] = ()) -> str:
    """What is said about these values; "" where nothing is wrong with them."""
    try:
        loaded(values, {"FORGE_TOKEN": "t", "GPU_RUNNERS_SECRET_KEY": "hush"}, secrets)
    except StackConfigError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("number", range(len(LOGINS)))
def test_a_credential_is_not_repeated_wherever_it_was_written(number: int) -> None:
    written = LOGINS[number]
    places = PLACES[number % EVERY :: EVERY]  # together they are all places, each with several of these
    refusals = 0
    for name, place in places:
        values: Any = copy.deepcopy(good_stack(name))
        put(values, place, written)
        message = message_of(values)
        assert HUSH not in message, (name, place)
        assert HUSH.encode().hex() not in message, (name, place)
        refusals += bool(message)
    assert refusals > len(places) / 3


@pytest.mark.parametrize(
    "variables",
    [{"db-password": HUSH}, {"GITHUB_X": HUSH}, {"A": [HUSH]}, {"A": {"b": HUSH}}, {"1": HUSH}, [HUSH], HUSH],
    ids=str,
)
def test_the_value_of_a_variable_is_never_repeated(variables: object) -> None:
    values: Any = good_stack("github")
    values["platform"]["repositories"][0]["variables"] = variables
    message = message_of(values)
    assert "repositories[0].variables" in message
    assert HUSH not in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("namespace", f"Not A Namespace {HUSH}"),
        ("runnerImage", f"{HUSH} "),
        ("forgeCa", HUSH),
        ("githubApp", {"appId": f"{HUSH}-"}),
        ("pools", [{"name": HUSH}]),
        ("platform", {"scope": HUSH, "registrar": {"namespace": HUSH, "image": HUSH}, HUSH: 1}),
    ],
)
def test_what_the_stack_keeps_as_a_secret_is_not_repeated(key: str, value: object) -> None:
    message = message_of(stack_file("platform") | {key: value}, secrets=(key,))
    assert f"gpu-runners:{key}" in message
    assert HUSH not in message


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("image", f"docker://registry.example.com/ml:ghp_{HUSH}{HUSH}"),
        ("labels", [f"gpu,ghp_{HUSH}{HUSH}"]),
        ("labels", f"gpu,ghp_{HUSH}{HUSH}"),
        ("memory", f"8Gi,ghp_{HUSH}{HUSH}"),
        ("protectJobSeconds", f"6h ghp_{HUSH}{HUSH}"),
    ],
)
def test_no_cure_repeats_one_either(key: str, written: object) -> None:
    values = stack_file("dev")
    values["pools"][0][key] = written
    message = message_of(values)
    assert message
    assert HUSH not in message
