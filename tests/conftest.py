"""What every test may ask for: GitHub's stand-in, on a real port. And what all rest on: SIGINT is not ignored, and no
test fails because the machine is busy.
"""

import signal

from hypothesis import settings

pytest_plugins = ["tests.github.stand_in"]


def pytest_configure() -> None:
    """A background job of a script ignores SIGINT, and every process that a test starts would inherit that.

    A shell cannot trap it then, and Pulumi's engine waits 5 s for a language host that it cannot end.
    """
    # Hypothesis calls an example that lasts 200 ms a failure: a busy machine, and no fault of ours.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
