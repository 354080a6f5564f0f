"""What keeps Pulumi from reading a stack file, in words that name the line and the cure. Pure.

Pulumi reads the file before it starts the program, so `config/` gets no chance to say it. Only asked once Pulumi has
refused a file: it reads some that this would not. Values are never shown, a stack file holds secrets.
"""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from values.problem import Problem

_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_ENCRYPTED: Final = re.compile(r"v1:[A-Za-z0-9+/=]{12,}:[A-Za-z0-9+/=]+|[A-Za-z0-9+/=]{20,}")
_SALT: Final = re.compile(r"v1:[A-Za-z0-9+/=]{8,}:v1:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
_CONFIG: Final = "config"
_SECURE: Final = "secure"
_DIRECTIVE: Final = re.compile(r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n)*+%")
_DEEPEST: Final = 100
_MOST_VALUES: Final = 50_000  # with all that aliases stand for


def stack_file_problems(content: bytes) -> list[Problem]:
    """Each place that Pulumi may have stumbled over, with its line; empty where nobody can tell."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [Problem(f"line {line}", "a byte that is no UTF-8", "a text file in UTF-8", "save the file as UTF-8")]
    if directive := _DIRECTIVE.match(text):
        line = text.count("\n", 0, directive.end()) + 1
        return [
            Problem(f"line {line}", "a directive (%)", "`config:` and its keys", "remove the line: Pulumi reads none")
        ]
    root = _composed(text)
    if isinstance(root, Problem):
        return [root]
    if not isinstance(root, yaml.MappingNode):
        found = "nothing but a comment" if root is None else f"a {_kind(root)}"
        return [Problem("the file", found, "a mapping with the key config", "put `config:` above its keys")]
    return [*_below(root, "", set(), 0), *_of_top(root), *_of_aliases(root)]


def _composed(text: str) -> yaml.Node | Problem | None:
    """The file's one node, or what keeps it from being read."""
    try:
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return _of_syntax(error, text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"the control character U+{ord(text[error.position]):04X}"
        return Problem(f"line {line}", found, "text", "remove it, or write it with \\x in double quotes")
    except RecursionError:
        return _too_deep("the file")
    except yaml.YAMLError as error:
        return Problem("the file", type(error).__name__, "YAML", "compare it with schema/every-key.yaml")


def ignored_document(content: bytes) -> Problem | None:
    """A second document, which Pulumi leaves out without a word and `pulumi config set` deletes."""
    try:
        events = yaml.parse(content.decode(), yaml.SafeLoader)
        marks = [event.start_mark for event in events if isinstance(event, yaml.DocumentStartEvent)]
        starts = [mark.line + 1 for mark in marks if mark]
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):  # Pulumi reads what this does not
        return None
    if len(starts) < 2:
        return None
    found = "a second document behind ---, which Pulumi leaves out"
    return Problem(f"line {starts[1]}", found, "one document", "move what is below the line --- above it, or remove it")


def _too_deep(where: str) -> Problem:
    return Problem(where, "brackets or blanks nested too deep", f"at most {_DEEPEST} levels", "take some away")


def _of_syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    where = f"line {number + 1}"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(where, "a tab before its first letter", "blanks alone", "write blanks instead of the tab")
    if "expected a single document" in str(error):
        return Problem(where, "a second document behind ---", "one document", "remove the line --- and what is below")
    found = (error.problem or "something that is no YAML").removeprefix("found ")
    opened = error.context_mark.line + 1 if error.context_mark else 0
    if "flow" in (error.context or "") and opened:
        cure = "close it; a `#` behind a blank begins a comment, and hides what follows"
        return Problem(f"line {opened}", "a bracket that nothing closes", "a list or mapping in one piece", cure)
    cure = f"see that line {number + 1} and the one above it have their `key: value` and quotes whole"
    return Problem(where, found, "YAML", cure)


def _below(node: yaml.Node, key: str, seen: set[int], depth: int) -> Iterator[Problem]:
    if id(node) in seen:
        return
    if depth > _DEEPEST:
        yield _too_deep(f"line {_line(node)}")
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _below(item, f"{key}[{number}]", seen, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        yield from _of_mapping(node, key, seen, depth)
    elif _is_plain(node) and _NO_NUMBER.fullmatch(node.value):
        cure = "write a number, or a text in quotes"
        yield Problem(f"{key} (line {_line(node)})", f"{node.value}, which is no number", "a number", cure)


def _of_mapping(node: yaml.MappingNode, key: str, seen: set[int], depth: int) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode):
            cure = "write a name before the colon, or put a text with brackets in quotes"
            yield Problem(f"{key or 'the file'} (line {_line(name)})", f"a {_kind(name)} as a key", "a name", cure)
            continue
        at = f"{key}.{name.value}" if key and key != _CONFIG else name.value
        if name.value in lines and name.value != "<<":
            found = f"it twice, in line {lines[name.value]} and in line {_line(name)}"
            yield Problem(at, found, "each key once", "remove one of the two lines, with what is below it")
        lines.setdefault(name.value, _line(name))
        if name.value == _SECURE and isinstance(value, yaml.ScalarNode) and not _ENCRYPTED.fullmatch(value.value):
            cure = f"`pulumi config set --secret {key.rpartition(':')[2]}`"
            yield Problem(f"{key} (line {_line(value)})", "`secure:` before what Pulumi has not encrypted",
                          "what `pulumi config set --secret` writes", cure)  # fmt: skip
        yield from _below(value, at, seen, depth + 1)


def _of_top(root: yaml.MappingNode) -> Iterator[Problem]:
    """Of what Pulumi itself looks for in the file."""
    for name, value in root.value:
        if not isinstance(name, yaml.ScalarNode):
            continue
        if name.value == "encryptionsalt" and not (isinstance(value, yaml.ScalarNode) and _SALT.fullmatch(value.value)):
            cure = "take the line from an older version of the file: without it nobody can read its secrets"
            yield Problem(f"encryptionsalt (line {_line(value)})", "what Pulumi has not written", "its own text", cure)
        if name.value == _CONFIG and not isinstance(value, yaml.MappingNode) and value.value:
            yield Problem(_CONFIG, f"a {_kind(value)}", "a mapping of keys", "write `gpu-runners:KEY: value` below it")
        for key, _ in value.value if name.value == _CONFIG and isinstance(value, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and (key.value.count(":") > 1 or not _is_text(key)):
                cure = "write gpu-runners:KEY; what is below a key stands below it, with two blanks more"
                yield Problem(f"{key.value} (line {_line(key)})", "a key that is none", "NAMESPACE:KEY", cure)


def _of_aliases(root: yaml.Node) -> Iterator[Problem]:
    values = _values(root, {})
    if values > _MOST_VALUES:
        found, allowed = "aliases (*name) that stand for too much", f"{_MOST_VALUES} values in all"
        yield Problem("the file", found, allowed, "write out what they stand for, or less of it")


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values it stands for; one that holds itself counts for more than all."""
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1
        children = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = (part for child in children for part in (child if isinstance(child, tuple) else (child,)))
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]


def _kind(node: yaml.Node) -> str:
    return (
        "list" if isinstance(node, yaml.SequenceNode) else "mapping" if isinstance(node, yaml.MappingNode) else "text"
    )


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None


def _is_text(node: yaml.ScalarNode) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:str")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
