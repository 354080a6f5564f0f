"""The one comment of a pull request: a table of its stacks, then what there is to say about each, folded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gpu_runners.review.core.findings import Capacity, Review
from gpu_runners.review.core.foreign_text import code, words
from gpu_runners.review.core.markdown import CUT, LIMIT_BYTES, ROWS
from gpu_runners.review.core.pending import summary
from gpu_runners.review.core.sections import (
    bullet_list,
    capacity_line,
    changes_table,
    drift_table,
    failure_block,
    money,
    policy_table,
)
from gpu_runners.review.core.stack_changes import StackChanges, stack_lines

MARKER: Final = "<!-- gpu-runners-review of a pull request -->"
MOST_STACKS: Final = 100
_FEWER_STACKS: Final = (20, 5, 0)  # with details, one after the other until the text is short enough
UNSEEN: Final = "❓"
CLEAN: Final = "✅"
DRIFTED: Final = "⚠️"
_ORDER: Final = ("❌", "🛑", UNSEEN, "📝", DRIFTED, CLEAN)
_HEAD: Final = "| stack | changes, capacity | drift |\n|---|---|---|"  # three columns fit on a phone


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which commit was looked at, when (`2026-11-26 14:20 UTC`), and the address of the run that did."""

    commit: str
    time: str
    run: str


@dataclass(frozen=True, kw_only=True)
class PullRequestReview:
    """What is known about a pull request's stacks. `unseen`: stack → why there is no review of it."""

    reviews: tuple[Review, ...]
    look: Look
    unseen: Mapping[str, str] = field(default_factory=dict)
    stacks: StackChanges = field(default_factory=StackChanges)

    @property
    def is_clean(self) -> bool:
        """All was looked at, and there is nothing to say."""
        return not self.unseen and not self.stacks and all(review.is_clean for review in self.reviews)


def comment(pull: PullRequestReview) -> str:
    """At most LIMIT_BYTES long, always with its end; the table stays, what was cut is counted."""
    text = ""
    for rows, detailed in (*((rows, MOST_STACKS) for rows in ROWS), *((ROWS[-1], most) for most in _FEWER_STACKS)):
        text = _render(pull, rows, detailed)
        if len(text.encode()) <= LIMIT_BYTES:
            return text
    footer = f"{CUT}\n{_footer(pull.look)}\n"  # nothing is folded or fenced by now that a cut could leave open
    kept = text.encode()[: LIMIT_BYTES - len(footer.encode())].decode(errors="ignore")
    return kept.rpartition("\n")[0] + footer


def mark(review: Review) -> str:
    """The verdict on what the pull request does: drift, which it did not cause, comes last."""
    if review.failure:
        return "❌"
    if any(violation.level == "mandatory" for violation in review.violations):
        return "🛑"
    if review.unread:
        return UNSEEN
    if review.changes or review.violations:
        return "📝"
    return DRIFTED if review.drift else CLEAN


def headline(pull: PullRequestReview) -> str:
    """One line that says it all."""
    marks = [*map(mark, pull.reviews), *(UNSEEN for _ in pull.unseen)]
    counts = [
        (marks.count("❌"), "cannot be previewed"),
        (marks.count("🛑"), "against a mandatory rule"),
        (marks.count(UNSEEN), "not known"),
        (sum(bool(review.changes) for review in pull.reviews), "with changes"),
        (sum(bool(review.drift) for review in pull.reviews), "with drift that it did not cause"),
    ]
    says = "; ".join(f"{count} {text}" for count, text in counts if count) or "nothing to change, no drift"
    worst = next((sign for sign in _ORDER if sign in marks), CLEAN)
    return f"{worst} {len(marks)} stack{'' if len(marks) == 1 else 's'}: {says}"


def _render(pull: PullRequestReview, rows: int, detailed: int) -> str:
    told = sorted((review for review in pull.reviews if not review.is_clean), key=_rank)
    lines = [f"- {line}" for line in stack_lines(pull.stacks)]
    sections = [
        MARKER,
        f"### {headline(pull)}",
        _total([(pool, review.currency) for review in pull.reviews for pool in review.capacity]),
        "\n".join(lines[:MOST_STACKS]) + _more(len(lines), MOST_STACKS),
        _table(pull, told),
        *(_details(review, rows) for review in told[:detailed]),
        _more(len(told), detailed).strip() if detailed < MOST_STACKS else "",
        _unchanged([review for review in pull.reviews if review.is_clean], is_folded=detailed > 0),
        _footer(pull.look),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _rank(review: Review) -> tuple[int, int, str]:
    return (_ORDER.index(mark(review)), -len(review.changes), review.stack)


def _total(pools: Sequence[tuple[Capacity, str]]) -> str:
    """Devices and cost of all stacks together, a sum for each currency."""
    if not pools:
        return ""
    devices = sum(pool.after - pool.before for pool, _ in pools)
    runners = sum(pool.runners_after - pool.runners_before for pool, _ in pools if not pool.device)
    parts = [f"{devices:+d} GPUs"] if any(pool.device for pool, _ in pools) else []
    parts += [f"{runners:+d} runners without a GPU"] if runners else []
    parts += _costs(pools)
    unpriced = {pool.device for pool, _ in pools if pool.device and pool.price is None}
    parts += [f"no price for {', '.join(map(words, sorted(unpriced)[:5]))}"] if unpriced and _costs(pools) else []
    return f"**In all: {parts[0]}**{''.join(f'; {part}' for part in parts[1:])}" if parts else ""


def _costs(pools: Iterable[tuple[Capacity, str]]) -> list[str]:
    sums: dict[str, float] = {}
    for pool, currency in pools:
        if pool.price is not None:
            sums[currency] = sums.get(currency, 0.0) + (pool.after - pool.before) * pool.price
    return [f"est. {money(amount, currency)}/month" for currency, amount in sorted(sums.items())]


def _table(pull: PullRequestReview, told: Sequence[Review]) -> str:
    rows = [f"| {UNSEEN} {_name(stack)} | not known: {words(why)} | |" for stack, why in sorted(pull.unseen.items())]
    rows += [_row(review) for review in told]
    return f"{_HEAD}\n" + "\n".join(rows[:MOST_STACKS]) + _more(len(rows), MOST_STACKS) if rows else ""


def _row(review: Review) -> str:
    changes = [summary(review.changes)] if review.changes else []
    if review.failure:
        changes = ["cannot be previewed"]
    if review.unread:
        changes.append("not everything could be read")
    if review.violations:
        changes.append(f"{len(review.violations)} against policy")
    pools = [(pool, review.currency) for pool in review.capacity]
    devices = sum(pool.after - pool.before for pool in review.capacity)
    capacity = [f"{devices:+d} GPUs"] if any(pool.device for pool in review.capacity) else []
    capacity += [cost.removeprefix("est. ") for cost in _costs(pools)]
    cell = "<br>".join([*changes, *([", ".join(capacity)] if capacity else [])])
    return f"| {mark(review)} {_name(review.stack)} | {cell} | {len(review.drift) or ''} |"


def _name(stack: str) -> str:
    """In bold, if it may stand there plainly: a code span does not break where a phone's screen ends."""
    return f"**{stack}**" if words(stack) == stack else code(stack)


def _details(review: Review, rows: int) -> str:
    sections = [
        "\n".join(f"- {capacity_line(pool, review.currency)}" for pool in review.capacity[:rows]),
        failure_block(review.failure, rows),
        bullet_list("Could not be read, so nothing is said about it", review.unread, rows),
        policy_table(review.violations, rows),
        changes_table(review.changes, rows),
        drift_table(review.drift, rows, "Drift, which this pull request did not cause"),
        "\n".join(f"_{words(note)}_" for note in review.notes[:rows]),
        f"Not looked at (as asked, or for want of a right): {', '.join(map(words, review.left_out[:rows]))}."
        if review.left_out
        else "",
    ]
    body = "\n\n".join(section for section in sections if section)
    # A stack's name is made of letters, digits and `._-/`: nothing that a tag's text could be ended with.
    return f"<details><summary>{mark(review)} <code>{review.stack}</code></summary>\n\n{body}\n\n</details>"


def _unchanged(reviews: Sequence[Review], *, is_folded: bool) -> str:
    if not reviews:
        return ""
    title = f"{CLEAN} {len(reviews)} stack{'' if len(reviews) == 1 else 's'} with nothing to change and no drift"
    if not is_folded:
        return title
    names = ", ".join(code(review.stack) for review in reviews[:MOST_STACKS])
    blind = sorted({kind for review in reviews for kind in review.left_out})
    note = (
        f"\n\nNot looked at there (as asked, or for want of a right): {', '.join(map(words, blind[:20]))}."
        if blind
        else ""
    )
    return f"<details><summary>{title}</summary>\n\n{names}{_more(len(reviews), MOST_STACKS)}{note}\n\n</details>"


def _more(count: int, shown: int) -> str:
    return f"\n\n… and {count - shown} more; the JSON reports have them all." if count > shown else ""


def _footer(look: Look) -> str:
    return f"<sub>Commit `{look.commit[:10]}`, {look.time}, [this run]({look.run})</sub>"
