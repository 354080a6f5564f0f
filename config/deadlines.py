"""Reads how long the registrar lets a pod take for each step."""

from typing import Final

from config.fields import Section
from config.kinds import SECONDS, NumberKind
from values.deadlines import Deadlines

DEADLINE_KIND: Final = NumberKind(5, 86400, SECONDS)


def read_deadlines(section: Section) -> Deadlines:
    """The section at gpu-runners:registrarDeadlines."""
    names = ("scheduleSeconds", "pullSeconds", "onlineSeconds", "lostSeconds", "ghostSeconds")
    section.known(*names)
    schedule, pull, online, lost, ghost = (section.integer(name, DEADLINE_KIND) for name in names)
    return Deadlines(
        schedule_seconds=schedule,
        pull_seconds=pull,
        online_seconds=online,
        lost_seconds=lost,
        ghost_seconds=ghost,
    )
