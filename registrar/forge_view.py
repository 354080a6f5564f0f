"""What one scope of the forge looked like in one cycle: a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registrar.forges.forge import Job, Runner


@dataclass(frozen=True, kw_only=True)
class ForgeView:
    """What the forge said in one cycle. `known` False: it gave no usable answer and `problem` says why.

    `runners` may be as old as the last census, except those of which the look was asked. `jobs` are by runner id and
    were read after every runner.
    """

    known: bool
    problem: str = ""
    runners: Mapping[int, Runner] = field(default_factory=dict)
    absent: frozenset[int] = frozenset()
    jobs: Mapping[int, Job] = field(default_factory=dict)
    in_progress: tuple[Job, ...] = ()
