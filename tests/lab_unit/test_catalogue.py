"""The catalogue names what exists, and its keys change when a result could."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from lab import catalogue, dns, paths
from lab.errors import LabError


def test_every_program_has_pins_that_the_build_may_not_change() -> None:
    for program in catalogue.programs():
        assert (program.source / "go.mod").is_file(), f"{program.name}: no go.mod"
        pinned_elsewhere = program.source / "go.sum"
        assert pinned_elsewhere.is_file() or "require" not in (program.source / "go.mod").read_text(), program.name


OF_SEVERAL_VERSIONS = {
    # The provider does not compile with the CLI's; the language host is the last that lies within the SDK.
    "github.com/pulumi/pulumi/pkg/v3",
    "github.com/pulumi/pulumi/sdk/v3",
    # Replaced by the CLI, as its authors do.
    "github.com/atotto/clipboard",
}
_REQUIREMENT = re.compile(r"^(?:require )?\t?(\S+) (v[0-9]\S*)(?: // indirect)?$", re.MULTILINE)
_REPLACEMENT = re.compile(r"^(?:replace )?\t?(\S+) => \S+ (v[0-9]\S*)$", re.MULTILINE)


def pins(program: catalogue.Program) -> dict[str, str]:
    text = (program.source / "go.mod").read_text()
    return dict(_REQUIREMENT.findall(text)) | dict(_REPLACEMENT.findall(text))


def test_what_several_programs_use_is_pinned_at_one_version_so_that_it_is_compiled_once() -> None:
    """All but those that are built on request: a first `make demo` builds the others one after the other."""
    versions: dict[str, dict[str, str]] = {}
    for program in catalogue.programs({}):
        if program.optional or not program.packages:
            continue
        for module, version in pins(program).items():
            versions.setdefault(module, {})[program.name] = version
    shared = {module: by_program for module, by_program in versions.items() if len(by_program) > 1}
    assert len(shared) > 100
    differing = {module: by_program for module, by_program in shared.items() if len(set(by_program.values())) > 1}
    assert set(differing) == OF_SEVERAL_VERSIONS, differing


def test_coredns_is_built_with_the_plugins_of_the_labs_corefile() -> None:
    (corefile,) = dns.daemon().files.values()
    directives = set(re.findall(r"^  ([a-z]+)\b", corefile, re.MULTILINE))
    main = (catalogue.program("coredns").source / "main.go").read_text()
    assert set(re.findall(r'_ "github\.com/coredns/coredns/plugin/(\w+)"', main)) == directives


def test_no_two_programs_make_the_same_file() -> None:
    outputs = [name for program in catalogue.programs() for name in program.outputs]
    assert len(outputs) == len(set(outputs))


def test_an_entry_names_its_binary_after_the_last_part_of_the_package() -> None:
    (program,) = catalogue.load('[tool]\npackages = ["example.test/a/cmd/b", "./c"]\n')
    assert program.outputs == ("b", "c")


def test_an_entry_of_assets_only_makes_just_these() -> None:
    (program,) = catalogue.load('[script]\nmodule = "pulumi"\nassets = ["example.test/m:cmd/script:script"]\n')
    assert program.outputs == ("script",)
    assert program.assets == (catalogue.Asset("example.test/m", "cmd/script", "script"),)


def test_an_unknown_key_of_an_entry_is_refused() -> None:
    with pytest.raises(TypeError, match="unknwn"):
        catalogue.load("[tool]\nunknwn = 1\n")


def test_a_changed_pin_or_flag_makes_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.PROGRAM_MODULES / "etcd", tmp_path / "etcd")
    monkeypatch.setattr(paths, "PROGRAM_MODULES", tmp_path)
    program = catalogue.Program("etcd", "etcd", ("go.etcd.io/etcd/server/v3",))
    before = program.key()
    assert program.key() == before
    assert dataclasses.replace(program, tags="x").key() != before
    with (tmp_path / "etcd/go.mod").open("a") as file:
        file.write("// another pin\n")
    assert program.key() != before


def kubernetes(version: str) -> catalogue.Program:
    named = catalogue.programs({catalogue.KUBERNETES_VARIABLE: version} if version else {})
    (program,) = (program for program in named if program.name == "kubernetes")
    return program


def test_the_lab_is_built_with_the_kubernetes_that_the_environment_names() -> None:
    pinned, older = kubernetes(""), kubernetes("1.35.4")
    assert pinned.key() != older.key() != kubernetes("1.37.2").key()
    assert pinned.module_file() == (pinned.source / "go.mod").read_text()
    lines = older.module_file().splitlines()
    assert "\tk8s.io/kubernetes v1.35.4" in lines
    assert "\tk8s.io/client-go => k8s.io/client-go v0.35.4" in lines
    # What 1.36 brings along is not asked of 1.35.
    assert [line for line in lines if "indirect" in line or ".36.4" in line] == []
    assert {"k8s.io/component-base/version.gitVersion=v1.35.4", "k8s.io/component-base/version.gitMinor=35"} <= set(
        older.version_variables
    )


def test_every_other_program_stays_as_it_is_pinned() -> None:
    named = catalogue.programs({catalogue.KUBERNETES_VARIABLE: "v1.35.4"})
    changed = [new.name for old, new in zip(catalogue.programs({}), named, strict=True) if old != new]
    assert changed == ["kubernetes"]


@pytest.mark.parametrize("version", ["1.35", "latest", "2.1.0", "1.35.4; true", "1.35.4-rc.1"])
def test_a_version_of_kubernetes_is_a_whole_one(version: str) -> None:
    with pytest.raises(LabError, match=r"e\.g\. 1\.35\.4"):
        kubernetes(version)
