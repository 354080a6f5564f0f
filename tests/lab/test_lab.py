"""The lab itself: whole, left alone by a second `lab up`, and gone without a trace."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import cluster, network, outside, paths
from lab.daemon import stop
from lab.github import daemon, parts


def pids() -> dict[str, int | None]:
    return {part.name: part.pid for part in cluster.status()}


@pytest.mark.usefixtures("lab")
def test_every_part_of_the_lab_is_ready() -> None:
    assert [part.name for part in cluster.status() if not part.ready] == []


@pytest.mark.usefixtures("lab")
def test_a_second_lab_up_restarts_nothing() -> None:
    before = pids()
    said: list[str] = []
    cluster.up(said.append)
    assert pids() == before
    assert len(said) == 1, said


@pytest.mark.usefixtures("lab")
def test_the_stand_in_for_github_has_a_line_of_its_own_once_it_runs() -> None:
    parts.up(print)
    assert [part.ready for part in cluster.status() if part.name == daemon.NAME] == [True]


CLEANING = """
from lab import network
def found(): return [any(map(network.has_kubernetes_rules, network.TABLES)), bool(network.kubernetes_sets())]
before = found()
network.remove_kubernetes_rules_and_sets()
print(before, found())
"""


@pytest.mark.usefixtures("platform")
def test_lab_down_takes_out_every_rule_and_set_that_enforces_a_policy(tmp_path: Path) -> None:
    rules, sets, script = tmp_path / "rules", tmp_path / "sets", tmp_path / "cleaning.py"
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True, timeout=20).stdout
    # The counters that two of kube-proxy's rules name are the host's alone.
    rules.write_text("".join(line for line in saved.splitlines(keepends=True) if "nfacct" not in line))
    sets.write_text(subprocess.run(["ipset", "save"], capture_output=True, text=True, check=True, timeout=20).stdout)
    script.write_text(CLEANING)
    assert "KUBE-POD-FW-" in rules.read_text()
    # Tried on a copy in a network namespace of its own: the lab itself goes on.
    steps = (
        f"ipset restore -file {sets}; ipset create others hash:ip; iptables-restore {rules}; "
        f"{sys.executable} {script}; ipset list -name; iptables-save"
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-e", "-c", steps], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(paths.REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said, *left = done.stdout.splitlines()
    assert said == "[True, True] [False, False]"
    assert "others" in left
    assert "KUBE-" not in done.stdout


@pytest.mark.usefixtures("lab")
def test_the_world_outside_comes_and_goes_without_a_trace() -> None:
    outside.up()
    assert [part.ready for part in cluster.status() if part.name == outside.NAME] == [True]
    before = subprocess.run(["ip", "rule"], capture_output=True, text=True, check=True, timeout=20).stdout
    assert outside.TABLE in before
    stop(outside.NAME)
    outside.down()
    after = subprocess.run(["ip", "rule"], capture_output=True, text=True, check=True, timeout=20).stdout
    assert outside.TABLE not in after
    assert not outside.is_there()
    assert not Path("/sys/class/net/lab-out0").exists()


def test_the_folder_of_the_pods_network_namespaces_is_a_mount_before_the_first_pod() -> None:
    # Made by a later `ip netns add`, it would cover those of the pods that run: `lab down` could not delete them.
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    folder = str(network.NAMESPACES.resolve())
    assert next(mount for mount in mounts if mount.startswith(folder)) == folder
