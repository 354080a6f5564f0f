"""The lab's worlds: whoever holds the key or the passphrase of one reaches nothing of another.

A key is an account of the S3 server; a passphrase encrypts the secrets of a state. Both are made once in the life of a
lab and lie in a file that only root may read.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import paths

_READ: Final = ("s3:GetObject",)
_WRITE: Final = (*_READ, "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
_FILE = paths.STATE / "worlds.json"


@dataclass(frozen=True)
class World:
    """One key. `objects`: what it may do with the objects of its bucket, whose names it may list; nothing else.

    `state` names the passphrase that opens the state in the bucket, "" where the bucket holds none.
    """

    name: str
    bucket: str
    objects: tuple[str, ...]
    state: str = ""


# The platform's state holds the forge's credential: the administrator's alone.
PLATFORM: Final = World("platform", "platform-state", (*_WRITE, "s3:DeleteObject"), "platform")
# An environment's state: its deploy jobs'.
DEV: Final = World("dev", "dev-state", (*_WRITE, "s3:DeleteObject"), "dev")
# Who only looks at the platform's: the nightly search for drift, without its passphrase.
PLATFORM_REVIEW: Final = World("platform-review", "platform-state", _READ)
# Who only looks at it: pull requests and the nightly search for drift.
DEV_REVIEW: Final = World("dev-review", "dev-state", _READ, "dev")
# What jobs compute with. A training job adds; nobody's job deletes.
DATA: Final = World("data", "dvc", _WRITE)
ALL: Final = (PLATFORM, PLATFORM_REVIEW, DEV, DEV_REVIEW, DATA)
BUCKETS: Final = tuple(dict.fromkeys(world.bucket for world in ALL))


@dataclass(frozen=True)
class Key:
    """An account of the S3 server."""

    access: str
    secret: str


def new_key() -> Key:
    """One that nobody has."""
    return Key(f"LAB{secrets.token_hex(8)}", secrets.token_urlsafe(30))


def key(world: World) -> Key:
    """The world's key."""
    return Key(**_made()["keys"][world.name])


def passphrase(world: World) -> str:
    """What opens the state in the world's bucket. The world must have one."""
    return str(_made()["passphrases"][world.state])


def bucket_policy(bucket: str, keys: Mapping[str, Key]) -> str:
    """Who may do what with a bucket and its objects, as S3 writes it; whoever is not named may nothing.

    `keys`: name of a world → its key.
    """
    statements = []
    for world in ALL:
        if world.bucket == bucket:
            arn, who = f"arn:aws:s3:::{bucket}", {"AWS": [keys[world.name].access]}
            for actions, resource in ((("s3:ListBucket",), arn), (world.objects, f"{arn}/*")):
                statements.append({"Effect": "Allow", "Principal": who, "Action": list(actions), "Resource": resource})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)


def _made() -> dict[str, dict[str, Any]]:
    """Each world's key and each state's passphrase; a world that a running lab does not know yet gets its own."""
    made: dict[str, dict[str, Any]] = {"keys": {}, "passphrases": {}}
    if _FILE.exists():
        made = json.loads(_FILE.read_text())
    missing = [world for world in ALL if world.name not in made["keys"]]
    if missing:
        made["keys"] |= {world.name: vars(new_key()) for world in missing}
        for world in missing:
            if world.state:
                made["passphrases"].setdefault(world.state, secrets.token_urlsafe(24))
        write_private(_FILE, json.dumps(made))
    return made
