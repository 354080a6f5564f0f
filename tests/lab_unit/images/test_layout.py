import io
import json
import tarfile
from pathlib import Path

import pytest

from lab.images import containerd, layout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(layout, "FOLDER", tmp_path)
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    for name, text in (("config", "{}"), ("shared", "layer"), ("own", "layer"), ("old", "left by an older build")):
        (tmp_path / f"blobs/sha256/{name}").write_text(text)
    manifests = []
    for name, layers in (("one", ["shared"]), ("two", ["shared", "own"])):
        manifest = {
            "config": {"digest": "sha256:config"},
            "layers": [{"digest": f"sha256:{layer}"} for layer in layers],
        }
        (tmp_path / f"blobs/sha256/{name}").write_text(json.dumps(manifest))
        manifests.append({"digest": f"sha256:{name}", "annotations": {layout.NAME: f"lab.local/{name}:lab"}})
    manifests.append({"digest": "sha256:old"})
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return tmp_path


def test_an_image_counts_as_built_only_once_it_is_marked(folder: Path) -> None:
    assert layout.built_key("lab.local/one:lab") is None
    layout.mark("lab.local/one:lab", "k1")
    assert layout.built_key("lab.local/one:lab") == "k1"
    assert layout.built_key("lab.local/two:lab") is None


def test_pruning_keeps_what_an_image_names_and_nothing_else(folder: Path) -> None:
    layout.prune()
    assert sorted(file.name for file in (folder / "blobs/sha256").iterdir()) == [
        "config",
        "one",
        "own",
        "shared",
        "two",
    ]


def test_an_archive_has_each_layer_once_and_the_name_that_containerd_reads(folder: Path) -> None:
    stream = io.BytesIO()
    containerd.write_archive(stream, layout.descriptors())
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile("index.json"))  # type: ignore[arg-type]
    assert sorted(names) == sorted(
        [*(f"blobs/sha256/{blob}" for blob in ("one", "two", "config", "shared", "own")), "index.json", "oci-layout"]
    )
    found = [manifest["annotations"]["io.containerd.image.name"] for manifest in index["manifests"]]
    assert found == ["lab.local/one:lab", "lab.local/two:lab"]


def test_the_table_of_containerd_is_read_by_name_and_digest() -> None:
    table = "REF TYPE DIGEST SIZE PLATFORMS LABELS\nlab.local/a:lab application/x sha256:1 93.1 MiB linux/amd64 -\n"
    assert containerd.images_in(table) == {"lab.local/a:lab": "sha256:1"}
