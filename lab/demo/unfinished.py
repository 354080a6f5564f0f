"""Earlier runs that have not ended: they hold the concurrency group, or take the runners that ours waits for."""

from collections.abc import Callable
from typing import Final

from lab.demo.forges.forge import Forge
from lab.errors import LabError
from lab.trial.deadline import until

CANCEL_SECONDS: Final = 90
FLAG: Final = "--cancel-earlier"

Ask = Callable[[str], bool]
Say = Callable[[str], None]


def cancel_or_refuse(forge: Forge, agreed: Ask, say: Say, seconds: float = CANCEL_SECONDS) -> None:
    """Cancels them if `agreed` says so of their pages, and waits until the forge calls them ended.

    Raises LabError where nobody agreed, and where they have not ended by the deadline.
    """
    unfinished = forge.runs.unfinished()
    if not unfinished:
        return
    pages = ", ".join(run.page for run in unfinished)
    if not agreed(f"an earlier run is not finished: {pages}. Cancel it? Only `yes` will do: "):
        raise LabError(
            f"an earlier run is not finished: {pages}. `make demo CANCEL=yes` (python -m lab.demo {FLAG}) cancels it; "
            "or wait for it, or start afresh with `make lab-down`."
        )
    for run in unfinished:
        say(f"cancels {run.page}")
        forge.cancel(run)
    say(f"waits up to {seconds:.0f} s until the forge calls that ended")
    until("the earlier runs have ended", lambda: not forge.runs.unfinished(), seconds, seen=forge.runs.unfinished)
