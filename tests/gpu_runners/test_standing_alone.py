"""Processes of their own: what a command loads, how signals and closed pipes end it, and the launcher."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from tests.gpu_runners.stand_in_pulumi import FREE, StandInPulumi
from tests.program.interrupted import interrupted_while_loading
from tests.program.stack_values import ROOT

SECONDS = 30
POISONED = ("pulumi", "pulumi_kubernetes", "lightkube", "yaml", "httpx2", "access", "components", "config")
# As the real one: the first SIGINT makes it give its lock back, which takes a while; the second would break it off.
WAITS = """
trap 'echo INT >> {folder}/signals-$$; sleep 0.3; exit 255' INT
: > {folder}/waits
while :; do :; done  # dash forgets a signal that comes while it starts a process
"""

# One whose lock another machine holds.
LOCKED = """
case "$1" in
stack) echo '{{"version": 3, "deployment": {{}}}}';;
config) echo '{{}}';;
cancel) rm {folder}/lock;;
refresh) if [ -f {folder}/lock ]; then echo "error: the stack is currently locked by 1 lock(s)." \
  "file:///state/lock.json: created by root@elsewhere (pid 7) at 2026-11-24T03:33:58Z" >&2; exit 255; fi;;
esac"""


def alone(folder: Path) -> Path:
    """A checkout in which the program does not load: only what unlocking may need is whole."""
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "gpu_runners", checkout / "gpu_runners")
    shutil.copytree(ROOT / "values", checkout / "values")
    (checkout / "Pulumi.yaml").write_text("name: gpu-runners\n")
    for name in POISONED:
        (checkout / f"{name}.py").write_text(f"raise RuntimeError('{name} is broken')\n")
    return checkout


def run(arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Without any installed package."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "gpu_runners", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_stack_is_unlocked_where_the_program_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StandInPulumi.make(tmp_path, FREE, monkeypatch)
    checkout = alone(tmp_path)
    done = run(["unlock", "dev"], checkout)
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
    assert "dev is not locked and nothing in it is unfinished" in done.stdout
    broken = run(["doctor", "dev"], checkout)
    assert (broken.returncode, broken.stdout) == (ExitCode.FAILED, "")
    assert len(broken.stderr.splitlines()) == 1
    assert "`doctor` cannot be loaded: " in broken.stderr


@pytest.mark.parametrize(
    ("arguments", "loaded"), [(["--help"], set()), (["unlock", "--help"], {"unlock"}), (["nonsense"], set())]
)
def test_only_the_command_that_is_called_is_loaded(arguments: list[str], loaded: set[str]) -> None:
    script = (
        "import sys; from gpu_runners.program import main; main(sys.argv[1:]); "
        "print('loaded', *(name for name in sys.modules if '.' not in name or name.startswith('gpu_runners.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    modules = set(done.stdout.splitlines()[-1].split()[1:])
    folders = {path.name for path in (ROOT / "gpu_runners").iterdir() if path.is_dir()} - {
        "state"
    }  # which Pulumi's runner needs
    assert {name.split(".")[1] for name in modules if name.startswith("gpu_runners.")} & folders == loaded
    assert not modules & set(POISONED)


def until_there(folder: Path, pattern: str, process: "subprocess.Popen[Any]") -> None:
    """Waits for what the stand-in for Pulumi writes, as long as the command runs."""
    deadline = time.monotonic() + SECONDS
    while not any(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"the stand-in for Pulumi wrote no {pattern}"
        assert process.poll() is None
        time.sleep(0.02)


@pytest.fixture
def waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator["subprocess.Popen[str]"]:
    """A command that waits for Pulumi."""
    pulumi = StandInPulumi.make(tmp_path, WAITS.format(folder=tmp_path), monkeypatch)
    command = [sys.executable, "-m", "gpu_runners", request.param, "dev", "--folder", str(pulumi.program)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        until_there(tmp_path, "waits", process)
        yield process
        process.kill()


@pytest.mark.parametrize("waiting", ["unlock", "doctor", "review", "repair", "wait"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "kill"])
def test_a_signal_reaches_pulumi_once_and_ends_the_command_in_one_line(
    waiting: "subprocess.Popen[str]", number: signal.Signals, whole_group: bool, tmp_path: Path
) -> None:
    (os.killpg if whole_group else os.kill)(waiting.pid, number)
    output, errors = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 128 + number
    assert errors == f"error: ended by {number.name}; what was done until then stays done\n"
    # A stack's state and its config may be asked for at the same time, by one process each.
    assert {file.read_text() for file in tmp_path.glob("signals-*")} == {"INT\n"}
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_a_signal_leaves_no_copy_of_a_state(
    number: signal.Signals, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    script = f'[ "$1" = preview ] || {{ {FREE}\nexit; }}\n{WAITS.format(folder=tmp_path)}'
    pulumi = StandInPulumi.make(tmp_path, script, monkeypatch)
    command = [sys.executable, "-m", "gpu_runners", "plan", "dev", "--folder", str(pulumi.program)]
    with subprocess.Popen([*command, "--save", str(tmp_path / "plan")], cwd=ROOT, stderr=subprocess.PIPE) as process:
        until_there(tmp_path, "waits", process)
        assert list(temporary.glob("*/.pulumi/stacks/gpu-runners/dev.json")), "the copy is there as long as it is used"
        process.send_signal(number)
        if again:
            until_there(tmp_path, "signals-*", process)
            process.send_signal(number)
        process.communicate(timeout=SECONDS)
    # The second may come when all is put away and the handlers too; a shell shows the same number for that.
    assert process.returncode in ({128 + number, -number} if again else {128 + number})
    assert list(temporary.iterdir()) == []


def test_a_ctrl_c_while_it_loads_ends_it_without_a_word() -> None:
    """Which is the first third of a second, and longer where the disk is cold."""
    done = interrupted_while_loading("gpu_runners", "gpu_runners.commands")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("arguments", [["--help"], ["review", "--help"], ["stacks"]], ids=" ".join)
def test_a_pipe_that_nobody_reads_ends_it_without_a_word(arguments: list[str], tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text("{}")
    where = ["--folder", str(tmp_path)] if arguments == ["stacks"] else []
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gpu_runners", *arguments, *where], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE,
            text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED, "")


@pytest.mark.parametrize("arguments", ["--help", "stacks", "nonsense"])
def test_whoever_closes_output_or_errors_gets_no_traceback(arguments: str) -> None:
    for closed in (">&-", "2>&-", "<&- >&-"):
        line = f"exec {sys.executable} -m gpu_runners {arguments} {closed}"
        done = subprocess.run(
            ["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        assert done.returncode == (ExitCode.USAGE if arguments == "nonsense" else ExitCode.DONE)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ["<&-", "</dev/null"])
def test_whoever_cannot_answer_has_not_agreed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    pulumi = StandInPulumi.make(tmp_path, LOCKED.format(folder=tmp_path), monkeypatch)
    (tmp_path / "lock").touch()
    line = f"exec {sys.executable} -m gpu_runners unlock dev --folder {pulumi.program} {given}"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.FAILED, 1)
    assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("given", ["<&-", "</dev/null"])
def test_an_input_that_has_ended_is_no_answer(given: str) -> None:
    line = f"exec {sys.executable} -c \"from gpu_runners.question import ask; print(repr(ask('sure? ')))\" {given}"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert (done.stdout.rpartition("sure? ")[2].strip(), done.stderr) == ("''", "")


def test_what_changes_something_goes_on_when_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, LOCKED.format(folder=tmp_path), monkeypatch)
    (tmp_path / "lock").touch()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gpu_runners", "unlock", "dev", "--yes", "--folder", str(pulumi.program)],
            cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
    assert not (tmp_path / "lock").exists()


def launcher(environment: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "scripts/make-launcher", environment / "bin/python"], capture_output=True, text=True, check=False,
        timeout=SECONDS,
    )  # fmt: skip


def test_the_launcher_works_from_any_folder_and_wherever_its_environment_is(tmp_path: Path) -> None:
    environment = tmp_path / "a folder's name/venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=SECONDS)
    assert launcher(environment).returncode == 0
    program = environment / "bin/gpu-runners"

    def called(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS
        )

    assert called("unlock", "--help").stdout.startswith("usage: gpu-runners unlock")
    assert called("nonsense").returncode == ExitCode.USAGE
    assert program.read_text().index("SIG_DFL") < program.read_text().index("from gpu_runners")  # as above
    assert "No module named 'yaml'" in called("stacks").stderr  # the packages are its environment's
    moved = program.read_text().replace(str(ROOT), str(tmp_path))
    program.write_text(moved)
    gone = called("--help")
    assert (gone.returncode, gone.stderr.splitlines()) == (
        1, [f"error: {tmp_path} holds no gpu-runners any more; run scripts/make-launcher in the new checkout"]
    )  # fmt: skip


def test_the_launcher_is_not_put_beside_the_machine_s_own_python() -> None:
    base = Path(sys.base_prefix)
    if not (base / "bin/python").exists():
        base = Path(sys.base_prefix).resolve()
    before = sorted((base / "bin").iterdir())
    refused = launcher(base)
    assert refused.returncode == 1
    assert "is in no virtual environment; allowed: one" in refused.stderr
    assert sorted((base / "bin").iterdir()) == before
