"""The lab's S3 server: versitygw on a folder, with one bucket for DVC's data and one for Pulumi's state."""

import json
import secrets
import socket
from pathlib import Path

from lab import network, paths
from lab.daemon import Daemon
from lab.s3_client import Client

PORT = 7070
ENDPOINT = f"http://{network.HOST}:{PORT}"
REGION = "us-east-1"
DVC_BUCKET = "dvc"
STATE_BUCKET = "pulumi-state"

_FOLDER = paths.STATE / "s3"
_CREDENTIALS = paths.STATE / "s3.json"


def daemon() -> Daemon:
    """The server; its keys reach it by environment, so that no process list shows them."""
    (_FOLDER / "data").mkdir(parents=True, exist_ok=True)
    keys = credentials()
    environment = {
        "ROOT_ACCESS_KEY": keys["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": keys["AWS_SECRET_ACCESS_KEY"],
        "VGW_REGION": REGION,
    }
    argv = [str(paths.BIN / "versitygw"), "--port", f"{network.HOST}:{PORT}", "posix", str(_FOLDER / "data")]
    return Daemon("s3", argv, environment, ready=_answers, cwd=_FOLDER)


def seed() -> None:
    """Makes the buckets that are missing."""
    for bucket in (DVC_BUCKET, STATE_BUCKET):
        client().create_bucket(bucket)


def credentials() -> dict[str, str]:
    """The environment by which every S3 client finds its keys and region; made once in the life of a lab."""
    if not _CREDENTIALS.exists():
        paths.STATE.mkdir(parents=True, exist_ok=True)
        keys = {"AWS_ACCESS_KEY_ID": f"LAB{secrets.token_hex(8)}", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
        _write_private(_CREDENTIALS, json.dumps(keys))
    credentials: dict[str, str] = json.loads(_CREDENTIALS.read_text())
    return {**credentials, "AWS_REGION": REGION}


def pulumi_backend(folder: str = "") -> str:
    """PULUMI_BACKEND_URL of the state bucket, or of a folder in it, where stacks have names of their own."""
    query = f"endpoint={network.HOST}:{PORT}&disableSSL=true&s3ForcePathStyle=true&region={REGION}"
    return f"s3://{STATE_BUCKET}{f'/{folder}' if folder else ''}?{query}"


def client() -> Client:
    """A client with the lab's own keys."""
    keys = credentials()
    return Client(ENDPOINT, REGION, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])


def _answers() -> bool:
    try:
        with socket.create_connection((network.HOST, PORT), timeout=1):
            return True
    except OSError:
        return False


def _write_private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
