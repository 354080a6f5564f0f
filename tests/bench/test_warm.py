"""The table of warm and cold starts, and the registry that serves images which no node has."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench import loopback_registry
from bench.loopback_registry import NAME, PREFIX, Catalogue, LoopbackRegistry
from bench.warm import Timed, table
from lab.images import layout

REFERENCE = "lab.local/cuda-mlops:lab"


def put(folder: Path, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (folder / "blobs/sha256" / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Of an image with one layer."""
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    monkeypatch.setattr(layout, "FOLDER", tmp_path)
    layer = put(tmp_path, gzip.compress(b"files", mtime=0)) | {"mediaType": loopback_registry._LAYER}
    config = put(tmp_path, json.dumps({"rootfs": {"diff_ids": ["sha256:files"]}}).encode())
    config["mediaType"] = "application/vnd.oci.image.config.v1+json"
    manifest = put(tmp_path, json.dumps({"config": config, "layers": [layer]}).encode())
    index = {"manifests": [{**manifest, "annotations": {layout.NAME: REFERENCE}}]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    return Catalogue(REFERENCE)


@pytest.fixture
def registry(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(loopback_registry, "PORT", 0)
    registry = LoopbackRegistry(catalogue)
    yield f"http://127.0.0.1:{registry.port}/v2/{NAME}"
    registry.close()


def get(url: str) -> bytes:
    return httpx2.get(url, timeout=20, trust_env=False).raise_for_status().content


def test_each_image_has_the_same_files_in_layers_that_no_node_has(catalogue: Catalogue, registry: str) -> None:
    seen: set[str] = set()
    for number in (1, 2):
        reference = catalogue.fresh_image(number)
        assert reference.startswith(f"{PREFIX}{NAME}@sha256:")
        manifest = json.loads(get(f"{registry}/manifests/{reference.partition('@')[2]}"))
        blobs = {layer["digest"]: get(f"{registry}/blobs/{layer['digest']}") for layer in manifest["layers"]}
        for layer in manifest["layers"]:
            content = blobs[layer["digest"]]
            assert f"sha256:{hashlib.sha256(content).hexdigest()}" == layer["digest"]
            assert len(content) == layer["size"]
        own, files = map(gzip.decompress, blobs.values())
        assert files == b"files"
        config = json.loads(get(f"{registry}/blobs/{manifest['config']['digest']}"))
        assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(own).hexdigest()}", "sha256:files"]
        assert not seen & blobs.keys()
        seen |= blobs.keys()


def test_what_is_not_there_is_told_so(registry: str) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        get(f"{registry}/blobs/sha256:00")


def test_the_table_tells_medians_and_every_run() -> None:
    cold = [Timed(1.0, 20.0, 24.0), Timed(2.0, 30.0, 34.0), Timed(3.0, 22.0, 26.0)]
    lines = table({"cold": cold, "warm": [Timed(None, None, 0.9)]}).splitlines()
    assert (
        lines[2]
        == "| cold | **2.0 s** (1.0, 2.0, 3.0) | **22.0 s** (20.0, 30.0, 22.0) | **26.0 s** (24.0, 34.0, 26.0) |"
    )
    assert lines[3] == "| warm | was there | was there | **0.9 s** (0.9) |"
