"""Reads how long the registrar lets a pod take for each step."""

from typing import Final

from config.fields import Section
from values.deadlines import Deadlines

_A_DAY: Final = 86400


def read_deadlines(section: Section) -> Deadlines:
    """The section at gpu-runners:registrarDeadlines."""
    names = ("scheduleSeconds", "pullSeconds", "onlineSeconds", "lostSeconds", "ghostSeconds")
    section.known(*names)
    schedule, pull, online, lost, ghost = (section.integer(name, 5, _A_DAY) for name in names)
    return Deadlines(
        schedule_seconds=schedule,
        pull_seconds=pull,
        online_seconds=online,
        lost_seconds=lost,
        ghost_seconds=ghost,
    )
