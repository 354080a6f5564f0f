"""Help that wraps where the terminal ends, commands included: a wrapped example can be pasted as it stands."""

import argparse
import re
import textwrap
from collections.abc import Iterable

_EXAMPLE = re.compile(r" {4}\S")
_ITEM = re.compile(r"(?P<head>  \S+ +)(?P<text>.*)")


class HelpFormatter(argparse.HelpFormatter):
    """argparse's, with paragraphs, examples (four spaces) and lists (two spaces)."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return textwrap.indent(fill(text, width - len(indent)), indent)

    def _format_usage(self, usage: object, actions: Iterable[argparse.Action], groups: object, prefix: object) -> str:  # noqa: ARG002
        """What must be there; argparse's own lists every flag and leaves narrow terminals to themselves."""
        words = ["usage:", self._prog]
        for action in actions:
            if not action.option_strings:
                words.append(str(action.metavar))
            elif action.required:
                words += [action.option_strings[0], str(action.metavar)]
        text = " ".join([*words, "[FLAG", "...]"])
        wrapped = textwrap.wrap(text, self._width, subsequent_indent="    ", break_on_hyphens=False)
        return "\n".join(wrapped) + "\n\n"


def fill(text: str, width: int) -> str:
    """The text with no line longer than width, where its words allow that."""
    return "\n\n".join(_fill_paragraph(part.strip("\n"), width) for part in re.split(r"\n\s*\n", text.strip("\n")))


def _fill_paragraph(text: str, width: int) -> str:
    lines: list[str] = []
    plain: list[str] = []
    for line in [*text.splitlines(), ""]:
        item = _ITEM.fullmatch(line)
        if plain and (item or not line or _EXAMPLE.match(line)):
            lines.append(textwrap.fill(" ".join(plain), width))
            plain = []
        if _EXAMPLE.match(line):
            lines.append(_fill_example(line, width))
        elif item:
            lines.append(_fill_item(item["head"], item["text"], width))
        elif line:
            plain.append(line.strip())
    return "\n".join(lines)


def _fill_example(line: str, width: int) -> str:
    return " \\\n".join(
        textwrap.wrap(
            line.strip(), width - 2, initial_indent="    ", subsequent_indent="        ", break_long_words=False,
            break_on_hyphens=False,
        )
    )  # fmt: skip


def _fill_item(head: str, text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head))
