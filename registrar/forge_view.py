"""What one scope of the forge looked like in one cycle: a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registrar.forges.forge import Job, Runner


@dataclass(frozen=True, kw_only=True)
class ForgeView:
    """What the forge said in one cycle. `known` False: it gave no usable answer and `problem` says why.

    `jobs_known` False: it told its runners and not its jobs (`problem` says why), so nothing is known about who works;
    who is online is. `runners` may be as old as the last census, except those of which the look was asked. `jobs` are
    by runner id and were read after every runner, but where so many go on that their list is read less often.
    """

    known: bool
    jobs_known: bool = True
    problem: str = ""
    runners: Mapping[int, Runner] = field(default_factory=dict)
    absent: frozenset[int] = frozenset()
    jobs: Mapping[int, Job] = field(default_factory=dict)
    in_progress: tuple[Job, ...] = ()
