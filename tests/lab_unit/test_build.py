"""Which installed tool is good enough, and what a build that fails leaves behind."""

from pathlib import Path

import pytest

from lab import build, paths
from lab.catalogue import Program
from lab.errors import LabError


@pytest.mark.parametrize(
    ("printed", "is_good_enough"),
    [
        ("v3.259.0", True),
        ("3.272.1\n", True),
        ("v3.258.9", False),
        ("v4.0.0", False),
        ("v2.999.0", False),
        ("garbage", False),
        ("", False),
    ],
)
def test_an_installed_pulumi_is_preferred_when_its_version_fits(printed: str, is_good_enough: bool) -> None:
    assert build.fits(printed, "3.259.0") is is_good_enough


@pytest.fixture
def small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own with one program, a main of two lines."""
    source = tmp_path / "modules" / "hello"
    source.mkdir(parents=True)
    (source / "go.mod").write_text("module hello\n\ngo 1.21\n")
    (source / "main.go").write_text("package main\n\nfunc main() {}\n")
    for name in ("PROGRAM_MODULES", "PROGRAMS", "BIN"):
        monkeypatch.setattr(paths, name, tmp_path / {"PROGRAM_MODULES": "modules"}.get(name, name.lower()))
    monkeypatch.setattr(build, "programs", lambda: (Program("hello", "hello", (".",), binary="hello"),))
    return tmp_path


def test_a_program_is_built_once_per_pin(small_cache: Path) -> None:
    said: list[str] = []
    build.build_all(said.append)
    assert (paths.BIN / "hello").is_file()
    assert "hello" in said[0]
    said.clear()
    build.build_all(said.append)
    assert said == []


def test_a_failed_build_leaves_nothing_that_looks_finished_and_names_its_log(small_cache: Path) -> None:
    main = small_cache / "modules/hello/main.go"
    good = main.read_text()
    main.write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(LabError, match=r"(?s)undefined.*hello\.log"):
        build.build_all(lambda _: None)
    assert [entry for entry in paths.PROGRAMS.iterdir() if entry.is_dir()] == []
    main.write_text(good)
    build.build_all(lambda _: None)
    assert (paths.BIN / "hello").exists()


def test_a_half_built_program_is_built_again(small_cache: Path) -> None:
    build.build_all(lambda _: None)
    (next(paths.PROGRAMS.glob("hello-*/")) / "hello").unlink()
    said: list[str] = []
    build.build_all(said.append)
    assert said
    assert (paths.BIN / "hello").exists()


def test_an_official_installation_is_used_with_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = tmp_path / "official"
    official.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (official / name).write_text("#!/bin/sh\necho v3.300.0\n")
        (official / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(official))
    monkeypatch.setattr(paths, "BIN", tmp_path / "bin")
    build.build_all(lambda _: None, ("pulumi", "pulumi-language-python", "pulumi-language-python-3-79"))
    for name in ("pulumi", "pulumi-language-python"):
        assert (tmp_path / "bin" / name).resolve() == official / name
    assert len(list((tmp_path / "bin").iterdir())) == 2  # an official host has no older one behind it
