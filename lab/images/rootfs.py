"""The root file system of the lab's base image: a minimal Debian or Ubuntu of this machine's own release."""

import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lab import paths
from lab.errors import LabError

PACKAGES = ("bash", "ca-certificates", "curl", "git", "python3", "python3-venv")
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
KEYRINGS = "/usr/share/keyrings"
BUILD_DEADLINE_SECONDS = 900
FILE = "rootfs.tar"


def key() -> str:
    """Digest of what the base is asked to be. The mirror is not part of it: it only says from where."""
    return hashlib.sha256(repr((release(), PACKAGES, LEFT_OUT)).encode()).hexdigest()[:16]


def tar() -> Path:
    """The root file system as a tar archive, made on first use. Raises LabError with the log on failure."""
    if not (folder() / FILE).exists():
        _make(folder())
    return folder() / FILE


def folder() -> Path:
    """Where it lies, named after what it is asked to be."""
    return paths.IMAGES / f"rootfs-{key()}"


def python_version() -> str:
    """`3.11`: the Python in the base, for which wheels are fetched whatever Python runs the lab."""
    return (tar().parent / "python").read_text().strip()


def release() -> str:
    """The code name of this machine's release, e.g. `bookworm`."""
    match = re.search(r"^VERSION_CODENAME=\"?(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    if match is None:
        raise LabError("/etc/os-release names no VERSION_CODENAME: the lab's images need a Debian or Ubuntu release")
    return match[1]


def sources(listing: str, codename: str) -> list[str]:
    """This machine's own apt sources of its release, as one-line entries; other repositories are left out.

    `listing` has a line `URI|suite|component` for each configured package index.
    """
    entries = {tuple(line.split("|")) for line in listing.splitlines() if line.count("|") == 2}
    return sorted(
        f"deb {uri} {suite} {component}"
        for uri, suite, component in entries
        if suite == codename or suite.startswith(f"{codename}-")
    )


def _make(target: Path) -> None:
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False, timeout=60,
    ).stdout  # fmt: skip
    lines = sources(listing, release())
    if not lines:
        raise LabError(
            f"apt has no source for {release()}: add one to /etc/apt/sources.list.d and run `apt-get update`"
        )
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.IMAGES, prefix=".rootfs-") as scratch_name:
        result = Path(scratch_name) / "result"
        result.mkdir()
        _bootstrap(result / FILE, lines)
        (result / "python").write_text(_python_in(result / FILE) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


def _bootstrap(target: Path, lines: list[str]) -> None:
    command = [
        "mmdebstrap", "--variant=minbase", f"--keyring={KEYRINGS}", f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT), release(), str(target), "-",
    ]  # fmt: skip
    done = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
        timeout=BUILD_DEADLINE_SECONDS,
    )  # fmt: skip
    log = paths.IMAGES / "rootfs.log"
    log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-6:])
        raise LabError(f"mmdebstrap could not make the base image:\n{tail}\nWhole log: {log}")


def _python_in(archive: Path) -> str:
    with tarfile.open(archive) as members:
        for member in members:
            if member.name.endswith("usr/bin/python3"):
                return member.linkname.removeprefix("python")
    raise LabError(f"{archive} has no /usr/bin/python3: remove its folder and run `make lab-up` again")
