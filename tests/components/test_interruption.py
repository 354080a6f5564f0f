"""An interrupt ends the program soon and without a traceback, at whatever moment it comes."""

import time

import pytest

from components.interruption import SAID_ITSELF
from tests.components.started_program import (
    ENDS_WITHIN_SECONDS,
    interrupt_until_it_ends,
    read_until,
    started_program,
)

READY = "ready"
# As pulumi-language-python-exec runs a program: in a loop of its own, whose threads are waited for at the end. Here one
# thread waits for an answer that does not come, as the SDK's do as soon as the `up` has failed.
PROGRAM = f"""
from components.interruption import UpInterruptedError, end_at_interrupts, interruption
end_at_interrupts()

import asyncio, hashlib, threading, time
from concurrent.futures import ThreadPoolExecutor
from components.cluster_hook import cluster_hook

def ready():
    print("{READY}", flush=True)

async def hook(missing):
    with interruption() as interrupted:
        ready()
        await interrupted
        print(missing(), flush=True)

async def program():
    loop.run_in_executor(None, threading.Event().wait)
    {{moment}}

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
executor = ThreadPoolExecutor(4)
loop.set_default_executor(executor)
try:
    loop.run_until_complete(program())
finally:
    executor.shutdown(wait=True)
"""
MOMENTS = {
    "it declares": "ready(); time.sleep(60)",
    "it is in C": "ready(); hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",
    "it waits for the engine, as after a failed step": "ready(); await asyncio.Event().wait()",
    "it has failed, and waits for its threads": "ready(); raise SystemExit(1)",
    "a hook does not answer": "\n    with interruption():\n        ready(); time.sleep(60)",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_ends_the_program_without_a_word(moment: str) -> None:
    with started_program(PROGRAM.format(moment=MOMENTS[moment])) as process:
        read_until(process, READY)
        struck = time.monotonic()
        code = interrupt_until_it_ends(process)
        assert time.monotonic() - struck < ENDS_WITHIN_SECONDS
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert code == SAID_ITSELF, "or the language host adds a line of its own"


def interrupted(moment: str) -> str:
    """What a program says that is interrupted there."""
    with started_program(PROGRAM.format(moment=moment)) as process:
        read_until(process, READY)
        assert interrupt_until_it_ends(process) == SAID_ITSELF
        assert process.stdout is not None
        return process.stdout.read().replace(f"{READY}\n", "")


def test_one_interrupt_ends_every_wait_of_an_up() -> None:
    several = "await asyncio.gather(*(hook(lambda number=number: str(number)) for number in range(3)))"
    assert sorted(interrupted(several).split()) == ["0", "1", "2"]


def test_the_program_waits_for_a_hook_that_answers_slowly() -> None:
    assert interrupted("await hook(lambda: time.sleep(0.6) or 'cuda')") == "cuda\n"


def test_a_hook_that_begins_after_the_interrupt_answers_at_once() -> None:
    assert interrupted("await hook(lambda: 'first'); await hook(lambda: 'second')") == "first\nsecond\n"


def test_what_was_printed_before_comes_out() -> None:
    assert interrupted("ready(); print('of the program'); time.sleep(60)") == "of the program\n"
