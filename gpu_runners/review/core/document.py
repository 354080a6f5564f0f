"""The review as a document: what `render --json` writes, and the strict reader of it.

The document travels from a job in which a pull request's code ran to one that may write a comment, so the reader takes
it as hostile: everything is bounded, known and without_secrets once more, and nothing else gets through.
"""

import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gpu_runners.review.core.findings import CURRENCY, Capacity, Change, Drift, Review, Violation
from gpu_runners.review.core.markdown import verdict
from values.secrecy import without_secrets

LONGEST_BYTES: Final = 1_000_000
LONGEST_TEXT: Final = 3_000
MOST_ENTRIES: Final = 5_000
LARGEST: Final = 1_000_000_000
_INTERNAL: Final = frozenset(
    {"target", "path", "uid", "resource_version", "state_value", "live_value", "runner"}
)  # for the repair, which never reads a document
_LISTS: Final = ("changes", "drift", "capacity", "violations", "unread", "left_out")
_DERIVED: Final = frozenset({"verdict", "exit_code"})  # said anew by whoever reads it
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_LOOKS: Final[Mapping[str, re.Pattern[str]]] = {
    "stack": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,300}"),
    "operation": re.compile(r"[a-z-]{1,30}"),
    "level": re.compile(r"mandatory|advisory"),
    "currency": CURRENCY,
    "plan": re.compile(r"|sha256:[0-9a-f]{64}"),
}


class DocumentWrongError(ValueError):
    """It is no review's document. The message names the place, what is there and what is allowed."""


def document(review: Review) -> dict[str, Any]:
    """The review for machines: safe texts only, nothing cut but texts and lists without an end."""
    content = _cut(asdict(review))
    for drift in content["drift"]:
        for name in _INTERNAL:
            del drift[name]
    return {"verdict": verdict(review), "exit_code": int(review.exit_code), **content}


def short_document(review: Review, longest: int) -> str:
    """The document's text of at most so many bytes: what does not fit is cut, counted, and never silent."""
    for most in (MOST_ENTRIES, 200, 50, 10, 0):
        cut = {name: getattr(review, name)[:most] for name in _LISTS}
        missing = [
            f"{len(getattr(review, name)) - most} of {name}" for name in _LISTS if len(getattr(review, name)) > most
        ]
        notes = (f"The report was too long and lacks {', '.join(missing)}; the job's log has them.",) if missing else ()
        shorter = replace(review, **cut, failure=review.failure[: longest // 4], notes=(*review.notes[:most], *notes))
        text = json.dumps(document(shorter), ensure_ascii=False)
        if len(text.encode(errors="replace")) <= longest:
            return text
    raise DocumentWrongError(f"it cannot be cut to {longest} bytes")


def read_document(text: bytes) -> Review:
    """The review of a document, whoever wrote it. Raises DocumentWrongError."""
    if len(text) > LONGEST_BYTES:
        raise DocumentWrongError(f"it has {len(text)} bytes; allowed: {LONGEST_BYTES}")
    try:
        content = json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_twins)
    except DocumentWrongError:
        raise
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, too deep, a number of too many digits
        raise DocumentWrongError(f"it is no JSON ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise DocumentWrongError(f"it is a {type(content).__name__}; allowed: an object")
    review: Review = _object(Review, {key: part for key, part in content.items() if key not in _DERIVED}, "")
    return review


def _cut(value: Any) -> Any:
    """As the reader allows it."""
    if isinstance(value, dict):
        return {key: _cut(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(part) for part in value[:MOST_ENTRIES]]
    if isinstance(value, Enum):
        return value.value
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _refuse(constant: str) -> Any:
    raise DocumentWrongError(f"it holds {constant}; allowed: numbers of JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise DocumentWrongError("a key stands twice in one object; allowed: once")
    return dict(pairs)


def _object(kind: type[Any], value: Any, where: str) -> Any:
    types_of = {name: hint for name, hint in get_type_hints(kind).items() if name not in _INTERNAL}
    if not isinstance(value, dict):
        raise _wrong(where, value, f"an object with {', '.join(types_of)}")
    if value.keys() != types_of.keys():
        odd = sorted(value.keys() ^ types_of.keys(), key=str)[:3]
        raise DocumentWrongError(f"{where or 'the document'}: {', '.join(map(_quoted, odd))} too many or absent")
    names = {field.name for field in fields(kind)} & types_of.keys()
    return kind(**{name: _value(types_of[name], value[name], f"{where}.{name}".lstrip(".")) for name in names})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin is tuple:
        return _list(get_args(hint)[0], value, where)
    if origin in (types.UnionType, Union):  # float | None
        return None if value is None else _value(get_args(hint)[0], value, where)
    if hint in _OBJECTS:
        return _object(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of(hint, value, where)
    return _READERS[hint](value, where)


def _list(hint: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > MOST_ENTRIES:
        raise _wrong(where, value, f"a list of at most {MOST_ENTRIES}")
    return tuple(_value(hint, entry, f"{where}[{index}]") for index, entry in enumerate(value))


def _one_of(kind: type[Enum], value: Any, where: str) -> Enum:
    known = {member.value: member for member in kind}
    if not isinstance(value, str) or value not in known:
        raise _wrong(where, value, " or ".join(map(str, known)))
    return known[value]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise _wrong(where, value, f"a text of at most {LONGEST_TEXT} characters")
    look = _LOOKS.get(where.rpartition(".")[2])
    if look and not look.fullmatch(value):
        raise _wrong(where, value, look.pattern)
    return value if look else without_secrets(_SURROGATES.sub("�", value))


def _count(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise _wrong(where, value, f"a whole number from 0 to {LARGEST}")
    return value


def _price(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not 0 <= value <= LARGEST or not math.isfinite(value):
        raise _wrong(where, value, f"a number from 0 to {LARGEST}")
    return float(value)


def _wrong(where: str, value: Any, allowed: str) -> DocumentWrongError:
    """Names the kind of a value alone: what a hostile document says is repeated nowhere."""
    return DocumentWrongError(f"{where or 'the document'} is a wrong {type(value).__name__}; allowed: {allowed}")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[a-z_]{1,30}", key) else "a key of no review"


_OBJECTS: Final = (Change, Drift, Capacity, Violation)
_READERS: Final[Mapping[Any, Callable[[Any, str], Any]]] = {str: _text, int: _count, float: _price}
