"""Whether the platform's secrets and an environment's are worlds apart: no key and no passphrase opens both."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gpu_runners.doctor.core.findings import Finding, failed, ok

CHECK: Final = "worlds"
CURE: Final = (
    "give each its own backend, key and passphrase, then revoke what was readable: docs/state.md, *Apart again*"
)


@dataclass(frozen=True, kw_only=True)
class OtherStack:
    """Another stack of the project. `salt` is what tells whether a passphrase is its own, "" where it has none."""

    name: str
    has_platform: bool
    salt: str
    is_in_reach: bool
    """Whether the credentials of this process read its state."""


def worlds(
    stack: str, *, has_platform: bool, others: Iterable[OtherStack], opens: Callable[[str], bool]
) -> Iterator[Finding]:
    """One finding for each stack that this one's key or passphrase opens and must not, one that all is well else.

    Two platforms are one administrator's, and two stacks of pools hold no credential of the forge. `opens`: whether the
    passphrase of this process is the one of a salt.
    """
    is_apart = True
    for other in others:
        if other.has_platform == has_platform:
            continue
        reasons = ["the credentials that reach this state reach that one"] if other.is_in_reach else []
        if other.salt and opens(other.salt):
            reasons.append("this passphrase opens its secrets")
        if reasons:
            is_apart = False
            yield failed(CHECK, f"{_relation(stack, other)}: {', and '.join(reasons)}", CURE)
    if is_apart:
        kind = "stack of pools" if has_platform else "platform's stack"
        yield ok(CHECK, f"no {kind} is found that this stack's credentials or passphrase open")


def _relation(stack: str, other: OtherStack) -> str:
    if other.has_platform:
        return f"{other.name} has the platform with the forge's credential, {stack} is an environment's"
    return f"{stack} has the platform with the forge's credential, {other.name} is an environment's"
