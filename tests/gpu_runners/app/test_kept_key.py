"""An App's key that could not go where it belongs is kept somewhere, and overwrites no other."""

import stat
from pathlib import Path

import pytest

from gpu_runners.app.kept_key import keep_key


def test_a_second_key_leaves_the_first_where_it_is(tmp_path: Path) -> None:
    first, second = keep_key(tmp_path, "gpus", "one"), keep_key(tmp_path, "gpus", "two")
    assert first == tmp_path / "gpus.private-key.pem"
    assert second
    assert second.parent == tmp_path
    assert (first.read_text(), second.read_text()) == ("one", "two")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (first, second)} == {0o600}
    assert second.match("*.private-key.pem")  # which git leaves out


def test_where_the_folder_takes_nothing_the_key_goes_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    kept = keep_key(tmp_path / "gone", "gpus", "one")
    assert kept
    assert (kept.parent, kept.read_text()) == (tmp_path, "one")


def test_a_link_of_that_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "gpus.private-key.pem").symlink_to(tmp_path / "others")
    kept = keep_key(tmp_path, "gpus", "one")
    assert kept
    assert not kept.is_symlink()
    assert not (tmp_path / "others").exists()
