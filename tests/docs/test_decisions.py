"""Decisions have a number each, without gaps, in the name of the file and in its title."""

from pathlib import Path

DECISIONS = sorted((Path(__file__).resolve().parents[2] / "docs/decisions").glob("*.md"))


def test_each_decision_has_a_number_of_its_own_and_none_is_missing() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_title_of_a_decision_has_its_number() -> None:
    titles = {path.name: path.read_text(encoding="utf-8").partition("\n")[0] for path in DECISIONS}
    assert {name: title for name, title in titles.items() if not title.startswith(f"# {name[:4]}: ")} == {}
