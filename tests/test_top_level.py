"""CONTRIBUTING's map: a sentence for each file and folder of the top level, and for nothing that is not there."""

import re
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tracked() -> list[str]:
    """Every file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return [name for name in listed.stdout.split("\0") if name]


def rows() -> list[tuple[str, str]]:
    """Where, and what lives there, of each row of the map."""
    _, _, text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The map\n")
    text, _, _ = text.partition("\n## ")
    return re.findall(r"^\| `([^`|]+)` \|([^|]+)\|[^|]*\|$", text, re.MULTILINE)


def test_each_file_and_folder_of_the_top_level_has_one_sentence() -> None:
    top = {name.partition("/")[0] + ("/" if "/" in name else "") for name in tracked()}
    assert Counter(where for where, _ in rows() if where.rstrip("/").count("/") == 0) == Counter(top)


def test_every_row_is_a_sentence_about_something_that_is_there() -> None:
    files = set(tracked())
    for where, what in rows():
        assert where in files or any(file.startswith(where) for file in files if where.endswith("/")), where
        assert len(what.split()) >= 4, where


def test_the_map_has_no_row_that_is_not_read_here() -> None:
    _, _, text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The map\n")
    table = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert len(table) - 2 == len(rows())


def test_a_python_file_that_a_document_names_is_there() -> None:
    """Decisions and the changelog tell of the past."""
    files = tracked()
    texts = [
        name
        for name in files
        if (name.endswith(".md") or name == "Pulumi.yaml")
        and not name.startswith("docs/decisions/")
        and name != "CHANGELOG.md"
    ]
    missing = [
        (text, name)
        for text in texts
        for name in re.findall(r"[\w./-]+\.py\b", (ROOT / text).read_text(encoding="utf-8"))
        if not any(f"/{file}".endswith(f"/{name.lstrip('./')}") for file in files)
    ]
    assert missing == []
