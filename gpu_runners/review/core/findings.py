"""What a review can find, as frozen values whose texts are already safe to show."""

import dataclasses
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.core.field_path import MISSING, Path

CURRENCY: Final = re.compile(r"[A-Za-z]{3} ?|[$€£¥₹]")


@dataclass(frozen=True, kw_only=True, order=True)
class ObjectName:
    """An object of the cluster. `namespace` is "" for one without; `version` is e.g. `apps/v1`."""

    kind: str
    namespace: str
    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that the program would change, or a whole resource (field "")."""

    operation: str  # create, update, replace, delete
    resource: str
    field: str
    before: str
    after: str


class Kind(Enum):
    """How cluster or forge differ from the state."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    DELETED = "deleted"
    UNDECLARED = "not declared"
    POD = "pod"
    RUNNER = "runner"
    VERSION = "runner version"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference. What has a default is for the repair; everything else is text for people.

    target is the object as it was seen: uid and resource_version are its own then ("" for one that is gone), path the
    field, state_value what the state has there and live_value what was seen, MISSING for nothing: never to be shown.
    """

    kind: Kind
    what: str
    field: str
    declared: str
    live: str
    who: str
    when: str
    up: str  # what `pulumi up` would do about it
    target: ObjectName | None = None
    path: Path = ()
    uid: str = ""
    resource_version: str = ""
    state_value: Any = dataclasses.field(default=MISSING, repr=False)
    live_value: Any = dataclasses.field(default=MISSING, repr=False)
    runner: tuple[str, int] | None = None  # scope and id
    pod: str = ""  # namespace/name of the runner's pod


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A policy that the program breaks. `level` is `mandatory` or `advisory`."""

    policy: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Devices of one pool before and after. `price` is per device and month, None where none is configured."""

    pool: str
    device: str
    before: int
    after: int
    runners_before: int
    runners_after: int
    price: float | None


@dataclass(frozen=True, kw_only=True)
class Review:
    """Everything about one stack. `unread`: what could not be read, and why; `left_out`: what nobody was to read."""

    stack: str
    changes: tuple[Change, ...]
    drift: tuple[Drift, ...]
    capacity: tuple[Capacity, ...]
    violations: tuple[Violation, ...]
    unread: tuple[str, ...]
    left_out: tuple[str, ...]
    failure: str  # why the program cannot be previewed, "" if it can
    notes: tuple[str, ...] = ()
    currency: str = "$"
    plan: str = ""  # the digest of what the program would do, "" without a preview

    @property
    def exit_code(self) -> ExitCode:
        """FOUND: drift, a pending change or a violation; FAILED: something failed or could not be read."""
        if self.failure or self.unread:
            return ExitCode.FAILED
        return ExitCode.FOUND if self.changes or self.drift or self.violations else ExitCode.DONE

    @property
    def is_clean(self) -> bool:
        """Everything could be looked at, and there is nothing to say."""
        return self.exit_code == ExitCode.DONE

    @property
    def pull_request_code(self) -> ExitCode:
        """As exit_code, but what a pull request is for, or did not cause, stops it no more than an advice does."""
        mandatory = any(violation.level == "mandatory" for violation in self.violations)
        return self.exit_code if self.exit_code == ExitCode.FAILED or mandatory else ExitCode.DONE
