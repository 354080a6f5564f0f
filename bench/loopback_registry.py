"""A registry on this machine for images that no node has: the lab's image of jobs, its layers by new digests each time.

A layer gets an empty gzip member behind it (other bytes, the same files), and a file of its own goes below all layers:
a node has to fetch every byte and unpack every file. containerd asks a registry on loopback over HTTP.
"""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from lab.images import layout

PORT: Final = 8996
PREFIX: Final = f"127.0.0.1:{PORT}/"
NAME: Final = "bench/cuda-mlops"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Blob:
    """A file of the lab's images, or none, and what follows it."""

    file: Path | None
    rest: bytes

    @property
    def size(self) -> int:
        return (self.file.stat().st_size if self.file else 0) + len(self.rest)


class Catalogue:
    """Everything that the registry serves, by digest."""

    def __init__(self, reference: str) -> None:
        """`reference`: of the lab's image."""
        (self._digest,) = (d["digest"] for d in layout.descriptors() if d["annotations"][layout.NAME] == reference)
        self._hashes: dict[Path, Any] = {}
        self.blobs: dict[str, Blob] = {}

    def fresh_image(self, number: int) -> str:
        """Another image of the same content; returns its reference by digest."""
        manifest = _json(self._digest)
        config = _json(manifest["config"]["digest"])
        own = _layer_with(f"bench/{number}")
        config["rootfs"]["diff_ids"].insert(0, _digest_of(own))
        config.setdefault("history", []).insert(0, {"created_by": f"bench {number}"})
        layers = [
            self._add(None, gzip.compress(own, mtime=number)),
            *(self._again(layer, number) for layer in manifest["layers"]),
        ]
        entry = self._add(None, json.dumps(config).encode())
        document = {
            "schemaVersion": 2, "mediaType": _MANIFEST,
            "config": {**entry, "mediaType": manifest["config"]["mediaType"]},
            "layers": [{**layer, "mediaType": _LAYER} for layer in layers],
        }  # fmt: skip
        return f"{PREFIX}{NAME}@{self._add(None, json.dumps(document).encode())['digest']}"

    def compressed_bytes(self) -> int:
        """Of one image, without its manifest."""
        return sum(int(layer["size"]) for layer in _json(self._digest)["layers"])

    def _again(self, layer: Mapping[str, Any], number: int) -> dict[str, Any]:
        if layer["mediaType"] != _LAYER:
            raise ValueError(f"a layer of the image is {layer['mediaType']}, expected {_LAYER}")
        return self._add(layout.blob(layer["digest"]), gzip.compress(b"", mtime=number))

    def _add(self, file: Path | None, rest: bytes) -> dict[str, Any]:
        whole = hashlib.sha256()
        if file:
            if file not in self._hashes:
                with file.open("rb") as stream:
                    self._hashes[file] = hashlib.file_digest(stream, "sha256")
            whole = self._hashes[file].copy()
        whole.update(rest)
        blob = Blob(file, rest)
        self.blobs[f"sha256:{whole.hexdigest()}"] = blob
        return {"digest": f"sha256:{whole.hexdigest()}", "size": blob.size}


class LoopbackRegistry:
    """Serves a catalogue until it is closed. Counts the bytes that were fetched."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.sent = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", PORT), partial(_Handler, self, catalogue.blobs))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, registry: LoopbackRegistry, blobs: Mapping[str, Blob], *arguments: Any) -> None:
        self._registry, self._blobs = registry, blobs
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""

    def _answer(self, *, with_body: bool) -> None:
        parts: Sequence[str] = self.path.split("?")[0].rstrip("/").split("/")
        blob = Blob(None, b"{}") if parts == ["", "v2"] else self._blobs.get(parts[-1])
        self.send_response(200 if blob else 404)
        self.send_header("Content-Length", str(blob.size if blob else 0))
        if blob and "manifests" in parts:
            self.send_header("Content-Type", _MANIFEST)
            self.send_header("Docker-Content-Digest", parts[-1])
        self.end_headers()
        if blob and with_body:
            if blob.file:
                with blob.file.open("rb") as stream:
                    self.wfile.flush()
                    self.connection.sendfile(stream)
            self.wfile.write(blob.rest)
            self._registry.sent += blob.size


def _json(digest: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(layout.blob(digest).read_text())
    return document


def _layer_with(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


def _digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
