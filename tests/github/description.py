"""GitHub's own OpenAPI description as the judge of what the stand-in answers and of what a client asks.

The description comes from the npm package `@octokit/openapi`, once, into the cache; nothing of it is committed.
"""

import base64
import functools
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import referencing
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker
from referencing.jsonschema import DRAFT4

from lab import paths
from lab.github.server import Exchange

PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
INTEGRITY = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="  # SHA-512
FILE = "package/generated/ghec.json"  # Enterprise Cloud: everything of github.com, and the deprecations of runners
PREFIX = "/api/v3"
NAME = "urn:github"
# What any route may answer, described or not: moved, no credential, no right, no such thing, a name that is taken,
# gone, blocked by law, bad input, too much, away.
ALWAYS = {301, 400, 401, 403, 404, 409, 410, 422, 429, 451, 500, 502, 503}
# Fields that clients send and GitHub answers with, but that its description leaves out of the request.
UNDESCRIBED = {"/repos/{owner}/{repo}/environments/{environment_name}": {"can_admins_bypass"}}

# Of a query: ranges of dates, says the parameter's text, in the search's syntax; its schema asks for a single date.
RANGES = {"created": re.compile(r"<=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")}

Json = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One described call: its path as a template, and the pointer to it in the document."""

    template: str
    pointer: str
    content: Mapping[str, Any]


def problems(exchange: Exchange) -> list[str]:
    """Every way in which the exchange differs from the description, as `METHOD /path 200: where: what`."""
    line = f"{exchange.method} {exchange.path} {exchange.status}"
    # Repositories by number: an older way to the same, which is served but no longer described.
    path = re.sub(r"^/repositories/\d+(?=/|$)", "/repos/owner/repository", exchange.path.removeprefix(PREFIX))
    operation = _operation(exchange.method, path)
    if operation is None:
        return [] if exchange.status == 404 else [f"{line}: this call is not described"]
    return [f"{line}: {problem}" for problem in (*_of_request(operation, exchange), *_of_answer(operation, exchange))]


def app_permissions() -> dict[str, set[str]]:
    """The levels of each permission that an App may ask for."""
    schema = _lookup("/components/schemas/app-permissions")["properties"]
    # GitHub's table of permissions knows one more, which its description forgets.
    return {name: set(entry["enum"]) for name, entry in schema.items()} | {"actions_variables": {"read", "write"}}


def _of_request(operation: Operation, exchange: Exchange) -> Iterator[str]:
    if exchange.status >= 400:
        return  # it was refused, as it may deserve
    parameters = [_resolved(f"{operation.pointer}/parameters/{n}") for n in range(len(operation.content["parameters"]))]
    known = {entry["name"]: pointer for pointer, entry in parameters if entry["in"] == "query"}
    for name, value in exchange.query.items():
        if name not in known:
            yield f"query {name} is not described"
            continue
        if name in RANGES and RANGES[name].fullmatch(value):
            continue
        typed: Any = int(value) if value.isdecimal() else value
        yield from (f"query {name}: {why}" for why in _differences(f"{known[name]}/schema", typed, write=True))
    body = operation.content.get("requestBody")
    if body is None:
        if exchange.request not in (None, {}):
            yield "a body is sent, none is described"
        return
    pointer, described_body = _resolved(f"{operation.pointer}/requestBody")
    if exchange.request is None:
        if described_body.get("required"):
            yield "the body is missing"
        return
    schema = f"{pointer}/content/application~1json/schema"
    known_gaps = UNDESCRIBED.get(operation.template, set())
    sent = {name: value for name, value in exchange.request.items() if name not in known_gaps}
    yield from (f"request {why}" for why in _differences(schema, sent, write=True))
    described = _lookup(schema).get("properties")
    if described is not None:
        yield from (f"request {name}: not described" for name in sent if name not in described)


def _of_answer(operation: Operation, exchange: Exchange) -> Iterator[str]:
    if str(exchange.status) not in operation.content["responses"]:
        if exchange.status == 304:
            yield from [] if exchange.answer is None else ["304 has no content"]
        elif exchange.status not in ALWAYS:
            yield "this status is not described"
        elif not isinstance(exchange.answer, dict) or "message" not in exchange.answer:
            yield "a refusal has a message"
        return
    pointer, response = _resolved(f"{operation.pointer}/responses/{exchange.status}")
    if "application/json" not in response.get("content", {}):
        if exchange.answer is not None:
            yield "an answer without content is described"
        return
    schema = f"{pointer}/content/application~1json/schema"
    yield from (f"answer {why}" for why in _differences(schema, exchange.answer, write=False))


def _differences(pointer: str, value: object, *, write: bool) -> Iterator[str]:
    kind = OAS30WriteValidator if write else OAS30ReadValidator
    validator = kind({"$ref": f"{NAME}#{pointer}"}, registry=_registry(), format_checker=oas30_format_checker)
    for error in validator.iter_errors(value):
        if error.validator == "enum" and error.instance is None and error.schema.get("nullable"):
            continue  # GitHub lists what a conclusion may be, without the null that it says it may be
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def _operation(method: str, path: str) -> Operation | None:
    for template, pattern in _patterns():
        content = _document()["paths"][template].get(method.lower())
        if content is not None and pattern.fullmatch(path):
            return Operation(template, f"/paths/{_escaped(template)}/{method.lower()}", {"parameters": [], **content})
    return None


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Templates with fixed words before those with a parameter at the same place."""
    templates = sorted(_document()["paths"], key=lambda template: template.replace("{", "~"))
    return tuple((template, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))) for template in templates)


def _resolved(pointer: str) -> tuple[str, Json]:
    """Where the pointer leads once every reference on the way is followed, and what is there."""
    schema = _lookup(pointer)
    while "$ref" in schema:
        pointer = schema["$ref"].removeprefix("#")
        schema = _lookup(pointer)
    return pointer, schema


def _lookup(pointer: str) -> Json:
    node: Any = _document()
    for part in pointer.split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    return dict(node)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@functools.cache
def _registry() -> "referencing.Registry[Any]":
    registry: referencing.Registry[Any] = referencing.Registry()
    found: referencing.Registry[Any] = registry.with_resource(NAME, DRAFT4.create_resource(_document()))
    return found


@functools.cache
def _document() -> Json:
    file = paths.CACHE / "openapi" / f"{VERSION}-{Path(FILE).name}"
    if not file.exists():
        _fetch(file)
    document: Json = json.loads(file.read_text())
    return document


def _fetch(file: Path) -> None:
    """By npm, which knows which registry this machine uses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder_name:
        folder = Path(folder_name)
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"npm could not fetch {PACKAGE}@{VERSION}: {done.stderr[-500:]}"
        (archive,) = folder.glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert digest == INTEGRITY, f"{PACKAGE}@{VERSION} is not the package that these tests were written for"
        with tarfile.open(archive) as members:
            content = members.extractfile(FILE)
            assert content is not None
            (folder / "description").write_bytes(content.read())
        (folder / "description").rename(file)
