"""The commands of docs/onboarding.md, chapter by chapter, as somebody would paste them."""

import re
from typing import Final

from tests.program.stack_values import ROOT

PAGE: Final = ROOT / "docs/onboarding.md"
SHORT, LONG = "The short way", "The long way"


def chapter(title: str) -> str:
    """The text of a chapter."""
    _, _, rest = PAGE.read_text().partition(f"\n## {title}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def commands(title: str) -> list[str]:
    """Its indented lines, without what is a comment; those of fenced blocks are no commands."""
    text = re.sub(r"^```.*?^```", "", chapter(title), flags=re.MULTILINE | re.DOTALL)
    lines = [line[4:] for line in text.splitlines() if re.match(r" {4}\S", line)]
    return [re.sub(r"\s{2,}#.*$", "", line) for line in lines]


def files(title: str) -> dict[str, str]:
    """Its fenced blocks of YAML by the names of the files, each of which stands in the line before."""
    blocks = re.findall(
        r"`(Pulumi\.[a-z-]+\.yaml)`[^\n]*\n(?:[^`\n][^\n]*\n)*\n```yaml\n(.*?)^```",
        chapter(title),
        re.DOTALL | re.MULTILINE,
    )
    return dict(blocks)
