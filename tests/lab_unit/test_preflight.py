"""The machine is asked before anything is started."""

import os
import socket
from pathlib import Path

import pytest

from lab import network, packages, preflight
from lab.errors import LabError


def test_a_busy_port_is_named_with_the_part_that_needs_it_and_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        monkeypatch.setattr(preflight, "PORTS", {"some-part": ("127.0.0.1", port)})
        with pytest.raises(LabError, match=rf"port {port} is taken, some-part needs it: .*ss -ltnp"):
            preflight.check_machine()


def test_without_root_the_cure_is_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PORTS", {})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"needs root.*sudo"):
        preflight.check_machine()


def test_another_system_is_told_what_to_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PORTS", {})
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(LabError, match=r"needs Linux \(found darwin\)"):
        preflight.check_machine()


def test_all_problems_come_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(preflight, "_is_taken", lambda host, port: True)
    monkeypatch.setattr(preflight, "PORTS", {"a-part": ("127.0.0.1", 1), "b-part": ("127.0.0.1", 2)})
    with pytest.raises(LabError) as error:
        preflight.check_machine()
    assert all(word in str(error.value) for word in ("root", "a-part", "b-part"))


def test_missing_packages_that_may_not_be_installed_are_all_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "PACKAGES", {"no-such-command": "this-package", "/no/such/file": "that-package"})
    monkeypatch.setenv(packages.REFUSE, "1")
    with pytest.raises(LabError, match=r"apt-get install .*that-package this-package"):
        packages.install(lambda _: None)


def test_a_kernel_that_cannot_filter_a_bridge_is_told_what_to_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "PORTS", {})
    monkeypatch.setattr(network, "BRIDGE_FILTER", tmp_path / "bridge-nf-call-iptables")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"no br_netfilter: .*`modprobe br_netfilter`"):
        preflight.check_machine()
