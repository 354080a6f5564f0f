"""Commands are run as they are, and each process below them is seen with its CPU time."""

import sys
from pathlib import Path

import pytest

from bench.command import PROGRAM, cpu_seconds, family, parent_of, process_name, run
from lab.errors import LabError

BUSY = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"


def test_a_process_below_a_command_is_seen_with_its_cpu_seconds(tmp_path: Path) -> None:
    ran = run([["/bin/sh", "-c", f"{sys.executable} -c '{BUSY}'; true"]], tmp_path, {})
    python = Path(sys.executable).name
    assert ran.cpu[python] > 0.2
    assert sum(ran.cpu.values()) >= 0.4
    assert ran.began <= ran.born[python] <= ran.ended


def test_a_command_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="ended with 3:\nno such chart"):
        run([["/bin/sh", "-c", "echo no such chart; exit 3"]], tmp_path, {})


def test_processes_are_called_by_their_file_and_a_pulumi_program_by_what_it_is() -> None:
    assert process_name(b"/opt/bin/helm\0upgrade\0") == "helm"
    assert process_name(b"/venv/bin/python3\0-u\0/opt/bin/pulumi-language-python-exec\0--x\0") == PROGRAM
    assert process_name(b"/opt/bin/pulumi-language-python\0-v\0") == "pulumi-language-python"
    assert process_name(b"") == ""


def test_cpu_seconds_are_read_whatever_the_process_is_called() -> None:
    stat = "7 (a (b) c 1 2 3) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 9 9 20 0 1 0 100 1 1 1"
    assert cpu_seconds(stat) == 2.0
    assert parent_of(stat) == 1


def test_all_that_a_command_started_is_its_family_and_nothing_else() -> None:
    assert family(7, {1: 0, 7: 1, 8: 7, 9: 8, 10: 1, 11: 7}) == [7, 8, 11, 9]
    assert family(7, {1: 0}) == []
