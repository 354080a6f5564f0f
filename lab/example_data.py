"""The example's data in the lab's DVC remote, as whoever sets up a remote puts it there with `dvc push`."""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import paths, worlds
from lab.errors import LabError
from lab.s3_client import Client

EXAMPLE = paths.REPOSITORY / "examples" / "mlops-guide"
BUCKET = worlds.DATA.bucket
PREFIX = "guide"
DEADLINE_SECONDS = 60


def object_key(md5: str) -> str:
    """Where DVC 3 keeps the object with a digest in the example's remote; a folder's digest ends in `.dir`."""
    return f"{PREFIX}/files/md5/{md5[:2]}/{md5[2:]}"


def seed(client: Client) -> None:
    """Makes the data and stores it unless it is there. Raises LabError if it is not what the example's git tracks."""
    wanted = tracked_md5((EXAMPLE / "data/digits.csv.dvc").read_text())
    if client.exists(BUCKET, object_key(wanted)):
        return
    data = made()
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if digest != wanted:
        raise LabError(f"scripts/make_digits.py made {digest}, data/digits.csv.dvc wants {wanted}: run `dvc add` again")
    client.put(BUCKET, object_key(wanted), data)


def made() -> bytes:
    """The data as the example's own script makes it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "digits.csv"
        script = [sys.executable, "-B", str(EXAMPLE / "scripts/make_digits.py"), str(target)]
        subprocess.run(script, check=True, timeout=DEADLINE_SECONDS)
        return target.read_bytes()


def tracked_md5(text: str) -> str:
    """The digest in a `.dvc` file of one output."""
    match = re.search(r"^- md5: ([0-9a-f]{32})$", text, re.MULTILINE)
    if match is None:
        raise LabError("data/digits.csv.dvc names no md5: restore it from git")
    return match[1]
