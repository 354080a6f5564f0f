"""The job hook, called as GitHub's runner calls it: `bash -e FILE`, by a process named Runner.Worker.

As `JobHookProvider.cs`, `ScriptHandler.cs` and `FileCommandManager.cs` of actions/runner call it: an empty file in
GITHUB_STEP_SUMMARY, whose content they send on when the hook has ended; any other end than 0 fails the job.
"""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.platform.admission.container_shape import MOST_SCRIPT
from components.pools.runner_scripts import JOB_SUMMARY, START

ONE = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-d2b0c1a5-0000-1111-2222-333344445555)"
PLENTY_SECONDS = 60


@dataclass
class Job:
    """A job's end in a pod."""

    folder: Path

    @property
    def summary(self) -> Path:
        return self.folder / "summary"

    def nvidia_smi(self, script: str) -> None:
        program = self.folder / "bin/nvidia-smi"
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)

    def end(self, parent: str = "Runner.Worker", **variables: str) -> list[str]:
        """The lines of the summary. The hook has to end with 0 and to say nothing."""
        hook = self.folder / "job-summary.sh"
        hook.write_text(JOB_SUMMARY)
        worker = self.folder / parent
        worker.unlink(missing_ok=True)
        worker.symlink_to("/bin/bash")
        done = subprocess.run(
            [str(worker), "-p", "-c", f'bash -e "{hook}"; exit $?'],
            env={
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(self.summary),
                "GPU_RUNNERS_POOL": "closed/cuda", "GPU_RUNNERS_GPUS": "2 nvidia.com/gpu",
                "GPU_RUNNERS_QUEUE_TIME": str(self.folder / "seconds"), "PROCESSES_DIRECTORY": "/proc", **variables,
            },
            capture_output=True, check=False, timeout=PLENTY_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return self.summary.read_text().splitlines() if self.summary.is_file() else []


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "bin").mkdir()
    (tmp_path / "summary").touch()
    return Job(tmp_path)


def cell(lines: list[str], name: str) -> str | None:
    rows = [line.split(" | ") for line in lines]
    return next((row[1].removesuffix(" |") for row in rows if row[0] == f"| {name}"), None)


def test_the_summary_says_which_gpu_for_how_long_and_how_long_the_job_waited(job: Job) -> None:
    job.nvidia_smi(f"echo '{ONE}'; echo '{ONE.replace('GPU 0', 'GPU 1')}'")
    (job.folder / "seconds").write_text("3723")
    lines = job.end()
    assert lines[:4] == [
        "| GPU runner |  |",
        "| --- | --- |",
        "| Pool | closed/cuda |",
        "| GPU | 2 x NVIDIA H100 80GB HBM3 |",
    ]
    assert cell(lines, "For") in {f"{seconds} s" for seconds in range(PLENTY_SECONDS)}
    assert lines[-1] == "| Waited | 1 h 2 min 3 s |"
    assert "d2b0c1a5" not in job.summary.read_text()  # one's own GPU has a number that is nobody's business


def test_the_time_is_that_of_the_runners_worker(job: Job) -> None:
    processes = job.folder / "proc"
    processes.mkdir()
    (processes / "uptime").write_text("90061.25 1.00\n")
    wrapper = 'mkdir -p "$PROCESSES_DIRECTORY/$PPID"; cp "$STAT" "$PROCESSES_DIRECTORY/$PPID/stat"'
    stat = job.folder / "stat"
    stat.write_text("60 (Runner.Worker) S 8 " + " ".join(["0"] * 17) + " 60000 0 0\n")
    # The hook's own parent is only known once it runs.
    (job.folder / "environment").write_text(wrapper)
    lines = job.end(
        PROCESSES_DIRECTORY=str(processes), STAT=str(stat), BASH_ENV=str(job.folder / "environment"),
    )  # fmt: skip
    assert cell(lines, "For") == "24 h 51 min 1 s"


def test_what_is_not_known_is_not_said(job: Job) -> None:
    lines = job.end("run.sh")  # neither a worker, nor a time in the queue, nor NVIDIA's program
    assert lines == ["| GPU runner |  |", "| --- | --- |", "| Pool | closed/cuda |", "| GPU | 2 nvidia.com/gpu |"]


def test_a_pool_without_gpus_asks_nobody_for_them(job: Job) -> None:
    job.nvidia_smi(f"echo '{ONE}'")  # of the image, on a node with GPUs
    assert cell(job.end(GPU_RUNNERS_GPUS=""), "GPU") == "none"


def test_of_a_gpu_that_is_cut_its_parts_are_named(job: Job) -> None:
    part = "  MIG 1g.10gb     Device  {}: (UUID: MIG-11111111-2222-3333-4444-555555555555)"
    job.nvidia_smi(f"echo '{ONE}'; echo '{part.format(0)}'; echo '{part.format(1)}'")
    assert cell(job.end(), "GPU") == "2 x MIG 1g.10gb of NVIDIA H100 80GB HBM3"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "2 nvidia.com/gpu"),
        ("GPU 0: `x` | <b>$(touch pwned)</b> [a](b) ![](c) \\", "1 x x  btouch pwned/b ab c "),
        ("GPU 0: a[$(touch pwned)]", "1 x atouch pwned"),
        (f"GPU 0: {'long' * 99}", f"1 x {('long' * 20)}"),
        ("GPU 0: \u202ev\x1b[31m", "1 x v31m"),
    ],
)
def test_what_a_program_prints_is_a_short_text(job: Job, printed: str, expected: str) -> None:
    (job.folder / "printed").write_text(printed + "\n")
    job.nvidia_smi(f"cat '{job.folder}/printed'")
    lines = job.end()
    assert cell(lines, "GPU") == expected
    assert not list(job.folder.rglob("pwned"))
    assert not Path("pwned").exists()


def test_a_program_that_never_ends_its_list_costs_a_bounded_table(job: Job) -> None:
    job.nvidia_smi('while :; do echo "GPU 0: $((number += 1))"; done')
    job.end()
    assert 0 < job.summary.stat().st_size < 16384


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "0x10", "$(id)", "99999999999999", "a[$(id)]"])
def test_a_time_in_the_queue_that_is_none_is_left_out(job: Job, text: str) -> None:
    (job.folder / "seconds").write_text(text)
    assert cell(job.end(), "Waited") is None


def test_a_time_with_leading_zeros_is_decimal(job: Job) -> None:
    (job.folder / "seconds").write_text("0089\n")
    assert cell(job.end(), "Waited") == "1 min 29 s"


def test_a_gpu_whose_driver_hangs_delays_the_jobs_end_by_seconds(job: Job) -> None:
    job.nvidia_smi("trap '' TERM INT HUP; sleep 600 & wait")
    began = time.monotonic()
    assert cell(job.end(), "GPU") == "2 nvidia.com/gpu"
    assert time.monotonic() - began < 40


def test_a_summary_that_a_job_made_a_pipe_or_a_link_is_left_alone(job: Job) -> None:
    job.summary.unlink()
    os.mkfifo(job.summary)
    assert job.end() == []
    job.summary.unlink()
    elsewhere = job.folder / "elsewhere"
    elsewhere.touch()
    job.summary.symlink_to(elsewhere)
    job.end()
    assert elsewhere.read_text() == ""


def test_a_summary_that_is_gone_or_named_by_nobody_is_no_failure(job: Job) -> None:
    job.summary.unlink()
    assert job.end() == []
    assert job.end(GITHUB_STEP_SUMMARY="") == []


KEYWORDS = {"case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "time", "while"}
WORDS = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", JOB_SUMMARY)) - KEYWORDS
NEEDED = {
    "GITHUB_STEP_SUMMARY", "GPU_RUNNERS_GPUS", "GPU_RUNNERS_POOL", "GPU_RUNNERS_QUEUE_TIME", "PATH",
    "PROCESSES_DIRECTORY",
}  # fmt: skip
EXPORTED: dict[str, dict[str, str]] = {
    "variables": dict.fromkeys(WORDS - NEEDED - {"LC_ALL", "PPID"}, "the image's"),
    "functions": {
        f"BASH_FUNC_{name}%%": "() {  echo the image did $FUNCNAME;\n exit 3\n}" for name in [*WORDS, "[", ":"]
    },
    "options": {"SHELLOPTS": "allexport:errexit:histexpand:history:keyword:noclobber:noglob:nounset:posix"},
    "bashs own": {
        "BASH_COMPAT": "31",
        "BASHOPTS": "failglob:lastpipe:localvar_inherit:nocasematch",
        "POSIXLY_CORRECT": "1",
    },
}


@pytest.mark.parametrize("exported", EXPORTED.values(), ids=EXPORTED)
def test_nothing_that_an_image_exports_changes_the_summary_or_fails_the_job(job: Job, exported: dict[str, str]) -> None:
    job.nvidia_smi(f"echo '{ONE}'")
    (job.folder / "seconds").write_text("62")
    lines = job.end(**exported)
    assert (cell(lines, "GPU"), cell(lines, "Waited")) == ("1 x NVIDIA H100 80GB HBM3", "1 min 2 s")
    assert cell(lines, "For")


def test_an_image_without_env_has_no_summary_and_its_job_does_not_fail(job: Job) -> None:
    programs = job.folder / "few"
    programs.mkdir()
    (programs / "bash").symlink_to("/bin/bash")
    assert job.end(PATH=str(programs)) == []


def test_a_hook_fits_into_the_script_that_admission_takes() -> None:
    assert len(START["github"]) < MOST_SCRIPT
