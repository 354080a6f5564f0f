"""What is changed in a just-in-time configuration, and that nothing else is."""

import base64
import json
from typing import Any

import pytest

from registrar.forges.github.jit import without_updates
from registrar.untrusted import MalformedError


def encoded(content: object, *, mark: str = "") -> str:
    return base64.b64encode(f"{mark}{json.dumps(content)}".encode()).decode()


def settings(configuration: str) -> dict[str, Any]:
    files = json.loads(base64.b64decode(configuration))
    read: dict[str, Any] = json.loads(base64.b64decode(files[".runner"]))
    return read


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"AgentId": "7", "Ephemeral": "true"}, {"AgentId": "7", "Ephemeral": "true", "DisableUpdate": "true"}),
        ({"AgentId": 7, "Ephemeral": True}, {"AgentId": 7, "Ephemeral": True, "DisableUpdate": True}),
        ({"ephemeral": "True", "disableUpdate": "False"}, {"ephemeral": "True", "disableUpdate": "true"}),
        ({}, {"DisableUpdate": True}),
    ],
)
def test_the_setting_is_written_as_its_neighbour_is(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert settings(without_updates(encoded({".runner": encoded(given)}))) == wanted


def test_the_other_files_stay_as_they_are() -> None:
    files = {".runner": encoded({"AgentId": 7}), ".credentials": "b2RkIGJ5dGVzIP8=", ".credentials_rsaparams": "e30="}
    changed = json.loads(base64.b64decode(without_updates(encoded(files))))
    assert {name: changed[name] for name in files if name != ".runner"} == {
        ".credentials": "b2RkIGJ5dGVzIP8=",
        ".credentials_rsaparams": "e30=",
    }


def test_base64_in_lines_is_read_as_the_runner_reads_it() -> None:
    files = {".runner": base64.encodebytes(json.dumps({"AgentId": 7, "ServerUrl": "u" * 100}).encode()).decode()}
    broken = base64.encodebytes(json.dumps(files).encode()).decode().replace("\n", "\r\n ")
    assert settings(without_updates(broken)) == {"AgentId": 7, "ServerUrl": "u" * 100, "DisableUpdate": True}


@pytest.mark.parametrize("given", [{"disableUpdate": False, "DisableUpdate": "false"}, {"DisableUpdate": True}])
def test_a_setting_that_is_there_already_is_no_second_one(given: dict[str, Any]) -> None:
    """Of several spellings .NET takes the last."""
    written = settings(without_updates(encoded({".runner": encoded(given)})))
    assert list(written) == list(given)
    assert written[list(given)[-1]] is True


def test_a_byte_order_mark_is_no_content() -> None:
    files = {".runner": encoded({"AgentId": 7}, mark="\ufeff")}
    assert settings(without_updates(encoded(files, mark="\ufeff"))) == {"AgentId": 7, "DisableUpdate": True}


@pytest.mark.parametrize(
    "configuration",
    [
        "",
        "no base64!",
        encoded([]),
        encoded({}),
        encoded({".runner": 7}),
        encoded({".runner": "e30"}),
        encoded({".runner": encoded("text")}),
        encoded({".runner": base64.b64encode(b"\xff\xfe").decode()}),
        base64.b64encode(b"[" * 100_000).decode(),
        "A" * (1 << 21),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(configuration: str) -> None:
    with pytest.raises(MalformedError):
        without_updates(configuration)
