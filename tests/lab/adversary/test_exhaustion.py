"""Job code in a pool of runners tries to use up its node: processes, memory, disk. Each job costs itself, nobody else.

Each job runs in a pool of its own, all at the same time, beside a runner that nobody attacks.
"""

import contextlib
import errno
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest

from lab import node, paths
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import Run, one_job, push, several_jobs
from tests.lab.conftest import MakeStack
from values import contract

# Of each pool; a pod may fill the sum of the first two and the 2 GiB that the runner's own files may take.
LIMITS: Final[dict[str, Any]] = {
    "workVolume": "128Mi",
    "ephemeralStorage": "128Mi",
    "memory": "512Mi",
    "protectJobSeconds": 30,
}
WORK_MEBIBYTES, POD_MEBIBYTES = 400, 2600
# Every ten seconds the kubelet begins a log anew that is over its size, and packs all former ones but the last.
OUTPUT_MEBIBYTES, OUTPUTS = 100, 3
# They are made until no more can be, however long that takes; all of them end with the job, and by themselves at last.
FORKS: Final = """
import os, signal, sys, time
sys.stdout.flush()
born = []
end = time.monotonic() + 120
while time.monotonic() < end:
    try:
        child = os.fork()
    except OSError as error:
        print(f"refused={error.errno}")
        break
    if child == 0:
        signal.alarm(180)
        signal.pause()
        os._exit(0)
    born.append(child)
print(f"born={len(born)}")
for child in born:
    os.kill(child, signal.SIGKILL)
"""
THREADS: Final = """
import errno, threading
threading.stack_size(32768)
over, born = threading.Event(), 0
try:
    while born < 5000:
        threading.Thread(target=over.wait, args=(120,), daemon=True).start()
        born += 1
except RuntimeError as error:
    print(f"refused={errno.EAGAIN}")
print(f"born={born}")
"""
# A file of the node that is mounted by itself is counted by nobody: the kubelet looks at volumes, layers and logs.
# What it prints is in the log as a number, the script is not.
NODES_FILES: Final = """
tried=$((0))
for file in $(awk '{ print $5 }' /proc/self/mountinfo) /dev/termination-log /root/termination-log; do
  [ -d "$file" ] && continue
  tried=$((tried + 1))
  case "$file" in /dev/null|/dev/zero|/dev/full|/dev/tty|/dev/random|/dev/urandom|/proc/*) continue ;; esac
  if echo x 2>/dev/null >> "$file"; then echo "wrote""=$file"; fi
done
echo tried=$tried
"""
MEMORY: Final = "held = [bytearray(b'x' * 2**20) for _ in range(2048)]; print(f'held={len(held)}')\n"


def _python(script: str) -> str:
    return f"cat > bomb.py <<'BOMB'\n{script}BOMB\npython3 bomb.py"


def _fill(file: str, mebibytes: int) -> str:
    """Filled as fast as the disk takes it, then it waits for the kubelet, which adds up volumes once a minute."""
    filling = f"dd if=/dev/zero of={file} bs=1M count={mebibytes} oflag=append conv=notrunc || true"
    return f"echo filling=yes\n{filling}\nsleep 300"


# What they print is worked out: the log holds the script too.
BOMBS: Final = {
    "nodes-files": NODES_FILES,
    "forks": _python(FORKS),
    "threads": _python(THREADS),
    "memory": _python(MEMORY),
    "shared-memory": "dd if=/dev/zero of=/dev/shm/x bs=1M count=64 || echo filled=$((40 + 2))",
    "registration": "dd if=/dev/zero of=/registration/x bs=1M count=64 || echo filled=$((40 + 2))",
    # The container's own output, which the node keeps; past the runner, which would send it to the forge.
    # It waits until the test has looked: of a pod that is gone nothing is kept.
    "output": f"""
for turn in $(seq {OUTPUTS}); do
  head -c {OUTPUT_MEBIBYTES}M /dev/zero | tr '\\0' x | fold -w 4000 > /proc/1/fd/1
  touch /work/said-$turn
  for second in $(seq 600); do [ -e /work/seen-$turn ] && break; sleep 1; done
done
echo wrote=$((40 + 2))
""",
}
FILLS: Final = {
    "work": _fill("/work/x", WORK_MEBIBYTES),
    "writable-layer": _fill("/var/tmp/x", POD_MEBIBYTES),  # noqa: S108 - in the pod
}


@dataclass(frozen=True)
class Attack:
    """All jobs pushed at once, and who was there before."""

    runners: dict[str, RunnerPod]
    bystander: RunnerPod
    run: Run


@pytest.fixture(scope="module")
def attack(make_stack: MakeStack, platform: Stack, pods: Pods, repository: Repository) -> Attack:
    names = [*BOMBS, *FILLS]
    pools = [*(pool(name, **LIMITS) for name in names), pool("bystander")]
    make_stack("tests-exhaustion", pools_config(*pools)).up().succeeded()
    runners = {name: pods.until_ready(name, 1)[0] for name in names}
    (bystander,) = pods.until_ready("bystander", 1)
    run = push(repository, several_jobs({name: (name, script) for name, script in (BOMBS | FILLS).items()}))
    return Attack(runners, bystander, run)


def _inside(pod: RunnerPod, command: str) -> bool:
    """Whether a command of sh succeeds in the container of the jobs."""
    namespace = pod.document["metadata"]["namespace"]
    arguments = ["exec", "-n", namespace, pod.name, "-c", contract.RUNNER_CONTAINER, "--", "sh", "-c", command]
    kubectl = [str(paths.BIN / "kubectl"), f"--kubeconfig={paths.KUBECONFIG}"]
    return subprocess.run([*kubectl, *arguments], capture_output=True, check=False, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def ended(attack: Attack) -> Callable[[str], str]:
    """Waits for the end of a bomb's job; returns its log."""

    def log(name: str) -> str:
        until(f"the job {name} has ended", lambda: attack.run.jobs()[name].conclusion, 180)
        return attack.run.log(name)

    return log


@pytest.mark.parametrize("bomb", ["forks", "threads"])
def test_a_pod_has_no_more_processes_than_the_kubelet_gives_it(ended: Callable[[str], str], bomb: str) -> None:
    log = ended(bomb)
    (born,) = map(int, re.findall(r"born=(\d+)", log))
    assert re.search(rf"refused={errno.EAGAIN}\b", log), log
    assert node.PODS_PROCESSES / 2 < born < node.PODS_PROCESSES


def test_a_job_that_wants_more_memory_than_its_pod_has_is_killed(attack: Attack, ended: Callable[[str], str]) -> None:
    assert not re.search(r"held=\d", ended("memory"))
    assert attack.run.jobs()["memory"].conclusion == "failure"


@pytest.mark.parametrize("volume", ["shared-memory", "registration"])
def test_what_lies_in_memory_takes_no_more_than_its_size(ended: Callable[[str], str], volume: str) -> None:
    log = ended(volume)
    assert "filled=42" in log, log
    assert "No space left on device" in log


def test_what_a_runner_says_is_kept_within_bounds(attack: Attack, ended: Callable[[str], str]) -> None:
    pod = attack.runners["output"]
    (folder,) = (paths.LOGS / "pods").glob(f"*_{pod.name}_{pod.uid}")
    logs = folder / contract.RUNNER_CONTAINER

    def kept() -> dict[str, int]:
        """The files of the container's output and their sizes; one may go while this looks."""
        sizes: dict[str, int] = {}
        for file in logs.iterdir():
            with contextlib.suppress(FileNotFoundError):
                sizes[file.name] = file.stat().st_size
        return sizes

    def packed_away() -> bool:
        """All that it said lies in former logs: one that was begun while it still spoke holds the rest of that part."""
        return kept().get("0.log", OUTPUT_MEBIBYTES * 2**20) < 2**20

    for turn in range(1, OUTPUTS + 1):
        until(f"it has said part {turn}", partial(_inside, pod, f"test -e /work/said-{turn}"), 180)
        until(f"the kubelet begins a log after part {turn}", packed_away, 60, seen=kept)
        if turn < OUTPUTS:
            assert _inside(pod, f"touch /work/seen-{turn}")
    most = OUTPUT_MEBIBYTES * 1.5 * 2**20
    until("of all that it said one part is kept as it was", lambda: 0 < sum(kept().values()) < most, 60, seen=kept)
    assert _inside(pod, f"touch /work/seen-{OUTPUTS}")
    assert "wrote=42" in ended("output")


def test_a_job_writes_no_file_of_its_node_that_nobody_counts(ended: Callable[[str], str]) -> None:
    log = ended("nodes-files")
    (tried,) = map(int, re.findall(r"tried=(\d+)", log))
    assert tried > 4, "hosts, name, resolver and last words are such files"
    assert re.findall(r"wrote=(\S+)", log) == []


@pytest.mark.parametrize("fill", FILLS)
def test_a_job_that_fills_the_disk_of_its_node_is_evicted(attack: Attack, pods: Pods, fill: str) -> None:
    name = attack.runners[fill].name

    def evicted() -> list[str]:
        return [message for reason, message in pods.events(name) if reason == "Evicted"]

    until(f"the kubelet evicts {name}", evicted, 240, seen=lambda: pods.events(name)[-3:])


def test_nobody_else_notices(attack: Attack, api: KubernetesApi, pods: Pods, repository: Repository) -> None:
    jobs = push(repository, one_job("bystander", "echo fine=yes")).until_done(120)
    assert jobs["job"].conclusion == "success"
    assert jobs["job"].runner == attack.bystander.name
    status = api.get(f"/api/v1/nodes/{node.NAME}")["status"]
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert {name for name, value in conditions.items() if value == "True"} == {"Ready"}


def test_every_pool_has_its_runner_again(attack: Attack, pods: Pods) -> None:
    for name, before in attack.runners.items():

        def fresh(found: list[RunnerPod], uid: str = before.uid) -> bool:
            return any(pod.ready and pod.uid != uid for pod in found)

        pods.until(f"{name} has a fresh runner", name, fresh, 180)
