"""What a pull request does to the stacks themselves: which it brings, takes away or renames, which nobody previews."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gpu_runners.review.core.foreign_text import code


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """A stack's file: whether it declares a platform, its text without the salt of the passphrase, and its config."""

    has_platform: bool
    text: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StackChanges:
    """Names of stacks. `previewed` are all that a workflow previews; `renamed` holds pairs, old and new."""

    previewed: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    withheld: tuple[str, ...] = ()  # with a platform, and changed: an administrator previews them
    unlisted: tuple[str, ...] = ()  # the workflow of main, in which stacks are written down, does not name them

    def __bool__(self) -> bool:
        return bool(self.brought or self.removed or self.renamed or self.withheld or self.unlisted)

    def listed(self, names: Collection[str]) -> "StackChanges":
        """With a workflow that previews these stacks and no others."""
        unlisted = tuple(name for name in self.previewed if name not in names)
        return replace(self, previewed=tuple(name for name in self.previewed if name in names), unlisted=unlisted)


def stack_changes(
    before: Mapping[str, StackFile], after: Mapping[str, StackFile], *, with_platform: bool = False
) -> StackChanges:
    """What becomes of the stacks between the base of a pull request and what it proposes.

    with_platform: whoever looks holds what a platform's preview needs, so that no stack is withheld.
    """
    gone, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    renamed: list[tuple[str, str]] = []
    for old in gone:
        same = [name for name in new if after[name] == before[old] and name not in dict(renamed).values()]
        renamed += [(old, same[0])] if same else []
    withheld = [] if with_platform else [name for name, file in after.items() if file.has_platform]
    return StackChanges(
        previewed=tuple(sorted(after.keys() - set(withheld))),
        brought=tuple(name for name in new if name not in {other for _, other in renamed}),
        removed=tuple(name for name in gone if name not in {old for old, _ in renamed}),
        renamed=tuple(renamed),
        withheld=tuple(sorted(name for name in withheld if before.get(name) != after[name])),
    )


def stack_lines(changes: StackChanges) -> list[str]:
    """A line for each, as Markdown: what becomes of its resources."""
    return [
        *(
            f"🗑️ {code(name)} is removed: its resources stay in the cluster and nobody looks after them any more. "
            f"Before the merge: `pulumi destroy --stack {name}`, then `pulumi stack rm {name}`."
            for name in changes.removed
        ),
        *(
            f"🔀 {code(old)} becomes {code(new)}: the state stays with the old name, and `up` of the new one would "
            f"make everything a second time. With the merge: `pulumi stack rename {new} --stack {old}`."
            for old, new in changes.renamed
        ),
        *(f"🆕 {code(name)} is new: `up` makes its stack and all of its resources." for name in changes.brought),
        *(
            f"🔒 {code(name)} is changed and not previewed here: a platform's preview needs the forge's credential, "
            f"which no pull request gets. Below is what changes in its file; an administrator runs "
            f"`make review STACK={name}`."
            for name in changes.withheld
        ),
        *(
            f"❓ {code(name)} is not previewed: the workflows of main do not list it. Add it to `STACKS`, each "
            f"matrix and the outputs in `.gitea/workflows`; `deploy` stops without it."
            for name in changes.unlisted
        ),
    ]
