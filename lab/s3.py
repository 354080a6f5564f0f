"""The lab's S3 server: versitygw on a folder. Each world of the lab has a key, which opens its own bucket and no other.

The buckets belong to the server's root, whose key is in no environment: a world's key can neither make nor delete a
bucket, nor change who may use one.
"""

import json
import socket
from xml.sax.saxutils import escape

from lab import network, paths, worlds
from lab.daemon import Daemon
from lab.s3_client import Client
from lab.worlds import Key, World

PORT = 7070
ENDPOINT = f"http://{network.HOST}:{PORT}"
REGION = "us-east-1"

_FOLDER = paths.STATE / "s3"
_ROOT = paths.STATE / "s3.json"
_EXISTS = 409
_UNKNOWN = 404


def daemon() -> Daemon:
    """The server; its root's key reaches it by environment, so that no process list shows it.

    Accounts are looked up at each request: a key that was revoked opens nothing from then on.
    """
    for folder in ("data", "accounts"):
        (_FOLDER / folder).mkdir(parents=True, exist_ok=True)
    root = _root()
    environment = {"ROOT_ACCESS_KEY": root.access, "ROOT_SECRET_KEY": root.secret, "VGW_REGION": REGION}
    accounts = ["--iam-dir", str(_FOLDER / "accounts"), "--iam-cache-disable"]
    argv = [str(paths.BIN / "versitygw"), "--port", f"{network.HOST}:{PORT}", *accounts, "posix", str(_FOLDER / "data")]
    return Daemon("s3", argv, environment, ready=_answers, cwd=_FOLDER)


def seed() -> None:
    """Makes the buckets and keys that are missing, and says who may use which."""
    root = root_client()
    keys = {world.name: worlds.key(world) for world in worlds.ALL}
    for key in keys.values():
        make_account(key)
    for bucket in worlds.BUCKETS:
        root.create_bucket(bucket)
        root.call("PUT", f"/{bucket}", worlds.bucket_policy(bucket, keys).encode(), query={"policy": ""})


def make_account(key: Key) -> None:
    """Lets the server know a key, which may nothing yet; one that it knows stays as it is."""
    fields = {"Access": key.access, "Secret": key.secret, "Role": "user"}
    body = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    root_client().call("PATCH", "/create-user", f"<Account>{body}</Account>".encode(), allowed=(_EXISTS,))


def revoke(key: Key) -> None:
    """Makes the server forget a key."""
    root_client().call("PATCH", "/delete-user", query={"access": key.access}, allowed=(_UNKNOWN,))


def credentials(world: World) -> dict[str, str]:
    """The environment by which every S3 client finds the world's key and the region."""
    return variables(worlds.key(world))


def variables(key: Key) -> dict[str, str]:
    """The same for any key."""
    return {"AWS_ACCESS_KEY_ID": key.access, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_REGION": REGION}


def pulumi_backend(world: World, folder: str = "") -> str:
    """PULUMI_BACKEND_URL of the world's bucket, or of a folder in it, where stacks have names of their own."""
    query = f"endpoint={network.HOST}:{PORT}&disableSSL=true&s3ForcePathStyle=true&region={REGION}"
    return f"s3://{world.bucket}{f'/{folder}' if folder else ''}?{query}"


def client(key: Key) -> Client:
    """A client with a key."""
    return Client(ENDPOINT, REGION, key.access, key.secret)


def root_client() -> Client:
    """A client with the key of the server's root: who runs the server, and nobody who uses it."""
    return client(_root())


def _root() -> Key:
    if not _ROOT.exists():
        key = worlds.new_key()
        worlds.write_private(_ROOT, json.dumps({"AWS_ACCESS_KEY_ID": key.access, "AWS_SECRET_ACCESS_KEY": key.secret}))
    kept = json.loads(_ROOT.read_text())
    return Key(kept["AWS_ACCESS_KEY_ID"], kept["AWS_SECRET_ACCESS_KEY"])


def _answers() -> bool:
    try:
        with socket.create_connection((network.HOST, PORT), timeout=1):
            return True
    except OSError:
        return False
