"""The lab's own error: a fact, and what to do about it. Printed as one message, never as a traceback."""


class LabError(Exception):
    """Something the lab needs is missing or failed; the message names the cure and, where there is one, the log."""
