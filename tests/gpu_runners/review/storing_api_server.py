"""An API server on loopback that keeps objects: apply, JSON patch and deletion bound to a version, and dry runs.

As the real one as far as a repair can tell: 409 for another version, nothing stored by a dry run. Lists are values, and
nobody's ownership is kept: what hangs on those is tried on the lab.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.access.cluster.api_server import JsonHandler, serving

Json = dict[str, Any]
KINDS = [
    {"resource": "configmaps", "responseKind": {"kind": "ConfigMap"}, "scope": "Namespaced", "verbs": ["list"]},
    {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "verbs": ["list"]},
]


class StoringApiServer(ThreadingHTTPServer):
    """`objects` by path. `before_write` may change them in the moment before a real write; `refuse` says why not to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, Json] = {}
        self.writes: list[str] = []  # the real ones, e.g. `PATCH …`
        self.before_write: Callable[[], object] = lambda: None
        self.refuse: Callable[[Json], str] = lambda wanted: ""
        self.last_write = 1_000  # no real write is answered any more after so many
        self.version = 100

    def put(self, path: str, value: Json) -> None:
        """Keeps an object in a new version."""
        self.version += 1
        value["metadata"]["resourceVersion"] = str(self.version)
        self.objects[path] = value

    def change(self, path: str, change: Callable[[Json], object]) -> None:
        """What somebody else does to an object."""
        value = copy.deepcopy(self.objects[path])
        change(value)
        self.put(path, value)


class _Handler(JsonHandler):
    server: StoringApiServer

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        path = urlsplit(self.path).path
        if path == "/api":
            self.say(200, {"items": [{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": KINDS}]}]})
        elif path == "/apis":
            self.say(200, {"items": []})
        elif path in self.server.objects:
            self.say(200, self.server.objects[path])
        else:
            self.say(404, {"message": "not found"})

    def do_PATCH(self) -> None:  # noqa: N802 - the library's name
        self._write()

    def do_DELETE(self) -> None:  # noqa: N802 - the library's name
        self._write()

    def _write(self) -> None:
        url, body = urlsplit(self.path), json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_trial = "dryRun" in parse_qs(url.query) or (isinstance(body, dict) and bool(body.get("dryRun")))
        if not is_trial:
            self.server.before_write()
            if len(self.server.writes) >= self.server.last_write:
                return self.say(503, {"message": "away"})
        there = self.server.objects.get(url.path)
        if self.command == "DELETE":
            wanted, asked = None, body["preconditions"]
        elif isinstance(body, list):
            wanted, asked = _patched(there or {}, body)
        else:
            wanted, asked = _merged(there or {}, body), body["metadata"]
        metadata = (there or {}).get("metadata") or {}
        if any(asked.get(name, metadata.get(name)) != metadata.get(name) for name in ("uid", "resourceVersion")):
            return self.say(409, {"message": "the object has been modified"})
        refusal = self.server.refuse(wanted) if wanted is not None else ""
        if refusal:
            return self.say(422, {"message": refusal})
        if not is_trial:
            self.server.writes.append(f"{self.command} {url.path}")
            if wanted is None:
                del self.server.objects[url.path]
            else:
                wanted["metadata"].setdefault("uid", "made")
                self.server.put(url.path, wanted)
        return self.say(200, wanted or {"kind": "Status"})


def _merged(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    merged = copy.deepcopy(dict(there))
    for key, value in wanted.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _patched(there: Json, operations: list[Json]) -> tuple[Json, Json]:
    """The object after a JSON patch, and the version that the patch is bound to."""
    patched, asked = copy.deepcopy(there), {}
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        holder: Any = patched
        for step in way:
            holder = holder[step]
        if way == ["metadata"] and last in ("uid", "resourceVersion"):
            asked[last] = operation["value"]
        elif operation["op"] == "test":
            assert holder[last] == operation["value"]
        elif operation["op"] == "remove":
            del holder[last]
        else:
            holder[last] = operation["value"]
    return patched, asked


@contextmanager
def storing_api_server() -> Iterator[StoringApiServer]:
    """One that ends with the block."""
    with serving(StoringApiServer()) as server:
        yield server
