"""What every test may ask for: GitHub's stand-in, on a real port. And what all rest on: SIGINT is not ignored."""

import signal

pytest_plugins = ["tests.github.stand_in"]


def pytest_configure() -> None:
    """A background job of a script ignores SIGINT, and every process that a test starts would inherit that.

    A shell cannot trap it then, and Pulumi's engine waits 5 s for a language host that it cannot end.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
