"""Go's caches of the lab are its own, and small once everything is built."""

import os
from pathlib import Path

import pytest

from lab import build, go_caches, paths

FILES = (
    "k8s.io/api@v1/a.go", "golang.org/toolchain@v0.0.1-go1.26.8/bin/go", "golang.org/x/net@v1/n.go", "cache/lock",
    "cache/download/k8s.io/api/v1.zip", "cache/download/golang.org/toolchain/t.zip",
)  # fmt: skip


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches as a build leaves them, read-only as Go makes them without a flag."""
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(go_caches, "BUILDS", tmp_path / "builds")
    monkeypatch.setattr(go_caches, "MODULES", tmp_path / "modules")
    for name in FILES:
        file = tmp_path / "modules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_modules_go_and_the_go_that_was_fetched_stays(caches: Path) -> None:
    go_caches.shrink()
    assert left(caches / "modules") == [
        "cache/download/golang.org/toolchain/t.zip", "cache/lock", "golang.org/toolchain@v0.0.1-go1.26.8/bin/go"
    ]  # fmt: skip


def test_nothing_goes_while_somebody_builds(caches: Path) -> None:
    before = left(caches / "modules")
    with go_caches.in_use(), go_caches.in_use():
        go_caches.shrink()
    assert left(caches / "modules") == before


def test_of_what_was_compiled_the_newest_stays(caches: Path) -> None:
    folder = caches / "builds/00"
    folder.mkdir(parents=True)
    for age in range(5):
        (folder / f"{age}").write_bytes(b"x" * 100)
        os.utime(folder / f"{age}", (1_000_000 - age, 1_000_000 - age))
    go_caches.trim(caches / "builds", 250)
    assert left(caches / "builds") == ["00/0", "00/1"]


def test_an_empty_machine_has_nothing_to_shrink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(go_caches, "BUILDS", tmp_path / "builds")
    monkeypatch.setattr(go_caches, "MODULES", tmp_path / "modules")
    go_caches.shrink()
    assert left(tmp_path) == ["go.lock"]


def test_every_go_command_uses_the_lab_s_own_caches_and_never_those_of_the_account() -> None:
    environment = build._environment(cgo=False)
    assert Path(environment["GOCACHE"]).parent == Path(environment["GOMODCACHE"]).parent == paths.CACHE
    assert "-modcacherw" in environment["GOFLAGS"]
