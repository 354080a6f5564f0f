"""What the lab is built from: one value per program, read from `programs/catalogue.toml`, and the key of its pin."""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab import paths
from lab.errors import LabError

# Of another Kubernetes than the one that is pinned, e.g. 1.35.4: for a try at the oldest that is taken, or the newest.
KUBERNETES_VARIABLE = "GPU_RUNNERS_LAB_KUBERNETES"
_KUBERNETES = "kubernetes"
_VERSION = re.compile(r"1(\.[0-9]{2}\.[0-9]{1,2})", re.ASCII)
_INDIRECT = re.compile(r"^require \(\n(?:\t\S+ \S+ // indirect\n)+\)\n", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """A file of a Go module: which module, the path inside it, and the name it gets."""

    module: str
    path: str
    name: str


@dataclass(frozen=True)
class Program:
    """One entry of the catalogue.

    `module` is the folder under `lab/programs` whose go.mod and go.sum pin everything; `packages` is empty for an
    entry that only takes files (`assets`) out of a module. `preferred_on_path` is the oldest version of an installation
    that is used instead; what `comes_with` another program is then taken from beside it. An `optional` program is
    built only where it is asked for by name: the lab comes up without it.
    """

    name: str
    module: str
    packages: tuple[str, ...] = ()
    binary: str | None = None
    version_variables: tuple[str, ...] = ()
    tags: str = ""
    cgo: bool = False
    assets: tuple[Asset, ...] = ()
    preferred_on_path: str | None = None
    comes_with: str | None = None
    optional: bool = False
    other_version: str = ""
    """Instead of the pinned one, without its 1, e.g. `.35.4`: its modules are then what that version asks for."""

    @property
    def source(self) -> Path:
        """The folder with the pins and, for a few, a main of our own."""
        return paths.PROGRAM_MODULES / self.module

    @property
    def outputs(self) -> tuple[str, ...]:
        """File names that a finished build leaves in its folder."""
        if not self.packages:
            return tuple(asset.name for asset in self.assets)
        if self.binary:
            return (self.binary,)
        return tuple(package.rsplit("/", 1)[-1] for package in self.packages)

    def module_file(self) -> str:
        """The go.mod of a build. Of another version only what we name ourselves is left of the pins."""
        text = (self.source / "go.mod").read_text()
        pinned = re.search(r"k8s\.io/kubernetes v1(\S+)", text) if self.other_version else None
        if pinned is None:
            return text
        return re.sub(rf"\bv([01]){re.escape(pinned[1])}\b", rf"v\g<1>{self.other_version}", _INDIRECT.sub("", text))

    def key(self) -> str:
        """Digest of everything of ours that decides the result: pins, sources and flags."""
        flags = (self.packages, self.version_variables, self.tags, self.cgo, self.assets)
        digest = hashlib.sha256(repr(flags + ((self.other_version,) if self.other_version else ())).encode())
        for file in sorted(self.source.rglob("*")):
            if file.is_file():
                digest.update(str(file.relative_to(self.source)).encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Where the finished build lies."""
        return paths.PROGRAMS / f"{self.name}-{self.key()}"


def load(text: str) -> tuple[Program, ...]:
    """Reads the catalogue; a key it does not know raises TypeError, because the file is part of this source."""
    return tuple(_program(name, dict(entry)) for name, entry in tomllib.loads(text).items())


def _program(name: str, entry: dict[str, object]) -> Program:
    assets = tuple(Asset(*str(asset).split(":")) for asset in _strings(entry.pop("assets", [])))
    lists = {key: _strings(entry.pop(key, [])) for key in ("packages", "version_variables")}
    module = str(entry.pop("module", name))
    return Program(name=name, module=module, assets=assets, **lists, **entry)  # type: ignore[arg-type]


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def programs(environment: Mapping[str, str] = os.environ) -> tuple[Program, ...]:
    """The whole catalogue of this checkout, with the Kubernetes that the environment names."""
    catalogue = load((paths.PROGRAM_MODULES / "catalogue.toml").read_text())
    wanted = environment.get(KUBERNETES_VARIABLE, "").removeprefix("v")
    if not wanted:
        return catalogue
    match = _VERSION.fullmatch(wanted)
    if match is None:
        raise LabError(f"{KUBERNETES_VARIABLE} is {wanted!r}: write a whole version of Kubernetes, e.g. 1.35.4")
    return tuple(_at(program, match[1]) if program.name == _KUBERNETES else program for program in catalogue)


def _at(program: Program, version: str) -> Program:
    """Kubernetes at another version, which its programs also say of themselves."""
    minor = version.split(".")[1]
    said = tuple(
        re.sub(r"(gitVersion=v1)\S+", rf"\g<1>{version}", re.sub(r"(gitMinor=)\d+", rf"\g<1>{minor}", text))
        for text in program.version_variables
    )
    return replace(program, version_variables=said, other_version=version)


def program(name: str) -> Program:
    """One entry of the catalogue by its name; a name that it lacks is a mistake in this source."""
    (program,) = (entry for entry in programs() if entry.name == name)
    return program
