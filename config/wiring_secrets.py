"""Reads the secrets of repositories and their environments at GitHub.

A secret's value never stands in the stack file: that names it, its value is a config secret or in the environment.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from config.credential import read_secret
from config.fields import Section

REPOSITORIES_KEY: Final = "repositories"
VARIABLE_PREFIX: Final = "GPU_RUNNERS_SECRET_"
# https://docs.github.com/actions/reference/secrets-reference
MOST_SECRETS: Final = 100  # of a repository, and of an environment
MOST_BYTES: Final = 48 * 1024
NAMES: Final = "upper case letters, digits and _, not beginning with a digit or GITHUB_"
_NAME: Final = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")


def is_variable_name(text: str) -> bool:
    """Whether GitHub takes it, as it stands, as the name of a variable or a secret."""
    return _NAME.fullmatch(text) is not None


def named_secrets(platform: object) -> set[str]:
    """The config keys that the secrets of a platform section are read from, whatever else is wrong with it.

    Pull Secrets are named as those of the wiring are: a name, and from where the value comes.
    """
    names: set[str] = set()
    repositories = _items(platform, REPOSITORIES_KEY)
    environments = [environment for repository in repositories for environment in _items(repository, "environments")]
    for holder in [*repositories, *environments, {"secrets": _items(platform, "pullSecrets")}]:
        for entry in _items(holder, "secrets"):
            source = entry.get("from", entry.get("name")) if isinstance(entry, dict) else entry
            if isinstance(source, str) and is_variable_name(source):
                names.add(source)
    return names


def _items(holder: object, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


_ONE: Final = {"type": "string", "pattern": f"^{_NAME.pattern}$", "description": f"a name of {NAMES}"}
_ENTRY: Final = {
    "oneOf": [
        _ONE,
        {
            "type": "object",
            "properties": {"name": _ONE, "from": _ONE},
            "required": ["name"],
            "additionalProperties": False,
        },
    ]
}


class SecretReader:
    """Reads lists of secrets; one value may go to several repositories and environments."""

    def __init__(self, root: Section, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, environment
        self._values: dict[str, str] = {}

    def read(self, section: Section) -> dict[str, str]:
        """The values by their names at GitHub. What stands in the file is never shown: it might be a value."""
        section.reads("secrets", {"type": "array", "items": _ENTRY})
        entries = section.values.get("secrets")
        if entries is not None and not isinstance(entries, list):
            cure = "write [NAME], then `pulumi config set --secret NAME`; revoke what stood here if it was a secret"
            section.note("secrets", "no list", "a list of names, without values", cure)
            return {}
        if len(entries or ()) > MOST_SECRETS:
            allowed = f"at most {MOST_SECRETS}, as many as GitHub takes"
            section.note("secrets", f"{len(entries or ())} of them", allowed, "leave some out, or put several into one")
        values: dict[str, str] = {}
        for index, entry in enumerate(entries or []):
            name, source = self._named(section, index, entry)
            if not name or not source:
                continue
            if name in values:
                section.note(f"secrets[{index}]", f"{name} again", "each name once", "remove one")
            values[name] = self._value(section, index, source)
        return values

    def _named(self, section: Section, index: int, entry: object) -> tuple[str, str]:
        """The secret's name at GitHub, and the one that its value goes by here; "" where there is none."""
        if isinstance(entry, dict):
            item = Section(section.at(f"secrets[{index}]"), entry, section.problems)
            item.known("name", "from")
            name, source = entry.get("name"), entry.get("from", entry.get("name"))
        else:
            name = source = entry
        named = [text if isinstance(text, str) and is_variable_name(text) else "" for text in (name, source)]
        if not all(named):
            allowed = f"a name, or {{name, from}} for a value that goes by another one: {NAMES}"
            cure = "write the name only; revoke what stood here if it was a secret"
            section.note(f"secrets[{index}]", "something else than a name", allowed, cure)
        return named[0], named[1]

    def _value(self, section: Section, index: int, source: str) -> str:
        variable = f"{VARIABLE_PREFIX}{source}"
        if source not in self._values:  # one in plain text is one problem, however often it is named
            self._values[source] = read_secret(self._root, source, variable, self._environment)
        value = self._values[source]
        if not value:
            cure = f"`pulumi config set --secret {source}`, or set {variable} in the environment"
            section.note(f"secrets[{index}]", f"no value for {source}", "a secret of the config or environment", cure)
        elif len(value.encode(errors="replace")) > MOST_BYTES:
            cure = "encrypt it into a file of the repository, and keep the key to it here"
            section.note(
                f"secrets[{index}]", f"a value for {source} of more than 48 KB", "48 KB, as GitHub takes", cure
            )
        return value
