"""What of the lab's caches may go, and that it goes."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from lab import build, daemon, outdated, paths
from lab.catalogue import Program, program
from lab.outdated import DAY, images_named, outdated_builds, outdated_images

NOW = 100 * DAY
ONE, TWO, OTHER = "lab.local/one", "lab.local/two", "example.com/three"


def test_a_build_that_nobody_used_for_a_week_goes_and_one_of_this_checkout_never() -> None:
    used = {"etcd-old": NOW - 8 * DAY, "etcd-other-checkout": NOW - 6 * DAY, "etcd-now": NOW - 90 * DAY}
    assert outdated_builds(used, {"etcd-now"}, NOW) == ["etcd-old"]


def test_what_a_killed_build_left_goes_after_a_day_and_one_that_runs_is_left_alone() -> None:
    used = {".build-killed": NOW - 2 * DAY, ".module-killed": NOW - 2 * DAY, ".build-running": NOW - 600}
    assert outdated_builds(used, set(), NOW) == [".build-killed", ".module-killed"]


def test_an_older_image_goes_with_all_of_its_names() -> None:
    present = {
        f"{ONE}:lab": "sha256:new",
        f"{ONE}@sha256:new": "sha256:new",
        "sha256:number-of-new": "sha256:new",
        f"{ONE}@sha256:old": "sha256:old",
        "sha256:number-of-old": "sha256:old",
    }
    assert outdated_images(present, {"sha256:new"}, set()) == [f"{ONE}@sha256:old", "sha256:number-of-old"]


def test_an_older_image_stays_as_long_as_an_object_names_it_even_one_that_has_no_pods() -> None:
    present = {f"{TWO}@sha256:old": "sha256:old", "sha256:number": "sha256:old", f"{TWO}@sha256:older": "sha256:older"}
    assert outdated_images(present, set(), {f"{TWO}@sha256:old"}) == [f"{TWO}@sha256:older"]


def test_an_image_that_is_not_the_labs_own_stays() -> None:
    present = {OTHER: "sha256:x", "sha256:number": "sha256:x", "sha256:of-nobody": "sha256:y", f"{ONE}:b": "sha256:x"}
    assert outdated_images(present, set(), set()) == []


def test_images_are_found_wherever_an_object_has_its_pods() -> None:
    pod = {"containers": [{"image": ONE}], "initContainers": [{"image": TWO}], "volumes": [{"image": {"reference": 1}}]}
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}
    assert images_named({"items": [{"spec": {"template": {"spec": {"containers": [{"image": OTHER}]}}}}, cron]}) == {
        ONE,
        TWO,
        OTHER,
    }


def test_a_build_is_used_whenever_the_lab_comes_up_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PROGRAMS", tmp_path / "programs")
    monkeypatch.setattr(paths, "BIN", tmp_path / "bin")
    source = tmp_path / "modules/hello"
    source.mkdir(parents=True)
    monkeypatch.setattr(paths, "PROGRAM_MODULES", tmp_path / "modules")
    hello = Program("hello", "hello", (".",), binary="hello")
    monkeypatch.setattr(build, "programs", lambda: (hello,))
    hello.folder.mkdir(parents=True)
    (hello.folder / "hello").touch()
    os.utime(hello.folder, (0, 0))
    build.build_all(lambda _: None)
    assert time.time() - hello.folder.stat().st_mtime < DAY


def test_a_sweep_takes_old_builds_and_old_logs_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PROGRAMS", tmp_path)
    monkeypatch.setattr(paths, "PULUMI_HOME", tmp_path / "pulumi")
    monkeypatch.setattr(outdated, "MOST_LOG_BYTES", 150)
    current = program("etcd").folder
    for folder in (current, tmp_path / "etcd-0123456789abcdef", tmp_path / "etcd-yesterday"):
        folder.mkdir()
        (folder / "etcd").touch()
        os.utime(folder, (0, 0))
    outdated.use(tmp_path / "etcd-yesterday")
    (tmp_path / "etcd.log").touch()
    logs = tmp_path / "pulumi/logs"
    logs.mkdir(parents=True)
    for age in range(3):
        (logs / f"{age}").write_bytes(b"x" * 100)
        os.utime(logs / f"{age}", (1_000_000 - age, 1_000_000 - age))
    outdated.sweep()
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {current.name, "etcd-yesterday", "etcd.log", "pulumi"}
    assert [entry.name for entry in logs.iterdir()] == ["0"]


def test_a_log_that_has_grown_keeps_its_end(tmp_path: Path) -> None:
    log = tmp_path / "kubelet.log"
    daemon.shorten(log)
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    daemon.shorten(log, most_bytes=10_000)
    assert len(log.read_text().splitlines()) == 100
    daemon.shorten(log, most_bytes=100, kept_bytes=20)
    assert log.read_text() == "line 98\nline 99\n"


def test_a_registrar_whose_image_was_built_anew_is_replaced_and_no_runner() -> None:
    def pod(name: str, image: str, part: str) -> dict[str, Any]:
        labels = {outdated.NAME_LABEL: part}
        return {
            "metadata": {"namespace": "a", "name": name, "labels": labels},
            "spec": {"containers": [{"image": image}]},
        }

    pods = [
        pod("registrar-1", "lab.local/registrar:lab", "registrar"),
        pod("registrar-2", "lab.local/registrar@sha256:1", "registrar"),
        pod("cuda-1", "lab.local/registrar:lab", "cuda"),
        {
            "metadata": {"namespace": "a", "name": "bare"},
            "spec": {"containers": [{"image": "lab.local/registrar:lab"}]},
        },
    ]
    assert outdated.registrars_of(pods, ["lab.local/registrar:lab", "lab.local/pulumi:lab"]) == [("a", "registrar-1")]
    assert outdated.registrars_of(pods, []) == []
