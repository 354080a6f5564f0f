"""One key or one passphrase that opens the platform's secrets and an environment's is a failure, whatever its form."""

import pytest

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.core.worlds import OtherStack, worlds


def other(*, has_platform: bool, salt: str = "", is_in_reach: bool = False) -> OtherStack:
    return OtherStack(name="other", has_platform=has_platform, salt=salt, is_in_reach=is_in_reach)


def judged(has_platform: bool, *others: OtherStack, mine: str = "mine") -> list[tuple[State, str]]:
    found = worlds("dev", has_platform=has_platform, others=others, opens=lambda salt: salt == mine)
    return [(finding.state, finding.found) for finding in found]


@pytest.mark.parametrize("has_platform", [True, False])
@pytest.mark.parametrize(
    ("salt", "is_in_reach", "words"),
    [
        ("", True, "the credentials that reach this state reach that one"),
        ("mine", False, "this passphrase opens its secrets"),
        ("mine", True, "the credentials that reach this state reach that one, and this passphrase opens its secrets"),
        ("its own", True, "the credentials that reach this state reach that one"),
    ],
)
def test_a_key_or_a_passphrase_that_opens_both_fails(
    has_platform: bool, salt: str, is_in_reach: bool, words: str
) -> None:
    ((state, found),) = judged(has_platform, other(has_platform=not has_platform, salt=salt, is_in_reach=is_in_reach))
    assert state is State.FAILED
    assert found.endswith(f": {words}")


@pytest.mark.parametrize("has_platform", [True, False])
def test_stacks_of_one_world_and_those_out_of_reach_are_no_failure(has_platform: bool) -> None:
    same = other(has_platform=has_platform, salt="mine", is_in_reach=True)
    apart = other(has_platform=not has_platform, salt="its own")
    ((state, found),) = judged(has_platform, same, apart)
    assert state is State.OK
    assert found.startswith("no stack of pools is" if has_platform else "no platform's stack is")
