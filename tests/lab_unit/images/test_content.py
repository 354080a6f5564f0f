from pathlib import Path

import pytest

from lab import images, paths
from lab.images import content
from lab.images.recipes import BASE, HERE, Recipe, Requirements, catalogue


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for name in ("Dockerfile", "tool", "lock"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/module.py").write_text("one")
    return Recipe(
        "example",
        tmp_path / "Dockerfile",
        {"bin/tool": tmp_path / "tool", "package": tmp_path / "folder"},
        Requirements(tmp_path / "lock"),
    )


def test_images_without_a_program_are_those_that_can_be_built_before_one_is() -> None:
    assert images.without_programs() == ["cuda-mlops", "registrar"]


def test_the_same_content_has_the_same_key(recipe: Recipe) -> None:
    assert content.key(recipe) == content.key(recipe)


@pytest.mark.parametrize("changed", ["Dockerfile", "tool", "lock", "folder/module.py", "folder/new.py"])
def test_any_changed_file_asks_for_a_new_build(recipe: Recipe, tmp_path: Path, changed: str) -> None:
    before = content.key(recipe)
    (tmp_path / changed).write_text("changed")
    assert content.key(recipe) != before


def test_compiled_files_ask_for_no_build(recipe: Recipe, tmp_path: Path) -> None:
    before = content.key(recipe)
    (tmp_path / "folder/__pycache__").mkdir()
    (tmp_path / "folder/__pycache__/module.pyc").write_text("compiled")
    assert content.key(recipe) == before


def test_folders_are_taken_file_by_file(recipe: Recipe) -> None:
    assert [path for path, _ in content.files(recipe)] == ["bin/tool", "package/module.py"]


def test_every_recipe_has_its_dockerfile_and_takes_no_tag_of_ours_from_a_registry() -> None:
    for image in catalogue():
        text = image.dockerfile.read_text()
        assert "lab.local" not in text, (
            f"{image.name}: the base is given at the build, so that the file works elsewhere"
        )
    assert (HERE / BASE / "Dockerfile").exists()


def test_what_recipes_take_from_this_repository_exists() -> None:
    for image in catalogue():
        for source in image.files.values():
            assert source.exists() or paths.BIN in source.parents, f"{image.name}: {source}"


@pytest.mark.parametrize("file", sorted(HERE.glob("*/Dockerfile")), ids=lambda file: file.parent.name)
def test_what_python_compiled_outlives_the_fixed_time_stamp_of_an_image(file: Path) -> None:
    """Else every start of a program in a pod compiles all that it loads: seconds for DVC."""
    text = file.read_text()
    assert ("pip install" in text and "RUN" in text) <= (
        "\nARG SOURCE_DATE_EPOCH\n" in text or file.parent.name == BASE
    )
