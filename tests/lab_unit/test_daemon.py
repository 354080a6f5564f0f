"""Parts of the lab are real processes: started once, recognised, stopped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import daemon, paths
from lab.daemon import Daemon
from lab.errors import LabError


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of its own, with nothing left running."""
    monkeypatch.setattr(paths, "STATE", tmp_path)
    monkeypatch.setattr(paths, "LOGS", tmp_path / "logs")
    yield tmp_path
    for name in daemon.known():
        daemon.stop(name)


def test_a_part_is_started_once() -> None:
    part = Daemon("sleeper", ["sleep", "60"])
    part.start()
    first = daemon.running_pid("sleeper")
    part.start()
    assert first is not None
    assert daemon.running_pid("sleeper") == first


def test_a_stopped_part_is_gone() -> None:
    Daemon("sleeper", ["sleep", "60"]).start()
    assert daemon.stop("sleeper")
    assert not daemon.is_running("sleeper")
    assert not daemon.stop("sleeper")


def test_a_process_id_that_somebody_else_has_now_is_not_ours(own_state: Path) -> None:
    (own_state / "run").mkdir()
    (own_state / "run/stranger.pid").write_text(f"{os.getpid()} 1\n")
    assert not daemon.is_running("stranger")
    assert not daemon.stop("stranger")


def test_a_part_that_ends_while_it_starts_is_an_error_with_its_last_words() -> None:
    part = Daemon("broken", ["sh", "-c", "echo no such flag; exit 3"], ready=lambda: False)
    with pytest.raises(LabError, match=r"(?s)broken ended.*no such flag.*broken\.log"):
        part.start()


def test_a_part_that_is_never_ready_is_an_error_at_its_deadline() -> None:
    part = Daemon("slow", ["sleep", "60"], ready=lambda: False, deadline_seconds=0.3)
    with pytest.raises(LabError, match="slow was not ready within"):
        part.start()


def test_describing_a_part_writes_nothing_and_starting_it_writes_its_configuration(own_state: Path) -> None:
    config = own_state / "part" / "config"
    part = Daemon("sleeper", ["sleep", "60"], files={config: "text"})
    assert not config.exists()
    part.start()
    assert config.read_text() == "text"
    config.write_text("touched")
    part.start()
    assert config.read_text() == "touched", "a running part's configuration was written again"
