"""The scripts of a runner's pod, run as they are by `sh` against a real server and real processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.pools import runner_scripts
from components.pools.runner_scripts import JOB_SUMMARY, PRE_STOP, REGISTER, START
from tests.components.pools.registrar_server import Answer, serving


@dataclass(frozen=True)
class PodFolder:
    """The files of a pod, and the variables that say where they are."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "CORDON_SECONDS": "0",
            "GPU_RUNNERS_PROGRAMS": str(self.root / "programs"),
            "HOME": str(self.root / "work/home"),
            "JOBS_DIRECTORY": str(self.root / "work/jobs"),
            "PROCESSES_DIRECTORY": str(self.root / "proc"),
            "PROTECT_JOB_SECONDS": "3600",
            "REGISTRATION_DIRECTORY": str(self.root / "registration"),
            "RUNNER_DIRECTORY": str(self.root / "runner"),
            "RUNNER_PROCESS": "1",
            "RUNNER_SOURCE": str(self.root / "image"),
            "TERMINATION_LOG": str(self.root / "termination-log"),
            "TOKEN_FILE": str(self.root / "token"),
            "TRUST_DIRECTORY": str(self.root / "trust"),
        }

    def start(self, script: str, through: Sequence[str] = (), **variables: str) -> subprocess.Popen[str]:
        """By sh, which another command may start."""
        # Tests that run in a script's background inherit an ignored SIGINT, which no shell can trap: a pod does not.
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=INT", *through, "/bin/sh", "-c", script],
            env=self.environment | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, script: str, **variables: str) -> tuple[int, str]:
        """The exit code and what was written to standard error."""
        process = self.start(script, **variables)
        _, errors = process.communicate(timeout=60)
        return process.returncode, errors

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture
def pod(tmp_path: Path) -> PodFolder:
    for name in ("image", "registration", "runner", "trust", "proc", "work/jobs", "work/home"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "image/.hidden").write_text("x")
    return PodFolder(tmp_path)


def test_a_token_is_traded_for_a_registration(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(200, '{"id": 7}')]) as server:
        code, errors = pod.run(REGISTER)
    assert (code, errors) == (0, "")
    assert server.asked == [("/registrations", "Bearer pod-token")]
    assert pod.text("registration/registration") == '{"id": 7}'
    assert os.listdir(pod.root / "registration") == ["registration"]


def test_no_proxy_of_the_pod_or_its_image_is_asked_for_the_registrar(pod: PodFolder) -> None:
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    with serving(pod.root / "trust", [Answer(200, '{"id": 7}')]):
        assert pod.run(REGISTER, **nowhere) == (0, "")


def test_the_runners_files_are_copied_with_the_hidden_ones(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        pod.run(REGISTER)
    assert pod.text("runner/.hidden") == "x"


def test_a_token_that_is_not_accepted_yet_is_shown_again_for_a_while(pod: PodFolder) -> None:
    refused = Answer(401, '{"reason": "TokenSignature", "message": "no"}')
    with serving(pod.root / "trust", [refused, refused, Answer(200, "{}")]) as server:
        code, _ = pod.run(REGISTER)
    assert code == 0
    assert len(server.asked) == 3


def test_a_token_that_is_never_accepted_is_refused_in_the_end(pod: PodFolder) -> None:
    refused = Answer(401, '{"reason": "TokenSignature", "message": "no"}')
    with serving(pod.root / "trust", [refused] * 3) as server:
        code, _ = pod.run(REGISTER, TOKEN_TRIES="2")
    assert code == 1
    assert len(server.asked) == 2
    assert "TokenSignature" in pod.text("termination-log")


@pytest.mark.parametrize("wait", ["121", "999999", "99999999999999999999"])
def test_no_answer_makes_a_pod_sleep_for_longer_than_two_minutes(pod: PodFolder, wait: str) -> None:
    sleep = pod.root / "bin/sleep"
    sleep.parent.mkdir()
    sleep.write_text(f'#!/bin/sh\necho "$1" >> {pod.root}/slept\n')
    sleep.chmod(0o755)
    with serving(pod.root / "trust", [Answer(503, "{}", {"Retry-After": wait}), Answer(200, "{}")]):
        code, _ = pod.run(REGISTER, PATH=f"{sleep.parent}:{os.environ['PATH']}")
    assert (code, pod.text("slept")) == (0, "120\n")


@pytest.mark.parametrize("status", [403, 409])
def test_a_refusal_ends_it_and_is_the_pods_last_word(pod: PodFolder, status: int) -> None:
    with serving(pod.root / "trust", [Answer(status, '{"reason": "NotGranted", "message": "no"}')]) as server:
        code, _ = pod.run(REGISTER)
    assert code == 1
    assert len(server.asked) == 1
    assert (
        pod.text("termination-log") == f'registration refused ({status}): {{"reason": "NotGranted", "message": "no"}}'
    )
    assert not (pod.root / "registration/registration").exists()


@pytest.mark.parametrize("status", [429, 503])
def test_the_registrar_says_how_long_to_wait(pod: PodFolder, status: int) -> None:
    later = Answer(status, '{"reason": "Braked"}', {"Retry-After": "2"})
    with serving(pod.root / "trust", [later, Answer(200, "{}")]) as server:
        start = time.monotonic()
        code, errors = pod.run(REGISTER)
    assert code == 0
    assert len(server.asked) == 2
    assert time.monotonic() - start >= 2
    assert "next try in 2 s" in errors
    assert "Braked" in errors


def test_a_registrar_that_is_away_is_waited_for(pod: PodFolder) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    (pod.root / "trust/url").write_text(f"https://localhost:{port}")
    (pod.root / "trust/ca.crt").write_text("")
    process = pod.start(REGISTER)
    assert process.stderr is not None
    while "answered 000" not in process.stderr.readline():
        assert process.poll() is None
    with serving(pod.root / "trust", [Answer(200, "{}")], port):
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_registration_is_asked_for_while_the_runners_files_are_copied(pod: PodFolder) -> None:
    waits = f'[ ! -e "{pod.root}/registration/.answer" ]'
    put_program(
        pod,
        "cp",
        f'n=0; while {waits} && [ "$n" -lt 300 ]; do n=$((n + 1)); sleep 0.1; done; {waits} || exit 0; exit 9',
    )
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        code, errors = pod.run(REGISTER, PATH=f"{pod.root / 'bin'}:{os.environ['PATH']}")
    assert (code, errors) == (0, "")


def test_what_a_job_left_in_its_home_tells_nobody_the_token(pod: PodFolder) -> None:
    (pod.root / "home").mkdir(exist_ok=True)
    (pod.root / "home/.curlrc").write_text(f"trace-ascii = {pod.root}/said\n")
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        code, _ = pod.run(REGISTER, HOME=str(pod.root / "home"))
    assert code == 0
    assert not (pod.root / "said").exists()


def test_without_the_runners_files_there_is_no_registration(pod: PodFolder) -> None:
    put_program(pod, "cp", 'echo "No space left on device" >&2; exit 1')
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        code, errors = pod.run(REGISTER, PATH=f"{pod.root / 'bin'}:{os.environ['PATH']}")
    assert code == 1
    assert "No space left on device" in errors
    assert not (pod.root / "registration/registration").exists()


@pytest.mark.parametrize("knows_parts_of_a_second", [True, False])
def test_a_new_pod_that_is_turned_away_asks_again_soon_and_then_as_of_anybody(
    pod: PodFolder, knows_parts_of_a_second: bool
) -> None:
    refuses = "" if knows_parts_of_a_second else "case $1 in *.*) exit 1 ;; esac\n"
    put_program(pod, "sleep", f'{refuses}echo "$1" >> {pod.root}/slept')
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        (pod.root / "trust/url").write_text(f"https://localhost:{held.getsockname()[1]}")
        (pod.root / "trust/ca.crt").write_text("")
        with pod.start(REGISTER, PATH=f"{pod.root / 'bin'}:{os.environ['PATH']}") as process:
            assert process.stderr is not None
            for _ in range(2):  # at the second such line it has slept after the first
                while "next try in" not in process.stderr.readline():
                    assert process.poll() is None
            process.kill()
    slept = pod.text("slept").split()
    soon = ["0.05"] * 20 if knows_parts_of_a_second else []
    assert slept[: len(soon)] == soon
    assert all(float(seconds) >= 1 for seconds in slept[len(soon) :])


def test_an_odd_answer_is_no_registration(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(500, "oops"), Answer(200, "{}")]) as server:
        code, _ = pod.run(REGISTER)
    assert code == 0
    assert len(server.asked) == 2
    assert pod.text("registration/registration") == "{}"


def test_a_renewed_token_is_used_at_the_next_try(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(503, "", {"Retry-After": "1"}), Answer(200, "{}")]) as server:
        process = pod.start(REGISTER)
        assert process.stderr is not None
        while "next try" not in process.stderr.readline():
            assert process.poll() is None
        (pod.root / "token").write_text("renewed")
        process.communicate(timeout=60)
    assert [token for _, token in server.asked] == ["Bearer pod-token", "Bearer renewed"]


def test_a_registrar_with_another_ca_is_not_trusted(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(200, "{}")]) as server:
        other = pod.root / "other"
        other.mkdir()
        with serving(other, [Answer(200, "{}")]):
            (pod.root / "trust/ca.crt").write_text((other / "ca.crt").read_text())
        process = pod.start(REGISTER)
        assert process.stderr is not None
        while "answered 000" not in process.stderr.readline():
            assert process.poll() is None
        process.kill()
        process.communicate()
    assert server.asked == []


def process_file(pod: PodFolder, pid: int, name: str, parent: int, state: str = "S") -> None:
    (pod.root / f"proc/{pid}").mkdir()
    (pod.root / f"proc/{pid}/stat").write_text(f"{pid} ({name}) {state} {parent} {pid} 0 -1\n")


def test_an_idle_runner_leaves_at_once(pod: PodFolder) -> None:
    process_file(pod, 1, "gitea-runner", 0)
    process_file(pod, 50, "sh", 0)
    process_file(pod, 51, "sleep", 50)
    assert pod.run(PRE_STOP) == (0, "")


def test_what_is_left_of_ended_processes_is_no_job(pod: PodFolder) -> None:
    process_file(pod, 1, "gitea-runner", 0)
    process_file(pod, 60, "git", 1, "Z")
    assert pod.run(PRE_STOP) == (0, "")


def assert_waits(process: subprocess.Popen[str], until: Path) -> None:
    """The script is still there after it has looked at least twice, and goes once the path is gone."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    (until / "stat").unlink(missing_ok=True)
    until.rmdir()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_child_of_giteas_runner_is_a_job(pod: PodFolder) -> None:
    process_file(pod, 1, "gitea-runner", 0)
    process_file(pod, 60, "a (job) with spaces", 1)
    assert_waits(pod.start(PRE_STOP), pod.root / "proc/60")


def test_githubs_worker_is_a_job_and_its_listener_is_none(pod: PodFolder) -> None:
    process_file(pod, 1, "run.sh", 0)
    process_file(pod, 8, "Runner.Listener", 1)
    assert pod.run(PRE_STOP, RUNNER_PROCESS="none") == (0, "")
    process_file(pod, 60, "Runner.Worker", 8)
    assert_waits(pod.start(PRE_STOP, RUNNER_PROCESS="none"), pod.root / "proc/60")


def test_a_job_between_two_steps_is_still_a_job(pod: PodFolder) -> None:
    directory = pod.root / "work/jobs/0123456789abcdef/hostexecutor"
    directory.mkdir(parents=True)
    assert_waits(pod.start(PRE_STOP), directory)


def test_a_pod_that_waits_for_its_registration_leaves_at_once_when_it_is_deleted(pod: PodFolder) -> None:
    patience = [Answer(503, "{}", {"Retry-After": "60"})]
    with serving(pod.root / "trust", patience), pod.start(REGISTER) as waiting:
        assert waiting.stderr is not None
        assert "next try in 60 s" in waiting.stderr.readline()
        waiting.terminate()
        # 143 is the script's own answer; without one, process 1 of a container would not even notice.
        assert waiting.wait(timeout=30) == 143


@pytest.fixture
def real_runner() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child, as a runner with a step."""
    script = "sleep 60 & echo step has begun; wait"
    with subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_look_works_on_real_processes(pod: PodFolder, real_runner: subprocess.Popen[bytes]) -> None:
    with pod.start(PRE_STOP, PROCESSES_DIRECTORY="/proc", RUNNER_PROCESS=str(real_runner.pid)) as looking:
        with pytest.raises(subprocess.TimeoutExpired):
            looking.wait(timeout=1.5)
        os.killpg(real_runner.pid, signal.SIGKILL)
        real_runner.wait()
        looking.communicate(timeout=30)
    assert looking.returncode == 0


def fake_runner(pod: PodFolder, text: str) -> None:
    path = pod.root / "runner/gitea-runner"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_giteas_runner_is_started_with_a_config_of_ours(pod: PodFolder) -> None:
    fake_runner(pod, f'echo "$@" > {pod.root}/arguments')
    (pod.root / "registration/registration").write_text('{"id": 7, "labels": ["gpu:host"]}')
    code, errors = pod.run(START["gitea"])
    assert (code, errors) == (0, "")
    assert pod.text("arguments") == f"daemon --config {pod.root}/registration/config.yaml\n"
    assert pod.text("registration/.runner") == '{"id": 7, "labels": ["gpu:host"]}\n'
    config = pod.text("registration/config.yaml")
    for line in (
        "fetch_interval: 1s",
        "state_report_interval: 2s",
        "report_close_timeout: 5m",
        "shutdown_timeout: 3600s",
    ):
        assert line in config
    assert f"file: {pod.root}/registration/.runner" in config


def test_the_start_needs_nothing_of_the_image_but_sh_and_sleep(pod: PodFolder, tmp_path: Path) -> None:
    fake_runner(pod, "exit 0")
    (pod.root / "registration/registration").write_text("{}")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "sleep").symlink_to("/bin/sleep")
    assert pod.run(START["gitea"], PATH=str(bare)) == (0, "")


def test_an_image_without_sleep_breaks_the_contract_by_name(pod: PodFolder) -> None:
    fake_runner(pod, "exit 0")
    code, errors = pod.run(START["gitea"], PATH="/nowhere")
    assert code == 78
    assert errors.startswith("image contract: the image has no 'sleep'")


def test_an_image_in_which_the_runner_does_not_start_breaks_the_contract_by_name(pod: PodFolder) -> None:
    fake_runner(pod, "exit 127")
    code, errors = pod.run(START["gitea"])
    assert code == 78
    assert "needs glibc" in errors


STAND_IN = Path(__file__).with_name("stand_in_run.sh")


def stand_in_runner(pod: PodFolder) -> None:
    """A stand-in for run.sh with its table of exit codes, a configuration for it, and the least of an image."""
    path = pod.root / "runner/run.sh"
    path.write_text(STAND_IN.read_text())
    path.chmod(0o755)
    (pod.root / "registration/registration").write_text("ZW5jb2RlZA==")
    (pod.root / "lib").mkdir()
    (pod.root / "lib/libssl.so.3").write_text("")
    put_program(pod, "ldconfig", "exit 0")  # knows of no other libraries


def put_text(pod: PodFolder, path: str, text: str) -> None:
    (pod.root / path).write_text(f"#!/bin/sh\n{text}\n")


def put_program(pod: PodFolder, name: str, text: str) -> None:
    """A program of the image, before the machine's own."""
    path = pod.root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def image_of(pod: PodFolder, *programs: str) -> str:
    """A PATH with these programs of the machine and no others but those that the test put there."""
    (pod.root / "bin").mkdir(exist_ok=True)
    for name in programs:
        program = shutil.which(name)
        assert program, name
        (pod.root / "bin" / name).symlink_to(program)
    return str(pod.root / "bin")


def start_github(pod: PodFolder, through: Sequence[str] = (), **variables: str) -> subprocess.Popen[str]:
    places = {
        "GPU_RUNNERS_LIBRARIES": str(pod.root / "lib"),
        "GPU_RUNNERS_CA_STORES": str(pod.root / "authorities"),
        "LISTENER_NOTE": str(pod.root / "note"),
        "PATH": f"{pod.root}/bin:{os.environ['PATH']}",
    }
    return pod.start(START["github"], through, **(places | variables))


def run_github(pod: PodFolder, code: int) -> int:
    process = start_github(pod, LISTENER_CODE=str(code))
    process.communicate(timeout=60)
    return process.returncode


def test_githubs_runner_gets_its_configuration(pod: PodFolder) -> None:
    stand_in_runner(pod)
    assert run_github(pod, 0) == 0
    assert pod.text("note").splitlines()[:2] == ["--jitconfig", "ZW5jb2RlZA=="]


@pytest.mark.parametrize(
    ("listener", "container"), [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 7), (9, 0)]
)
def test_of_githubs_exit_codes_only_an_outdated_version_is_told_apart(
    pod: PodFolder, listener: int, container: int
) -> None:
    stand_in_runner(pod)
    assert run_github(pod, listener) == container


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_githubs_runner_passes_a_signal_on_and_waits_for_its_listener(
    pod: PodFolder, number: signal.Signals, code: int
) -> None:
    stand_in_runner(pod)
    process = start_github(pod)
    deadline = time.monotonic() + 60
    while not (pod.root / "note").exists():
        assert time.monotonic() < deadline
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code


def test_an_image_without_libicu_does_without_languages(pod: PodFolder) -> None:
    stand_in_runner(pod)
    run_github(pod, 0)
    assert "invariant=1" in pod.text("note").splitlines()


def test_an_image_with_libicu_keeps_its_languages(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "lib/libicuuc.so.74").write_text("")
    run_github(pod, 0)
    assert "invariant=" in pod.text("note").splitlines()


NOTE_HOOK = 'printf "%s" "${ACTIONS_RUNNER_HOOK_JOB_COMPLETED-}" > "$LISTENER_NOTE"'


def test_githubs_runner_is_told_of_our_hook_at_a_jobs_end(pod: PodFolder) -> None:
    stand_in_runner(pod)
    put_text(pod, "runner/run.sh", NOTE_HOOK)
    run_github(pod, 0)
    assert pod.text("note") == f"{pod.root}/runner/job-summary.sh"
    assert pod.text("runner/job-summary.sh") == JOB_SUMMARY


@pytest.mark.parametrize("own", ["/opt/hooks/completed.sh", ""])
def test_a_hook_of_the_image_or_the_pool_is_left_alone(pod: PodFolder, own: str) -> None:
    stand_in_runner(pod)
    put_text(pod, "runner/run.sh", NOTE_HOOK)
    start_github(pod, ACTIONS_RUNNER_HOOK_JOB_COMPLETED=own).communicate(timeout=60)
    assert pod.text("note") == own
    assert not (pod.root / "runner/job-summary.sh").exists()


def breach(pod: PodFolder, **variables: str) -> str:
    """The last word of a pod whose image lacks something."""
    process = start_github(pod, **variables)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 78
    return errors.splitlines()[-1]


def test_an_image_in_which_githubs_runner_does_not_start_breaks_the_contract_by_name(pod: PodFolder) -> None:
    stand_in_runner(pod)
    listener = pod.root / "runner/bin/Runner.Listener"
    listener.parent.mkdir()
    listener.write_text("#!/bin/sh\necho libstdc++.so.6: cannot open >&2\nkill -ABRT $$\n")
    listener.chmod(0o755)
    text = breach(pod)
    assert "GitHub's runner does not start in this image (exit code 134): libstdc++.so.6: cannot open" in text
    assert "cure: install what it names" in text


def put_listener(pod: PodFolder, text: str) -> Path:
    """The runner's own program, as the start script tries it."""
    path = pod.root / "runner/bin/Runner.Listener"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "says", "cure"),
    [
        ("echo \"ERROR: ld.so: object 'x.so' from LD_PRELOAD cannot be preloaded: ignored.\" >&2; echo >&2;"
         "echo 'bash: warning: setlocale: LC_ALL' >&2; echo 'libgcc_s.so.1: cannot open' >&2; exit 127",
         "(exit code 127): libgcc_s.so.1: cannot open", "install what it names"),
        ("kill -9 $$", "(exit code 137)", "raise the pool's memory"),
        ("kill -ABRT $$", "(exit code 134)", "start it there by hand"),
        ("kill -SEGV $$", "(exit code 139)", "start it there by hand"),
        ("echo \"/lib/libm.so.6: version 'GLIBC_2.29' not found\" >&2; exit 1", "GLIBC_2.29", "install what it names"),
    ],
)  # fmt: skip
def test_a_runner_that_does_not_start_says_what_cures_it(pod: PodFolder, text: str, says: str, cure: str) -> None:
    stand_in_runner(pod)
    put_listener(pod, text)
    last = breach(pod)
    assert says in last
    assert f"; cure: {cure}" in last


@pytest.mark.parametrize("broken", ["no loader", "architecture"])
def test_a_runner_for_which_the_image_has_no_loader_says_so(pod: PodFolder, broken: str) -> None:
    stand_in_runner(pod)
    listener = put_listener(pod, "")
    if broken == "no loader":
        listener.write_text("#!/nowhere/ld-linux-x86-64.so.2\n")
    else:
        listener.write_bytes(b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00" + bytes(60))
    assert "RHEL 8 or newer, for the architecture of the pool's nodes" in breach(pod)


def test_languages_that_the_runner_does_not_take_are_left_out(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "lib/libicuuc.so.42").write_text("")
    put_listener(pod, '[ -n "${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-}" ] || kill -ABRT $$')
    assert run_github(pod, 0) == 0
    assert "invariant=1" in pod.text("note").splitlines()


def test_an_image_with_musl_and_glibc_is_left_to_the_runner_itself(pod: PodFolder) -> None:
    stand_in_runner(pod)
    put_program(pod, "ldd", "echo 'musl libc (x86_64)' >&2; exit 1")
    put_listener(pod, "exit 0")
    assert run_github(pod, 0) == 0


def test_a_bash_in_another_place_breaks_the_contract_by_name(pod: PodFolder) -> None:
    stand_in_runner(pod)
    text = breach(pod, PATH=image_of(pod, *NEEDED), GPU_RUNNERS_BASH="/nowhere/bash")
    assert f"the image's bash is {pod.root}/bin/bash, and GitHub's runner starts /bin/bash; cure: link it there" in text


def test_programs_are_found_where_the_images_path_names_its_own_folders_alone(pod: PodFolder) -> None:
    stand_in_runner(pod)
    put_text(pod, "runner/run.sh", 'echo "$PATH" > "$LISTENER_NOTE"')
    system = image_of(pod, *NEEDED)
    process = start_github(pod, PATH="/opt/conda/bin", GPU_RUNNERS_PROGRAMS=f"/nowhere {system} /opt/conda/bin")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert pod.text("note") == f"/opt/conda/bin:/nowhere:{system}\n"


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_the_start_writes_over_no_variable_of_an_image_but_those_that_it_means_to(pod: PodFolder, forge: str) -> None:
    """What a shell assigns to a variable that came with its environment goes on into the job."""
    scripts = [
        Path(runner_scripts.__file__).with_name(f"{name}.sh").read_text()
        for name in ("image-contract", f"start-{forge}")
    ]
    # The words of comments do no harm.
    pattern = re.compile(r"(?:^|[ (]|for |read -r )_?([a-z]+)(?:=| in |\b)", re.MULTILINE)
    names = {name for text in scripts for name in pattern.findall(text)} - {"script", "through"}
    assert {"line", "store" if forge == "github" else "bundle"} <= names
    stand_in_runner(pod)
    put_text(pod, "runner/run.sh", 'env > "$LISTENER_NOTE"')
    fake_runner(pod, f"env > {pod.root}/note")
    registered(pod, forge_ca="private\n")
    places = {"GPU_RUNNERS_LIBRARIES": str(pod.root / "lib"), "LISTENER_NOTE": str(pod.root / "note")}
    code, errors = pod.run(START[forge], **places, **dict.fromkeys(names, "the image's"))
    assert code == 0, errors
    assert {line for line in pod.text("note").splitlines() if line.endswith("=the image's")} == {
        f"{name}=the image's" for name in names
    }


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_the_start_replaces_no_function_that_an_image_exports(pod: PodFolder, forge: str) -> None:
    """Where sh is bash (RHEL, Fedora, SUSE) a function goes on into the job, with the body that it has by then."""
    names = set(re.findall(r"^_?([a-z_]+)\(\)", START[forge], re.MULTILINE))
    assert {"breach", "require"} <= names
    stand_in_runner(pod)
    (pod.root / "runner/run.sh").write_text('#!/bin/bash\nenv > "$LISTENER_NOTE"\n')
    fake_runner(pod, "")
    (pod.root / "runner/gitea-runner").write_text(f"#!/bin/bash\nenv > {pod.root}/note\n")
    registered(pod)
    sh = pod.root / "sh"
    sh.symlink_to("/bin/bash")
    exported = {f"BASH_FUNC_{name}%%": "() {  echo the image did $FUNCNAME\n}" for name in names}
    places = {"GPU_RUNNERS_LIBRARIES": str(pod.root / "lib"), "LISTENER_NOTE": str(pod.root / "note")}
    started = pod.start("", (str(sh), "-c", START[forge]), **places, **exported)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 0, errors
    written = pod.text("note")
    assert {name for name in names if f"BASH_FUNC_{name}%%=() {{  echo the image did $FUNCNAME\n}}" in written} == names


def test_a_busy_runner_is_waited_for_where_the_images_path_names_its_own_folders_alone(pod: PodFolder) -> None:
    system = image_of(pod, "sleep")
    process_file(pod, 60, "Runner.Worker", 8)
    assert_waits(pod.start(PRE_STOP, PATH="/opt/conda/bin", GPU_RUNNERS_PROGRAMS=system), pod.root / "proc/60")
    assert pod.run(PRE_STOP, PATH="/opt/conda/bin", GPU_RUNNERS_PROGRAMS=system) == (0, "")


NEEDED = ("sleep", "bash", "tar", "gzip", "git", "ldd", "cat")


@pytest.mark.parametrize("missing", ["sleep", "bash", "tar", "gzip"])
def test_an_image_without_a_program_breaks_the_contract_by_name(pod: PodFolder, missing: str) -> None:
    stand_in_runner(pod)
    text = breach(pod, PATH=image_of(pod, *(name for name in NEEDED if name != missing)))
    assert text.startswith(f"image contract: the image has no '{missing}'")
    assert text.endswith(f"cure: install {'coreutils' if missing == 'sleep' else missing} in the image")


def test_an_image_without_libssl_breaks_the_contract_by_name(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "lib/libssl.so.3").unlink()
    text = breach(pod)
    assert "the image has no libssl" in text
    assert "cure: install libssl3 (Debian, Ubuntu) or openssl-libs (RHEL, Fedora) in the image" in text


@pytest.mark.parametrize("place", ["ldconfig", "LD_LIBRARY_PATH"])
def test_a_library_in_another_place_is_found(pod: PodFolder, place: str) -> None:
    stand_in_runner(pod)
    (pod.root / "lib/libssl.so.3").rename(pod.root / "libssl.so.3")
    variables = {"LISTENER_CODE": "0"}
    if place == "ldconfig":
        put_program(pod, "ldconfig", "echo 'libssl.so.3 (libc6,x86-64) => /opt/lib/libssl.so.3'")
    else:
        variables[place] = f"/nowhere:{pod.root}"
    process = start_github(pod, **variables)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("ldd (Ubuntu GLIBC 2.27-3ubuntu1.6) 2.27", "glibc 2.27"),
        ("ldd (GNU libc) 2.17", "glibc 2.17"),
        ("ldd (Debian GLIBC 2.5) 2.5", "glibc 2.5"),
    ],
)
def test_a_glibc_that_is_too_old_breaks_the_contract_by_name(pod: PodFolder, answer: str, found: str) -> None:
    stand_in_runner(pod)
    put_program(pod, "ldd", f"echo '{answer}'; echo 'Copyright (C) 2018'")
    text = breach(pod)
    assert f"the image has {found}, and GitHub's runner needs 2.28 or newer; cure: build it on one with" in text


@pytest.mark.parametrize(
    "noise",
    [
        "/usr/bin/ldd: warning: setlocale: LC_ALL: cannot change locale (en_US.UTF-8)",
        "ERROR: ld.so: object 'libjemalloc.so.2' from LD_PRELOAD cannot be preloaded: ignored.",
        "/etc/bash.bashrc: line 3: /opt/musl/setup: No such file or directory",
    ],
)
def test_an_old_glibc_is_told_beside_what_the_image_makes_every_program_say(pod: PodFolder, noise: str) -> None:
    stand_in_runner(pod)
    put_program(pod, "ldd", f'echo "{noise}" >&2; echo "ldd (Ubuntu GLIBC 2.27-3ubuntu1) 2.27"')
    assert "the image has glibc 2.27" in breach(pod)
    put_program(pod, "ldd", f'echo "{noise}" >&2; echo "ldd (GNU libc) 2.34"')
    assert run_github(pod, 0) == 0


def test_an_old_glibc_is_known_by_its_file_where_there_is_no_ldd(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "lib/libc-2.24.so").write_text("")
    text = breach(pod, PATH=image_of(pod, *(name for name in NEEDED if name != "ldd")))
    assert "the image has glibc 2.24" in text


def test_musl_breaks_the_contract_by_name(pod: PodFolder) -> None:
    stand_in_runner(pod)
    put_program(pod, "ldd", "echo 'musl libc (x86_64)' >&2; echo 'Version 1.2.5' >&2; exit 1")
    assert "the image's C library is musl" in breach(pod)


@pytest.mark.parametrize(
    "answer", ["ldd (Ubuntu GLIBC 2.35-0ubuntu3) 2.35", "ldd (GNU libc) 2.28", "ldd (GNU libc) 2.100", "ldd: odd"]
)
def test_a_glibc_that_is_new_enough_or_unknown_is_left_to_the_runner_itself(pod: PodFolder, answer: str) -> None:
    stand_in_runner(pod)
    put_program(pod, "ldd", f"echo '{answer}'")
    assert run_github(pod, 0) == 0


def test_an_image_without_git_is_told_so_and_used(pod: PodFolder) -> None:
    stand_in_runner(pod)
    path = image_of(pod, *(name for name in NEEDED if name != "git"))
    process = start_github(pod, LISTENER_CODE="0", PATH=path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the image has no 'git'" in errors
    assert "cure: install git in the image" in errors


HELPER = """#!/bin/bash
"$(dirname "$0")/bin/Runner.Listener" run "$@"
returnCode=$?
if [[ $returnCode == 0 ]]; then
    echo "done"
    exit 0
elif [[ $returnCode == 1 ]]; then
    echo "terminated"
    exit 0
else
    echo "Exiting with unknown error code: ${returnCode}"
    exit 0
fi
"""


@pytest.mark.parametrize(("ends", "code"), [("exit 0", 0), ("exit 1", 0), ("kill -ABRT $$", 134), ("exit 99", 99)])
def test_a_crash_of_githubs_runner_is_no_success(pod: PodFolder, ends: str, code: int) -> None:
    stand_in_runner(pod)
    runner = pod.root / "runner"
    (runner / "run-helper.sh.template").write_text(HELPER)
    (runner / "run.sh").write_text(f"#!/bin/bash\nexec bash {runner}/run-helper.sh.template\n")
    (runner / "bin").mkdir()
    put = f'#!/bin/sh\n[ "$1" = --version ] && exit 0\n{ends}\n'
    (runner / "bin/Runner.Listener").write_text(put)
    (runner / "bin/Runner.Listener").chmod(0o755)
    process = start_github(pod)
    process.communicate(timeout=60)
    assert process.returncode == code


def test_githubs_runner_works_in_a_folder_and_in_no_link(pod: PodFolder) -> None:
    (pod.root / "image/_work").mkdir()
    (pod.root / "image/_work/left-over").write_text("")
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        pod.run(REGISTER)
    work = pod.root / "runner/_work"
    assert work.resolve() == pod.root.resolve() / "runner/_work"
    assert list(work.iterdir()) == []


def test_what_no_job_uses_of_githubs_runner_is_not_copied(pod: PodFolder) -> None:
    kept = ["run.sh", "bin/Runner.Listener", "externals/node20/bin/node", "externals/node24/bin/node", ".env"]
    left = ["externals/node20_alpine/bin/node", "k8s/index.js", "k8s-novolume/index.js"]
    for name in (*kept, *left):
        path = pod.root / "image" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (pod.root / "image/run.sh").chmod(0o755)
    (pod.root / "image/link").symlink_to("nowhere")
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        assert pod.run(REGISTER) == (0, "")
    runner = pod.root / "runner"
    assert {name for name in (*kept, *left) if (runner / name).exists()} == set(kept)
    assert os.access(runner / "run.sh", os.X_OK)
    assert (runner / "link").readlink() == Path("nowhere")


def registered(pod: PodFolder, *, forge_ca: str = "") -> None:
    """The init container has run in a runner's image that has public CAs."""
    (pod.root / "bundle").write_text("public\n")
    with serving(pod.root / "trust", [Answer(200, "ZW5jb2RlZA==")]):
        if forge_ca:
            (pod.root / "trust/forge-ca.crt").write_text(forge_ca)
        assert pod.run(REGISTER, GPU_RUNNERS_CA_STORES=f"/nowhere {pod.root}/bundle") == (0, "")


def trusted(pod: PodFolder) -> str:
    run_github(pod, 0)
    return next(line for line in pod.text("note").splitlines() if line.startswith("bundle="))


def test_a_forge_with_a_ca_of_its_own_is_trusted_beside_the_others(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "authorities").write_text("the image's own\n")
    registered(pod, forge_ca="private\n")
    assert pod.text("runner/ca-bundle.crt").split() == ["public", "private"]
    bundle = f"{pod.root}/runner/ca-bundle.crt"
    assert trusted(pod) == f"bundle={bundle} {bundle}"


@pytest.mark.parametrize("place", ["store", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"])
def test_whom_an_image_trusted_it_trusts_beside_a_forge_with_a_ca_of_its_own(pod: PodFolder, place: str) -> None:
    stand_in_runner(pod)
    registered(pod, forge_ca="private")  # no file's last line may end
    (pod.root / ("authorities" if place == "store" else "own")).write_text("company\\n")
    variables = {} if place == "store" else {place: str(pod.root / "own")}
    start_github(pod, LISTENER_CODE="0", **variables).communicate(timeout=60)
    assert pod.text("runner/ca-bundle.crt").split() == ["public", "private", "company\\n"]
    assert f"bundle={pod.root}/runner/ca-bundle.crt" in pod.text("note")


@pytest.mark.parametrize("named", ["nowhere", "lib", "empty", ""])
def test_an_image_that_names_a_file_of_cas_which_is_none_gets_one(pod: PodFolder, named: str) -> None:
    stand_in_runner(pod)
    registered(pod)
    (pod.root / "authorities").write_text("the image's own\n")
    (pod.root / "empty").write_text("")
    start_github(pod, LISTENER_CODE="0", SSL_CERT_FILE=named and str(pod.root / named)).communicate(timeout=60)
    assert f"bundle={pod.root}/runner/ca-bundle.crt" in pod.text("note")
    assert pod.text("runner/ca-bundle.crt").splitlines() == ["public", "", "the image's own"]


def test_cas_that_the_runners_user_may_not_read_are_none(pod: PodFolder) -> None:
    stand_in_runner(pod)
    registered(pod)
    (pod.root / "authorities").write_text("the image's own\n")
    (pod.root / "authorities").chmod(0o000)
    # Without what lets root read everything.
    nobody = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    start_github(pod, nobody, LISTENER_CODE="0").communicate(timeout=60)
    assert f"bundle={pod.root}/runner/ca-bundle.crt" in pod.text("note")
    assert pod.text("runner/ca-bundle.crt") == "public\n"


def test_an_image_that_names_its_own_file_of_cas_keeps_it(pod: PodFolder) -> None:
    stand_in_runner(pod)
    registered(pod)
    (pod.root / "own").write_text("company\n")
    start_github(pod, LISTENER_CODE="0", SSL_CERT_FILE=str(pod.root / "own")).communicate(timeout=60)
    assert f"bundle={pod.root}/own " in pod.text("note").splitlines()
    assert pod.text("runner/ca-bundle.crt") == "public\n"


def test_an_image_without_public_cas_gets_those_of_the_runners_image(pod: PodFolder) -> None:
    stand_in_runner(pod)
    registered(pod)
    bundle = f"{pod.root}/runner/ca-bundle.crt"
    assert trusted(pod) == f"bundle={bundle} {bundle}"


def test_an_image_with_cas_keeps_its_own(pod: PodFolder) -> None:
    stand_in_runner(pod)
    (pod.root / "authorities").write_text("the image's own\n")
    registered(pod)
    assert trusted(pod) == "bundle= "


def test_giteas_runner_trusts_them_too(pod: PodFolder) -> None:
    registered(pod, forge_ca="private\n")
    fake_runner(pod, f'echo "$SSL_CERT_FILE" > {pod.root}/trusted')
    pod.run(START["gitea"], GPU_RUNNERS_CA_STORES="/nowhere")
    assert pod.text("trusted") == f"{pod.root}/runner/ca-bundle.crt\n"


def test_a_runners_image_without_any_ca_is_no_failure(pod: PodFolder) -> None:
    with serving(pod.root / "trust", [Answer(200, "{}")]):
        assert pod.run(REGISTER, GPU_RUNNERS_CA_STORES="/nowhere") == (0, "")
    assert not (pod.root / "runner/ca-bundle.crt").exists()
