"""What may be shown of a value. Whatever could hold a secret is named by its field and never by its content."""

import json
import re
from typing import Any, Final

from gpu_runners.review.core.field_path import MISSING, Path

MASK: Final = "[secret]"
HIDDEN: Final = "(not shown)"
NOTHING: Final = "-"
LONGEST: Final = 120

# Fields in which people write anything: a value from the cluster is never repeated in a comment that many can read.
FREE_TEXT: Final = frozenset(
    {"value", "data", "stringData", "binaryData", "command", "args", "annotations", "valueFrom", "httpHeaders"}
)
_SECRET_WORD: Final = re.compile(r"(?i)(secret|token|passw|credential|api_?key|access_?key|private|auth)")
# By shape: what well-known issuers give out.
_CREDENTIAL: Final = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox[abp]-|sk-|hf_)[\w-]+|\beyJ[\w-]{10,}\.[\w.-]*"
    r"|(?i:\b(?:bearer|basic|token|apikey) +[\w+/=.~-]{6,})"
)
# By name: NAME=value, "name": "value", --name value; a value may be quoted. And in an address: all that stands before
# the host, and every value of the query, where signatures and tokens travel.
_NAMED: Final = re.compile(
    r"""(?ix) (?<![\w./-]) (?P<name>
        (?: --? | ["'] )? [\w.-]*
        (?:secret|token|passw|passphrase|pwd|credential|api_?-?key|access_?-?key|private_?-?key)
        (?! [\w.-]*? (?:name|ref|path|file|seconds|audience|uid) \b )
        [\w.-]* ["']? (?: \s*[=:]\s* | (?<=\w)[ ](?=["']) ) | --[\w-]*(?:secret|token|passw|api-?key)[\w-]*[= ]
    ) (?P<value> "[^"]*" | '[^']*' | [^\s,;&"'{}\[\]]+ )"""
)
# What stands where a secret might and is none: an HTTP status, a truth, nothing.
_NO_VALUE: Final = re.compile(r"""["']?(?:true|false|null|none|-|\d{1,3}|\[secret\]|\(not)?["']?""", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(r"""(?i)(?P<name>authorization["']?\s*[=:]\s*)["']?[^\r\n"']+""")
_USERINFO: Final = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s?#]*@")
_QUERY: Final = re.compile(r"(?P<name>[?&][^=&\s#]{1,80}=)[^&\s#\"']+")
_LONG: Final = re.compile(r"(?:sha256:)?[\w+/-]{32,}")
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN[^-]*-----.*?(-----END[^-]*-----|\Z)", re.DOTALL)


def redacted(value: Any, path: Path) -> str:
    """One line for people; `path` decides how much of it."""
    if value is MISSING or value is None:
        return NOTHING
    if MASK in _text(value):
        return MASK
    safe = _without_free_text(value, is_free=_is_free(path))
    text = _text(safe)
    if without_secrets(text) != text:
        return HIDDEN
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def without_secrets(text: str) -> str:
    """A message in somebody else's words, with everything hidden that looks like a credential, by name or by shape."""
    text = _PRIVATE_KEY.sub(HIDDEN, text)
    text = _AUTHORIZATION.sub(lambda match: f"{match['name']}{HIDDEN}", text)
    text = _USERINFO.sub(lambda match: f"{match['scheme']}{HIDDEN}@", text)
    text = _QUERY.sub(lambda match: f"{match['name']}{HIDDEN}", text)
    text = _NAMED.sub(
        lambda match: match[0] if _NO_VALUE.fullmatch(match["value"]) else f"{match['name']}{HIDDEN}", text
    )
    text = _CREDENTIAL.sub(HIDDEN, text)
    return _LONG.sub(lambda match: HIDDEN if _is_key(match[0]) else match[0], text)


def hidden(value: Any) -> str:
    """That there is a value, and nothing of it."""
    return NOTHING if value is MISSING or value is None else HIDDEN


def _is_key(text: str) -> bool:
    """Long and mixed, as keys in base64 or hexadecimal are; neither a path nor the digest of an image."""
    if text.startswith("sha256:"):
        return False
    if any(map(str.isdigit, text)) and any(map(str.islower, text)) and any(map(str.isupper, text)):
        return True
    return any(len(part) >= 32 and not part.isalpha() and not part.isdigit() for part in re.split(r"[/+_-]", text))


def _is_free(path: Path) -> bool:
    names = [step for step in path if isinstance(step, str)]
    if any(name in FREE_TEXT for name in names):
        return True
    last = str(names[-1]) if names else ""
    return bool(_SECRET_WORD.search(last)) and not last.startswith("automount")


def _without_free_text(value: Any, *, is_free: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_free_text(part, is_free=is_free or key in FREE_TEXT)
            for key, part in value.items()
            if part not in ({}, [], None)
        }
    if isinstance(value, list):
        return [_without_free_text(part, is_free=is_free) for part in value]
    if isinstance(value, bool | int | float) or not is_free:
        return value
    return HIDDEN


def _text(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
