"""Ctrl-C at a terminal, and the SIGTERM of a cancelled job, in the middle of `pulumi up`'s wait for runners."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab.faults.faults_of_up import OUTPUT, up_beside
from lab.trial.deadline import until
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.stack import Stack

# More than the node has: the wait goes on for as long as it may.
CROWD = pool("interrupted", gpu=gpus(1), replicas=5)
ONLINE_SECONDS = 120
POINT_SECONDS = 60.0
# Two are promised; the others are a busy machine's, and far from the wait's own end.
END_SECONDS = 10.0

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_wait_that_is_interrupted_ends_at_once_says_what_is_missing_and_leaves_no_lock(
    make_stack: MakeStack, platform: Stack, sent: signal.Signals
) -> None:
    stack = make_stack(f"tests-interrupted-{sent}", pools_config(CROWD, online_deadline_seconds=ONLINE_SECONDS))
    with up_beside(stack) as process:
        until("`up` waits for runners", lambda: " of 5 online" in said(stack), POINT_SECONDS)
        os.killpg(process.pid, sent)
        struck = time.monotonic()
        code = process.wait(ONLINE_SECONDS)
        lasted = time.monotonic() - struck
    assert code != 0
    assert lasted < END_SECONDS, said(stack)
    assert "ended while this was missing" in said(stack)
    assert "Traceback" not in said(stack)
    owed = stack.preview()  # refused where a lock is left
    assert "+ 1 to create" in owed.output, owed.output


def said(stack: Stack) -> str:
    return (stack.folder / OUTPUT).read_text()
