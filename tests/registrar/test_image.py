"""The registrar's image: what its Dockerfile copies is what it may import, and that starts by itself."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"registrar", "values"}


def copied() -> dict[str, str]:
    """What the Dockerfile copies, from which path of the repository to which in the image."""
    lines = re.findall(r"^COPY (?:--\S+ )*(.+) (\S+)$", (ROOT / "registrar" / "Dockerfile").read_text(), re.MULTILINE)
    return {source: target for sources, target in lines for source in sources.split()}


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    """A folder with the rooms that the Dockerfile copies, and nothing else of the repository."""
    for source, target in copied().items():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / target)
    return tmp_path


def start(image: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in the image's folder, isolated: only that folder and the installed packages are on its path."""
    code = f"import sys; sys.path.insert(0, {str(image)!r}); " + " ".join(arguments)
    return subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=image, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_image_holds_the_rooms_that_the_registrar_may_import_and_no_other() -> None:
    folders = {source: target for source, target in copied().items() if (ROOT / source).is_dir()}
    assert folders == {room: f"./{room}" for room in ROOMS}


def test_the_registrar_starts_from_its_image_alone(image: Path) -> None:
    started = start(
        image, "import runpy; sys.argv = ['registrar', '--help'];", "runpy.run_module('registrar', run_name='__main__')"
    )
    assert started.returncode == 0, started.stderr
    assert "usage: " in started.stdout


def test_every_module_of_the_image_loads_there(image: Path) -> None:
    modules = [
        ".".join(path.relative_to(image).with_suffix("").parts)
        for path in image.rglob("*.py")
        if path.stem not in {"__init__", "__main__"}
    ]
    loaded = start(image, f"import importlib; [importlib.import_module(name) for name in {modules!r}];",
        "roots = {str(m.__file__) for m in sys.modules.values() if getattr(m, '__file__', None)};",
        f"print(sum(name.startswith({str(image)!r}) for name in roots))")  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) >= len(modules)


def test_the_registrar_starts_no_program(image: Path) -> None:
    starters = re.compile(r"\b(subprocess|multiprocessing|pty|os\.(system|popen|exec|spawn|fork)|create_subprocess)")
    assert [path.name for path in image.rglob("*.py") if starters.search(path.read_text(encoding="utf-8"))] == []


def test_a_module_that_reaches_out_of_the_image_does_not_start(image: Path) -> None:
    with (image / "registrar" / "logs.py").open("a") as file:
        file.write("\nimport config.fields\n")
    assert start(image, "import registrar.logs").returncode == 1
