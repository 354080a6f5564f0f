"""The lab's forge: one Gitea with its administrator and a token for it. What it hosts: `lab.repositories`."""

import base64
import json
import os
import secrets
import subprocess

import httpx2

from lab import build, network, paths
from lab.daemon import Daemon
from lab.errors import LabError

PORT = 3000
URL = f"http://{network.HOST}:{PORT}"
ADMIN = "mlops-admin"
MODULE = "code.gitea.io/gitea"
COMMAND_DEADLINE_SECONDS = 60

_FOLDER = paths.STATE / "gitea"
_CONFIG = _FOLDER / "app.ini"
ACCESS = _FOLDER / "access.json"
DATABASE = _FOLDER / "gitea.db"
_ENVIRONMENT = {"GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": "true", "USER": "root", "HOME": str(_FOLDER)}

_TEMPLATE = """APP_NAME = gpu-runners lab
RUN_MODE = prod
RUN_USER = root
WORK_PATH = {folder}
[server]
HTTP_ADDR = {host}
HTTP_PORT = {port}
ROOT_URL = {url}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {database}
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
INTERNAL_TOKEN = {internal}
[oauth2]
JWT_SECRET = {jwt}
[service]
DISABLE_REGISTRATION = true
[repository]
DEFAULT_BRANCH = main
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = true
DEFAULT_ACTIONS_URL = self
[queue.push_update]
TYPE = channel
[queue.actions_ready_job]
TYPE = channel
[log]
MODE = console
LEVEL = Warn
"""


def daemon() -> Daemon:
    """The web server; it brings its own database up to date when it starts."""
    if not _CONFIG.exists():
        _configure()
    argv = [str(paths.BIN / "gitea"), "web", "--config", str(_CONFIG)]
    return Daemon("gitea", argv, _ENVIRONMENT, ready=_answers, cwd=_FOLDER)


def seed() -> None:
    """Makes the administrator and a token for it, once in the life of a lab; the server must be up."""
    if ACCESS.exists():
        return
    password = secrets.token_urlsafe(16)
    made = _command(
        "admin", "user", "create", "--admin", "--username", ADMIN, "--password", password,
        "--email", "mlops-admin@lab.invalid", "--must-change-password=false",
    )  # fmt: skip
    if made.returncode != 0 and "already exists" not in made.stderr + made.stdout:
        raise LabError(f"gitea admin user create: {made.stderr.strip()[-500:]}")
    name = f"lab-{secrets.token_hex(4)}"
    token_made = _command(
        "admin", "user", "generate-access-token", "--username", ADMIN, "--token-name", name, "--scopes", "all", "--raw"
    )
    if token_made.returncode != 0:
        raise LabError(f"gitea admin user generate-access-token: {token_made.stderr.strip()[-500:]}")
    ACCESS.touch(mode=0o600)
    ACCESS.write_text(json.dumps({"user": ADMIN, "password": password, "token": token_made.stdout.split()[-1]}))


def token() -> str:
    """The administrator's token. Raises LabError before `seed` has made it."""
    if not ACCESS.exists():
        raise LabError("Gitea has no administrator yet: run `make lab-up`")
    return str(json.loads(ACCESS.read_text())["token"])


def _configure() -> None:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.format(
        folder=_FOLDER, database=DATABASE, host=network.HOST, port=PORT, url=URL,
        static=build.kept_module(MODULE, paths.PROGRAM_MODULES / "gitea"),  # templates, translations, licences
        secret=secrets.token_urlsafe(48), internal=secrets.token_urlsafe(64),
        jwt=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="),
    )  # fmt: skip
    _CONFIG.touch(mode=0o600)
    _CONFIG.write_text(text)


def _answers() -> bool:
    try:
        return httpx2.get(f"{URL}/api/healthz", timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(paths.BIN / "gitea"), "--config", str(_CONFIG), *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **_ENVIRONMENT}, cwd=_FOLDER, timeout=COMMAND_DEADLINE_SECONDS,
    )  # fmt: skip
