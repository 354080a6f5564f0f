"""The back-off that a ReplicaSet lacks. Pure: a pool's memory goes in, the next memory or a delay comes out.

A pool is braked while its last runners ended soon without a job. The first registration after the delay is a trial:
only one pod gets it, the others go on waiting. A job, a runner that lasts, or a new pod template ends it.
"""

from dataclasses import dataclass, replace

FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 300.0
QUICK_SECONDS = 30.0
SOON_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Brake:
    """Memory of one pool at one template. Times are Unix seconds."""

    failures: int = 0
    rounds: int = 0  # failures that started before the one before them was known count as one round
    longest_run: float = 0.0  # seconds, of the runners counted in `failures`
    last_cause: str = ""
    last_failure: float = 0.0
    closed_until: float = 0.0


RELEASED = Brake()


def is_failure(*, ran_seconds: float, was_online: bool) -> bool:
    """Whether a runner that ended by itself without a job counts: an idle runner that is well never ends by itself.

    One that was online for long may have lost its forge for a while, and is no reason to hold its pool back.
    """
    return ran_seconds < SOON_SECONDS or not was_online


def lasting_seconds(brake: Brake) -> float:
    """How long a runner has to run until its pool counts as mended: clearly longer than those that ended."""
    return min(max(QUICK_SECONDS, 2 * brake.longest_run), SOON_SECONDS)


def after_failure(brake: Brake, *, at: float, ran_seconds: float, cause: str) -> Brake:
    """The memory after one more runner that ended quickly without a job at `at`.

    Ten replicas that fail together are one round, not ten reasons to wait longer.
    """
    same_round = brake.failures > 0 and at - ran_seconds < brake.last_failure
    rounds = brake.rounds + (0 if same_round else 1)
    return Brake(
        failures=brake.failures + 1,
        rounds=rounds,
        longest_run=max(brake.longest_run, ran_seconds),
        last_cause=cause,
        last_failure=max(brake.last_failure, at),
        closed_until=max(brake.closed_until, at + delay_after(rounds)),
    )


def after_issue(brake: Brake, *, at: float) -> Brake:
    """The memory after a registration: while failures are remembered the next one waits for this trial's end."""
    if not brake.failures:
        return brake
    return replace(brake, closed_until=at + delay_after(brake.rounds))


def delay_after(rounds: int) -> float:
    """Seconds to wait after that many rounds of failures in a row: 5, 10, 20 … 300."""
    if rounds <= 0:
        return 0.0
    # the exponent is capped because 2.0**n overflows long before a broken pool stops failing
    return min(FIRST_DELAY_SECONDS * 2.0 ** min(rounds - 1, 16), LONGEST_DELAY_SECONDS)


def remaining(brake: Brake, *, now: float) -> float:
    """Seconds until the next registration may be issued; 0 where the pool is not braked.

    No delay is longer than that of its rounds: where more is left, the clock was set back since.
    """
    left = brake.closed_until - now
    return left if brake.failures and 0 < left <= delay_after(brake.rounds) else 0.0


def explain(brake: Brake, *, pool: str) -> str:
    """The cause in words for the Event, the answer and the log."""
    runners = "runner" if brake.failures == 1 else f"{brake.failures} runners"
    return (
        f"the last {runners} of pool {pool} ended within {max(1.0, brake.longest_run):.0f} s without a job, "
        f"the last with {brake.last_cause}"
    )
