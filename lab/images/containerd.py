"""The way of the lab's images into containerd: only what it lacks, as one archive that is streamed and never stored."""

import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from typing import IO

from lab.errors import LabError
from lab.images.layout import NAME, Descriptor, blob, blobs, descriptors

CONTAINERD_NAME = "io.containerd.image.name"
IMPORT_DEADLINE_SECONDS = 300
FORGET_DEADLINE_SECONDS = 600  # gigabytes of small files


def import_missing(ctr: Sequence[str], references: Iterable[str]) -> list[str]:
    """Imports the images whose digest containerd does not have under their name; returns their names.

    Each is also known by its digest then, as `NAME@sha256:…`.
    """
    there, wanted = present(ctr), set(references)
    images = {image[NAME]: entry for entry in descriptors() if (image := entry["annotations"])[NAME] in wanted}
    missing = [name for name, entry in images.items() if there.get(name) != entry["digest"]]
    if missing:
        _import(ctr, [images[name] for name in missing])
    for name, entry in images.items():
        by_digest = f"{name.rsplit(':', 1)[0]}@{entry['digest']}"
        if by_digest not in there:
            _ctr(ctr, "images", "tag", "--force", name, by_digest)
    return missing


def present(ctr: Sequence[str]) -> dict[str, str]:
    """Image name → digest, of all that containerd has."""
    return images_in(_ctr(ctr, "images", "list"))


def forget(ctr: Sequence[str], names: Sequence[str]) -> None:
    """Takes names away, and then what has none any more; what a container runs of stays as long as it runs."""
    _ctr(ctr, "images", "remove", "--sync", *names, seconds=FORGET_DEADLINE_SECONDS)


def images_in(listing: str) -> dict[str, str]:
    """Image name → digest, from the table that `ctr images list` prints."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}


def _import(ctr: Sequence[str], missing: list[Descriptor]) -> None:
    process = subprocess.Popen(
        [*ctr, "images", "import", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None  # noqa: S101  asked for above
    assert process.stdout is not None  # noqa: S101
    try:
        with process.stdin:
            write_archive(process.stdin, missing)
    except BrokenPipeError:  # ctr has said why; its output follows
        pass
    with process.stdout:
        output = process.stdout.read()
    if process.wait(timeout=IMPORT_DEADLINE_SECONDS) != 0:
        raise LabError(f"containerd did not take the lab's images: {output.decode(errors='replace').strip()[-1500:]}")


def write_archive(stream: IO[bytes], missing: list[Descriptor]) -> None:
    """An OCI archive of some images, streamed: each blob once, and the index last with containerd's name of each."""
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for digest in dict.fromkeys(digest for descriptor in missing for digest in blobs(descriptor)):
            archive.add(blob(digest), f"blobs/sha256/{digest.removeprefix('sha256:')}")
        named = [
            {**descriptor, "annotations": {CONTAINERD_NAME: descriptor["annotations"][NAME]}} for descriptor in missing
        ]
        _add(archive, "index.json", {"schemaVersion": 2, "manifests": named})
        _add(archive, "oci-layout", {"imageLayoutVersion": "1.0.0"})


def _add(archive: tarfile.TarFile, name: str, value: object) -> None:
    data = json.dumps(value).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _ctr(ctr: Sequence[str], *arguments: str, seconds: float = 60) -> str:
    done = subprocess.run([*ctr, *arguments], capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode != 0:
        raise LabError(f"`ctr {' '.join(arguments)[:200]}` failed: {done.stderr.strip()[-1500:]}")
    return done.stdout
