"""What others wrote says itself in a comment and does nothing: held against GitHub's own Markdown parser."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_runners.review.core.comment import Look, PullRequestReview, comment
from gpu_runners.review.core.findings import Capacity, Change, Drift, Kind, Review, Violation
from gpu_runners.review.core.foreign_text import block, code, sentence, words
from gpu_runners.review.core.markdown import markdown, marker
from gpu_runners.review.core.stack_changes import StackChanges

HOSTILE = [
    "@mlops/admins",
    "&commat;mlops",
    "&#64;mlops",
    "#12",
    "&num;12",
    "mlops/guide#12",
    "GH-12",
    "mlops@0123abc",
    "https://evil.example/x",
    "www.evil.example",
    "http&colon;//evil.example",
    "me@evil.example",
    "ftp://evil.example",
    "[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[x]: https://evil.example",
    "[ ] task",
    "<img src=x>",
    "<script>",
    "&lt;script&gt;",
    "</details>",
    "<!-- gpu-runners-review dev -->",
    "-->",
    "<a href=x>y</a>",
    "a|b",
    "a\\|b",
    "a\\\\|b",
    "\\",
    "a\\",
    "\\`",
    "`",
    "``",
    "```",
    "~~~",
    "a`b|c`d\\|e",
    "| x | y |",
    "a\n| b |\n",
    "\n\n# Heading",
    "# Heading",
    "> quote",
    "- item",
    "1. item",
    "---",
    "***",
    "**bold**",
    "_x_",
    "~~x~~",
    "$x$",
    "$$x$$",
    ":smile:",
    "\u202eevil",
    "a\u200bb",
    "\u2066x\u2069",
    "\x00",
    "\x1b[31m",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "￼",
    "a\u2028b",
    "a\u0085b",
    "x" * 5000,
    "|" * 300,
    "`" * 300,
    "\\" * 299 + "|",
    "1) x",
    "+ x",
    "= x",
    "===",
    "a  \nb",
    "\t",
    " ",
]


class _Page(HTMLParser):
    """The elements of a page, and its text outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.prose = ""
        self._code = 0
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._code += tag in ("code", "pre")
        if tag not in ("code", "pre"):
            self.elements.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        self.prose += "" if self._code else data


def review(text: str) -> Review:
    """A review all of whose texts are somebody else's."""
    change = Change(operation=text, resource=text, field=text, before=text, after=text)
    drift = Drift(kind=Kind.CHANGED, what=text, field=text, declared=text, live=text, who=text, when=text, up=text)
    return Review(
        stack="dev",
        changes=(change, replace(change, field="")),
        drift=(drift, replace(drift, kind=Kind.ADDED), replace(drift, kind=Kind.UNDECLARED)),
        capacity=(Capacity(pool=text, device=text, before=1, after=2, runners_before=1, runners_after=2, price=1.0),),
        violations=(Violation(policy=text, level="mandatory", resource=text, message=text),),
        unread=(text,),
        left_out=(text,),
        failure=text or "x",
        notes=(text,),
    )


def pull_request(text: str) -> str:
    """The comment of a pull request all of whose texts are somebody else's."""
    look = Look(commit="1a2b3c4d", time="2026-11-26 14:20 UTC", run="https://forge.example.com/run/1")
    stacks = StackChanges(brought=("new",))
    return comment(PullRequestReview(reviews=(review(text),), unseen={"other": text}, look=look, stacks=stacks))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_changes_nothing_about_the_comment_of_a_pull_request(text: str) -> None:
    page, harmless = _Page(pull_request(f"x{text}x")), _Page(pull_request("harmless"))
    assert page.elements == harmless.elements
    for mark in ("@", "#", "://", "www."):
        assert mark not in page.prose, page.prose


def judge(text: str) -> None:
    page, harmless = _Page(markdown(review(text))), _Page(markdown(review("harmless")))
    assert page.elements == harmless.elements
    for mark in ("@", "#", "://", "www."):
        assert mark not in page.prose, page.prose
    assert not re.search(r"(?i)\bgh-\d", page.prose)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_changes_nothing_about_the_page_and_calls_nobody(text: str) -> None:
    judge(text if text.strip() else f"x{text}x")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, *"`|\\<>@#*_~[]()!&;:. \n\t-+=a1"]), min_size=1, max_size=8).map("".join))
def test_no_mixture_of_it_does_either(text: str) -> None:
    judge(f"x{text}")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all(text: str) -> None:
    judge(f"x{text}")


def test_harmless_words_stay_plain() -> None:
    assert words("Deployment review-pools/reviewed") == "Deployment review-pools/reviewed"
    assert words("rule, that (often) holds.") == "rule, that (often) holds."


def test_a_sentence_keeps_its_own_backticks_as_code() -> None:
    assert sentence("`up` puts it back; a plain `up -y` does not") == "`up` puts it back; a plain `up -y` does not"
    assert sentence("a ` b <i>") == "a `b <i>`"


def test_only_what_needs_it_becomes_code() -> None:
    assert words("see www.evil.example or @me now") == "see `www.evil.example` or `@me` now"
    assert words("found a.b/c:1; allowed: a_b.") == "found `a.b/c:1`; allowed: `a_b`."
    assert words("... :: ;") == "`... :: ;`"
    assert code("a|b`c") == "`a¦b'c`"


def test_a_block_ends_where_we_end_it() -> None:
    page = _Page(block("a\n```\n# Heading\n````\n@me", 1000))
    assert page.elements == []
    assert page.prose.strip() == ""


def test_a_fence_within_a_block_is_quotes_and_the_rest_stands_as_it_was() -> None:
    assert block("a\n```\n# Heading\n", 1000) == "```\na\n'''\n# Heading\n```"


@pytest.mark.parametrize("stack", ["dev --> @me", "a-->", "a--!>b", "x\n", "<!--"])
def test_a_stacks_name_stays_within_its_marker(stack: str) -> None:
    line = marker(stack)
    assert re.fullmatch(r"<!-- gpu-runners-review [A-Za-z0-9_.-]+ -->", line)
