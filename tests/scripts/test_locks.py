"""The locks: all that is installed anywhere is on one, with hashes, in the version of the tested set."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import locks
from scripts.locks import Locked, read
from scripts.sbom import bill

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = {
    "program": ("requirements.txt", "policy/requirements.txt"),
    "registrar": ("registrar/requirements.txt",),
    "dev": ("requirements-dev.txt", "requirements.txt", "registrar/requirements.txt", "policy/requirements.txt"),
    "go": ("scripts/go.txt",),
}
INSTALLED = ("program", "registrar", "dev")
CURE = "run `make lock`"


def wanted(file: str) -> list[Requirement]:
    """The requirements of a file, without those that it takes from others."""
    lines = (line.partition("#")[0].strip() for line in (REPOSITORY / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins() -> dict[str, str]:
    """Name → version in the tested set, on this machine."""
    pinned = map(Requirement, (REPOSITORY / "constraints.txt").read_text().splitlines())
    packages = [Locked(requirement, ()) for requirement in pinned]
    return {package.name: package.version for package in packages if package.is_for({})}


def here(lock: str) -> dict[str, Locked]:
    """What a lock installs on this machine."""
    return {package.name: package for package in read(lock) if package.is_for({})}


def test_every_lock_is_one_that_is_known() -> None:
    assert {path.stem for path in locks.LOCKS.glob("*")} == set(REQUIREMENTS)


@pytest.mark.parametrize(("lock", "file"), [(lock, file) for lock, files in REQUIREMENTS.items() for file in files])
def test_a_lock_holds_every_requirement_in_a_version_that_it_allows(lock: str, file: str) -> None:
    packages = here(lock)
    for requirement in wanted(file):
        package = packages.get(canonicalize_name(requirement.name))
        assert package is not None, f"{requirement.name} of {file} is not in locks/{lock}.txt: {CURE}"
        assert requirement.specifier.contains(package.version), f"{requirement} and {package.requirement}: {CURE}"


@pytest.mark.parametrize("lock", INSTALLED)
def test_a_lock_holds_what_its_packages_require(lock: str) -> None:
    packages = here(lock)
    asked = [(canonicalize_name(r.name), r.extras) for file in REQUIREMENTS[lock] for r in wanted(file)]
    seen = set()
    while asked:
        name, extras = asked.pop()
        if (name, frozenset(extras)) in seen or (name in {"pip", "setuptools"}):
            continue
        seen.add((name, frozenset(extras)))
        assert name in packages, f"{name} is required and not in locks/{lock}.txt: {CURE}"
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                asked.append((canonicalize_name(requirement.name), requirement.extras))


@pytest.mark.parametrize("lock", REQUIREMENTS)
def test_a_lock_has_the_versions_of_the_tested_set(lock: str) -> None:
    versions = pins()
    assert {name: package.version for name, package in here(lock).items()}.items() <= versions.items(), CURE


def test_the_tested_set_has_nothing_that_no_lock_has() -> None:
    assert set(pins()) == set(here("dev")) | set(here("go")), CURE


@pytest.mark.parametrize("lock", REQUIREMENTS)
def test_a_lock_names_no_index_and_no_file_elsewhere(lock: str) -> None:
    text = (locks.LOCKS / f"{lock}.txt").read_text()
    assert not re.search(r"://|^-| @ ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "text", ["aiohttp==3.1\n", "aiohttp==3.1 \\\n    --hash=sha256:12\n", "-i https://mirror.example/simple\n"]
)
def test_a_line_without_hashes_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LOCKS", tmp_path)
    (tmp_path / "some.txt").write_text(text)
    with pytest.raises(ValueError, match="make lock"):
        read("some")


@pytest.mark.parametrize(
    "file",
    ["registrar/Dockerfile", "gpu_runners/Dockerfile", "lab/images/pulumi/Dockerfile", "scripts/make-venv"],
)
def test_what_is_installed_is_held_against_its_hashes(file: str) -> None:
    installs = re.findall(r"pip install(?:[^\\\n]|\\\n)*", (REPOSITORY / file).read_text())
    assert installs
    assert [line for line in installs if "--require-hashes" not in line] == []


def test_the_registrars_bill_names_every_package_of_its_image_with_hashes() -> None:
    digest = "0" * 64
    document = bill(f"python@sha256:{digest}")
    packages = {(part["name"], part["version"]) for part in document["components"] if part["type"] == "library"}
    assert packages == {(package.requirement.name, package.version) for package in here("registrar").values()}
    hashed = [
        part for part in document["components"] if part["type"] == "library" and part["externalReferences"][0]["hashes"]
    ]
    assert len(hashed) == len(packages)
    assert "serialNumber" not in document, "the same image has the same bill"
    assert [part["version"] for part in document["components"] if part["type"] == "container"] == [f"sha256:{digest}"]


def test_a_base_image_that_is_a_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: NAME@sha256:DIGEST"):
        bill("python:3.11-slim")


def test_no_image_is_built_on_what_a_tag_may_become() -> None:
    dockerfiles = [file for file in REPOSITORY.rglob("Dockerfile*") if ".venv" not in file.parts]
    assert len(dockerfiles) > 5
    for file in dockerfiles:
        (base,) = re.findall(r"^FROM +(\S+)", file.read_text(), re.MULTILINE)
        assert base in ("scratch", "${BASE_IMAGE}"), file
        assert ("ARG BASE_IMAGE\nFROM" in file.read_text()) is (base != "scratch"), file


def test_what_the_labs_jobs_import_is_locked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    image = REPOSITORY / "lab/images/cuda-mlops"
    monkeypatch.setattr(locks, "LOCKS", image)
    locked = {package.name: package.version for package in read("lock") if package.is_for({})}
    tested = [Requirement(line) for line in (image / "constraints.txt").read_text().splitlines() if line[:1].isalnum()]
    assert locked.items() <= {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in tested}.items(), CURE
    asked = wanted("lab/images/cuda-mlops/requirements.txt")
    assert {canonicalize_name(requirement.name) for requirement in asked} <= locked.keys()
