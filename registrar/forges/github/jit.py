"""A just-in-time configuration: base64 of a JSON object of the runner's files, each in base64 again. Pure.

Shape and keys as actions/runner reads them (`Runner.Listener/Runner.cs`, `RunnerSettings` in `ConfigurationStore.cs`).
"""

import base64
import binascii
import json
from typing import Any, Final

from registrar.untrusted import MalformedError, document

MOST_BYTES: Final = 1 << 20
SETTINGS_FILE: Final = ".runner"
DISABLE_UPDATE: Final = "DisableUpdate"
EPHEMERAL: Final = "Ephemeral"
_BLANKS: Final = str.maketrans("", "", " \t\r\n")


def without_updates(configuration: str) -> str:
    """The same runner, which does not update itself: what `config.sh --disableupdate` writes, and its session says.

    A pod's runner would replace files that the next pod copies anew; an outdated one has to end instead, with its own
    exit code. Raises MalformedError where it is no such configuration.
    """
    files = _object(_decoded(configuration), "the configuration")
    settings = _object(_decoded(files.get(SETTINGS_FILE)), f"its {SETTINGS_FILE}")
    # .NET reads keys in any case and a truth value as a text too, as which GitHub's service writes some.
    spelled = {key.lower(): key for key in settings}
    is_text = isinstance(settings.get(spelled.get(EPHEMERAL.lower(), "")), str)
    settings[spelled.get(DISABLE_UPDATE.lower(), DISABLE_UPDATE)] = "true" if is_text else True
    return _encoded({**files, SETTINGS_FILE: _encoded(settings)})


def _decoded(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MOST_BYTES:
        raise MalformedError("it is no just-in-time configuration of at most 1 MiB")
    try:
        # .NET takes blanks and ends of lines in it, and nothing else besides.
        return base64.b64decode(text.translate(_BLANKS), validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError) as error:  # whose words are kept from the message: a key is in there
        raise MalformedError("it is no base64 of a text") from error


def _object(text: str, what: str) -> dict[str, Any]:
    content = document(text)
    if not isinstance(content, dict):
        raise MalformedError(f"{what} is no object")
    return content


def _encoded(content: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
