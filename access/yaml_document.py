"""YAML that a person, a pull request or a tool wrote, read without surprises: a document, or one error."""

from typing import Any, Final

import yaml

LONGEST: Final = 4_000_000  # letters; PyYAML takes a minute for a million of the worst
# What PyYAML raises for a scalar that is not what its tag or its looks promise, e.g. the date 2001-99-99.
_NO_YAML: Final = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class YamlUnreadableError(ValueError):
    """It is no YAML, or none that is read here. The message says why, in one line."""


class _Loader(yaml.SafeLoader):
    """Without merge keys: a few lines of them make a mapping that fills the memory."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Instead of merging. Raises ConstructorError."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "a merge key (<<) is not read", key.start_mark)


def read_yaml(text: str) -> Any:
    """The document; None of an empty text. Raises YamlUnreadableError, and nothing else."""
    if len(text) > LONGEST:
        raise YamlUnreadableError(f"it has {len(text)} letters; allowed: {LONGEST}")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except _NO_YAML as error:
        raise YamlUnreadableError(_why(error)) from error


def _why(error: Exception) -> str:
    """Where it is wrong, and nothing of what stands there: that may be half of a key."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return " ".join(str(error).split()) or type(error).__name__


def read_mapping(text: str) -> dict[str, Any]:
    """A document that is a mapping, empty where the text is. Raises YamlUnreadableError."""
    document = read_yaml(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise YamlUnreadableError(f"it is {type(document).__name__}; allowed: a mapping of keys")
    return document


def mapping(values: Any, key: str) -> dict[str, Any]:
    """What a mapping has under a key, empty where that is no mapping."""
    part = values.get(key) if isinstance(values, dict) else None
    return part if isinstance(part, dict) else {}
