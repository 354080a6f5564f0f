"""Every link of every page leads somewhere: the file is there, and so is the heading that is named in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.stack_values import ROOT

TEMPLATES = ".github"  # any other folder with a dot is a machine's
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") and part != TEMPLATES for part in page.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\(<?(?!https?:|mailto:)([^)>\s]+)>?\)")


def prose(page: Path) -> str:
    """Without blocks of code, which may hold brackets of their own."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings: lower case, without punctuation, blanks as dashes, twins numbered."""
    names: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.add(next(each for each in numbered(name) if each not in names))
    return names


def numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(1, 100))


def test_the_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/onboarding.md", "examples/mlops-guide/README.md"} <= {
        str(page.relative_to(ROOT)) for page in PAGES
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leaves_the_repository(page: Path) -> None:
    """A clone has nothing above its root."""
    targets = [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(page))]
    assert [target for target in targets if not target.is_relative_to(ROOT)] == []
