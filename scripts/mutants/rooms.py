"""What is tried, and by which tests: a room's mutants are for the unit tests of that room to kill."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Room:
    """`files`: patterns of what is changed, below the folder `source`; `spared`: what of it another room has.

    `left_out`: pytest's words for tests that are not asked, because each of them lasts longer than a mutant may, or
    starts the program in a process of its own.
    """

    source: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    spared: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def has(self, file: str) -> bool:
        """Whether a file's mutants are this room's to kill."""
        return _matches(file, self.files) and not _matches(file, self.spared)

    def narrowed(self, files: Iterable[str]) -> "Room":
        """The same tests for these of its files alone."""
        return replace(self, files=tuple(file for file in files if self.has(file)))


def _matches(file: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


_REGISTRAR_LEFT_OUT: Final = (
    "--ignore=tests/registrar/test_load.py",
    "--ignore=tests/registrar/test_killed.py",
    "--ignore=tests/registrar/test_image.py",
    "--ignore=tests/registrar/test_proxy.py",
    "--deselect=tests/registrar/test_listener.py::test_2000_bad_or_half_requests_cost_no_registration_and_little_memory",
    "--deselect=tests/registrar/test_listener.py::test_700_half_sent_requests_leave_the_health_of_the_registrar_alone",
    "--deselect=tests/registrar/test_github_loop.py::"
    "test_200_pods_that_start_at_once_break_no_limit_and_cost_one_change_each",
    "--deselect=tests/registrar/test_github_loop.py::"
    "test_with_200_runs_that_go_on_a_new_runner_is_online_and_a_leaving_one_off_within_seconds",
)

# What the registrar decides by values alone; the tests of its wiring last ten times longer.
_DECISIONS: Final = (
    "brake", "brakes", "decisions", "forge_watch", "outcomes", "ownership", "reading", "results", "settings",
    "situation", "strangers", "untrusted",
)  # fmt: skip
_TESTED_ALONE: Final = (*(name for name in _DECISIONS if name != "brakes"), "accounting", "losses")

ROOMS: Final[Mapping[str, Room]] = {
    "decisions": Room(
        source="registrar",
        files=tuple(f"registrar/{name}.py" for name in _DECISIONS),
        tests=tuple(f"tests/registrar/test_{name}.py" for name in _TESTED_ALONE),
    ),
    "registrar": Room(
        source="registrar",
        files=("registrar/*",),
        tests=("tests/registrar",),
        spared=tuple(f"registrar/{name}.py" for name in _DECISIONS),
        left_out=_REGISTRAR_LEFT_OUT,
    ),
    "review": Room(source="gpu_runners", files=("gpu_runners/review/core/*",), tests=("tests/gpu_runners/review",)),
    "online": Room(source="access", files=("access/online/*",), tests=("tests/access/online",)),
    "commands": Room(
        source="gpu_runners",
        files=(
            "gpu_runners/unlock/*",
            "gpu_runners/wait/*",
            "gpu_runners/doctor/core/*",
            "gpu_runners/init/core/*",
            "gpu_runners/state/*",
            "gpu_runners/review/stack_lock.py",
            "gpu_runners/review/runner_removal.py",
        ),
        tests=(
            "tests/gpu_runners/unlock",
            "tests/gpu_runners/wait",
            "tests/gpu_runners/doctor",
            "tests/gpu_runners/init",
            "tests/gpu_runners/state",
            "tests/gpu_runners/review/test_stack_lock.py",
            "tests/gpu_runners/review/test_runner_removal.py",
        ),
    ),
}
