"""A PostgreSQL server as Pulumi's state backend: only for who asks for it, no part of `lab up`; `lab down` stops it."""

import json
import os
import pwd
import secrets
import socket
import subprocess
from pathlib import Path

from lab import network, packages, paths
from lab.build import Say
from lab.daemon import Daemon
from lab.errors import LabError

NAME = "postgresql"
PORT = 5437  # not the usual one: Debian's package may start a server of its own
USER = "postgres"  # Debian's; the server refuses to run as root
INIT_DEADLINE_SECONDS = 60

_FOLDER = paths.STATE / "postgresql"
_PASSWORD = paths.STATE / "postgresql.json"
_PROGRAMS = Path("/usr/lib/postgresql")


def up(say: Say) -> dict[str, str]:
    """Starts the server unless it runs; returns Pulumi's variables for it. Raises LabError. Needs a lab that is up."""
    if not paths.STATE.exists():
        raise LabError("the lab is not up: run `make lab-up`")
    if _programs() is None:
        packages.install(say, ["postgresql"])
    _make_cluster()
    daemon().start()
    # Pulumi shows the URL in its errors: the password goes another way.
    url = f"postgres://{USER}@{network.HOST}:{PORT}/postgres?sslmode=disable"
    return {"PULUMI_BACKEND_URL": url, "PGPASSWORD": _password()}


def daemon() -> Daemon:
    """The server; nothing on this machine needs its data after `lab down`, so it never waits for the disk."""
    settings = {
        "listen_addresses": network.HOST,
        "port": str(PORT),
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    argv = [*_as_user(), _program("postgres"), "-D", str(_FOLDER)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Daemon(NAME, argv, ready=_answers, cwd=Path("/"))


def _make_cluster() -> None:
    """Makes the data folder, once in the life of a lab."""
    if (_FOLDER / "PG_VERSION").exists():
        return
    user = pwd.getpwnam(USER)
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    os.chown(_FOLDER, user.pw_uid, user.pw_gid)
    argv = [*_as_user(), _program("initdb"), "-D", str(_FOLDER), "-U", USER, "--auth=scram-sha-256", "--no-sync"]
    done = subprocess.run(
        [*argv, "--locale=C", "--encoding=UTF8", "--pwfile=/dev/stdin"],
        input=f"{_password()}\n", capture_output=True, text=True, check=False, cwd="/", timeout=INIT_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"initdb failed:\n{done.stdout}{done.stderr}")
    with (_FOLDER / "pg_hba.conf").open("a") as access:
        access.write(f"host all all {network.POD_RANGE} scram-sha-256\n")


def _as_user() -> list[str]:
    # The lab's folder may lie in a home that only root enters; this one right lets the server through.
    passage = "+dac_read_search"
    return [
        "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
        f"--inh-caps={passage}", f"--ambient-caps={passage}",
    ]  # fmt: skip


def _password() -> str:
    if not _PASSWORD.exists():
        _PASSWORD.touch(mode=0o600)
        _PASSWORD.write_text(json.dumps(secrets.token_hex(16)))
    return str(json.loads(_PASSWORD.read_text()))


def _programs() -> Path | None:
    """The folder of the newest version that is installed."""
    programs = sorted(_PROGRAMS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return programs[-1].parent if programs else None


def _program(name: str) -> str:
    folder = _programs()
    if folder is None:
        raise LabError(f"no PostgreSQL in {_PROGRAMS}: apt-get install postgresql")
    return str(folder / name)


def _answers() -> bool:
    try:
        with socket.create_connection((network.HOST, PORT), timeout=1):
            return True
    except OSError:
        return False
