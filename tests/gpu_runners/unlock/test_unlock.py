"""Who is unlocked, who is not, and what is said; with a Pulumi that answers as the real one was seen to."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gpu_runners.pulumi_command import Answer, opened
from gpu_runners.unlock.command import holds
from gpu_runners.unlock.left_over import LOCKED, Lock, Pending, locks, pending
from gpu_runners.unlock.unlock import Here, StackNotFreedError, unlock

REFUSED = """error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete \
the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/gpu-runners/dev/5317f20b.json?no_tmp_dir=true: created by root@ci-7 \
(pid 20670) at 2026-11-24T03:33:58Z
"""
ADDRESS = "file:///state/.pulumi/locks/organization/gpu-runners/dev/5317f20b.json?no_tmp_dir=true"
LOCK = Lock(ADDRESS, "root", "ci-7", 20670, "2026-11-24T03:33:58Z")
URN = "urn:pulumi:dev::gpu-runners::kubernetes:apps/v1:Deployment::gpu-runners-dev-cuda"


def export(*operations: str) -> str:
    listed = [{"resource": {"urn": URN}, "type": operation} for operation in operations]
    return json.dumps({"version": 3, "deployment": {"pending_operations": listed}})


class Stack:
    """A stack in a state, and the commands that it was asked for."""

    def __init__(self, *, locked: bool = False, unfinished: tuple[str, ...] = (), broken: str = "") -> None:
        self.locked, self.unfinished, self.broken = locked, unfinished, broken
        self.refusal = REFUSED
        self.asked: list[str] = []
        self.heard: list[str] = []

    def pulumi(self, *arguments: str) -> Answer:
        self.asked.append(" ".join(arguments))
        if arguments[0] == "cancel":
            self.locked = False
        elif arguments[:2] == ("stack", "export"):
            return Answer(code=0, output=export(*self.unfinished), errors="")
        elif self.broken or self.locked:
            return Answer(code=255, output="", errors=self.broken or self.refusal)
        elif "--clear-pending-creates" in arguments:
            self.unfinished = tuple(operation for operation in self.unfinished if operation != "creating")
        return Answer(code=0, output="", errors="")

    def unlock(self, *, host: str = "ci-7", alive: bool = False, agrees: bool = False, own: bool = False) -> str:
        def answer(question: str) -> bool:
            self.while_asking()
            return agrees

        unlock("dev", self.pulumi, Here(host, lambda lock: alive, answer, self.heard.append, own_alone=own))
        return "\n".join(self.heard)

    def while_asking(self) -> None:
        """What happens while somebody thinks about the answer."""

    @property
    def changed(self) -> bool:
        return any(command.startswith(("cancel", "refresh --clear")) for command in self.asked)


def test_a_lock_is_read_from_pulumis_own_words() -> None:
    assert locks(REFUSED) == [LOCK]
    assert locks("error: no stack named 'dev' found") == []


def test_unfinished_operations_are_read_from_the_state() -> None:
    assert pending(export("creating")) == [Pending(URN, "creating")]
    assert pending(export("creating"))[0].name == "Deployment gpu-runners-dev-cuda"
    assert pending(json.dumps({"deployment": {"pending_operations": None}})) == []


def test_a_free_stack_is_left_alone() -> None:
    stack = Stack()
    assert "nothing to do" in stack.unlock()
    assert not stack.changed


def test_a_dead_process_of_this_machine_loses_its_lock_once_somebody_says_that_no_other_has_its_name() -> None:
    stack = Stack(locked=True)
    with pytest.raises(StackNotFreedError, match="not confirmed"):
        stack.unlock()
    said = stack.unlock(agrees=True)
    assert "locked by root@ci-7, process 20670, since 2026-11-24T03:33:58Z" in said
    assert "it was killed" in said
    assert "dev is free" in said
    assert not stack.locked


def test_a_living_process_keeps_its_lock() -> None:
    stack = Stack(locked=True)
    with pytest.raises(StackNotFreedError, match="process 20670 runs on this machine: wait"):
        stack.unlock(alive=True, agrees=True)
    assert not stack.changed


def test_a_process_elsewhere_keeps_its_lock_until_somebody_vouches_for_its_end() -> None:
    stack = Stack(locked=True)
    with pytest.raises(StackNotFreedError, match="not confirmed: nothing was changed"):
        stack.unlock(host="laptop")
    assert not stack.changed
    assert "dev is free" in stack.unlock(host="laptop", agrees=True)


def test_a_job_frees_the_lock_that_it_left_without_being_asked() -> None:
    stack = Stack(locked=True, unfinished=("creating",))
    assert "dev is free" in stack.unlock(own=True)
    assert not stack.locked


def test_a_job_leaves_the_lock_of_another_job_and_that_is_no_failure() -> None:
    stack = Stack(locked=True, unfinished=("creating",))
    assert "not this machine (ci-8): left as it is" in stack.unlock(host="ci-8", own=True)
    assert not stack.changed


def test_a_job_whose_own_command_still_runs_waits_for_it() -> None:
    stack = Stack(locked=True)
    with pytest.raises(StackNotFreedError, match="process 20670 runs on this machine: wait"):
        stack.unlock(alive=True, own=True)
    assert not stack.changed


def test_a_pid_of_another_machine_is_not_looked_up_here() -> None:
    stack = Stack(locked=True)
    assert "dev is free" in stack.unlock(host="laptop", alive=True, agrees=True)


def test_a_lock_that_came_while_somebody_was_asked_about_another_stays() -> None:
    stack = Stack(locked=True)

    def another() -> None:
        stack.refusal = REFUSED.replace("5317f20b", "9e1c").replace("03:33", "04:44")

    stack.while_asking = another  # type: ignore[method-assign]
    with pytest.raises(StackNotFreedError, match=r"meanwhile it was locked by .*04:44:58Z: nothing was changed"):
        stack.unlock(agrees=True)
    assert not stack.changed


def test_a_lock_that_went_while_somebody_was_asked_needs_no_cancel() -> None:
    stack = Stack(locked=True)

    def gone() -> None:
        stack.locked = False

    stack.while_asking = gone  # type: ignore[method-assign]
    assert "dev is free" in stack.unlock(agrees=True)
    assert "cancel --yes" not in stack.asked


def lock_of(pid: int, when: datetime) -> Lock:
    return Lock(ADDRESS, "root", "here", pid, when.isoformat())


def test_a_process_holds_the_lock_that_it_may_have_made() -> None:
    assert holds(lock_of(os.getpid(), datetime.now(UTC)))


def test_a_number_that_was_used_again_holds_no_older_lock() -> None:
    assert not holds(lock_of(os.getpid(), datetime.now(UTC) - timedelta(days=400)))


def test_a_number_that_no_process_has_holds_nothing() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert not holds(lock_of(child.pid, datetime.now(UTC)))
    assert not holds(lock_of(10**10 - 1, datetime.now(UTC)))


def test_a_time_that_cannot_be_read_leaves_the_lock_to_the_process() -> None:
    assert holds(Lock(ADDRESS, "root", "here", os.getpid(), "yesterday"))


def test_unfinished_work_is_named_and_cleared() -> None:
    stack = Stack(locked=True, unfinished=("creating",))
    said = stack.unlock(agrees=True)
    assert "cut off while creating: Deployment gpu-runners-dev-cuda" in said
    assert "The next `up` takes over an object that the program names" in said
    assert stack.unfinished == ()


def test_unfinished_work_without_a_lock_is_cleared_too() -> None:
    stack = Stack(unfinished=("creating",))
    assert "dev is free" in stack.unlock()
    assert "cancel --yes" not in stack.asked


def test_what_cannot_be_cleared_is_said() -> None:
    with pytest.raises(StackNotFreedError, match="still unfinished: Deployment gpu-runners-dev-cuda"):
        Stack(locked=True, unfinished=("deleting",)).unlock(agrees=True)


def test_another_trouble_than_a_lock_is_shown_and_nothing_is_cancelled() -> None:
    stack = Stack(broken="error: incorrect passphrase")
    with pytest.raises(StackNotFreedError, match="no lock is the reason:\nerror: incorrect passphrase"):
        stack.unlock()
    assert not stack.changed


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"deployment": {"pending_operations": [1]}}'])
def test_an_export_that_is_none_is_refused_and_nothing_is_cancelled(text: str) -> None:
    calls: list[str] = []

    def pulumi(*arguments: str) -> Answer:
        calls.append(arguments[0])
        return Answer(code=0, output=text, errors="")

    with pytest.raises(StackNotFreedError, match="`pulumi stack export` printed what cannot be read"):
        unlock("dev", pulumi, Here("ci-7", lambda lock: False, lambda question: True, print))
    assert calls == ["stack"]


@pytest.mark.parametrize("pid", ["9" * 30, "x", ""])
def test_a_lock_of_whom_nobody_can_tell_is_not_taken_for_none(pid: str) -> None:
    stack = Stack(broken=REFUSED.replace("20670", pid))
    with pytest.raises(StackNotFreedError, match="it is locked, by whom cannot be read"):
        stack.unlock(agrees=True)
    assert not stack.changed


def test_pulumi_writes_into_a_copy_of_the_stack_file_and_not_into_the_checkout(tmp_path: Path) -> None:
    given = tmp_path / "Pulumi.dev.yaml"
    given.write_text("config: {}\n")
    with opened(tmp_path, "dev", None) as program:
        copy = program.config_file
        assert copy.read_text() == "config: {}\n"
        copy.write_text("encryptionsalt: v1\n")
    assert given.read_text() == "config: {}\n"
    assert not copy.exists()


def test_a_stack_without_a_file_of_its_own_gets_none_in_the_checkout(tmp_path: Path) -> None:
    with opened(tmp_path, "dev", None) as program:
        program.config_file.write_text("encryptionsalt: v1\n")
    assert list(tmp_path.iterdir()) == []


def test_pulumi_is_asked_for_nothing_but_to_read_to_cancel_and_to_clear() -> None:
    stack = Stack(locked=True, unfinished=("creating",))
    stack.unlock(agrees=True)
    look = "refresh --exclude ** --yes --skip-preview"  # of no resource: it takes the lock, or says who has it
    assert stack.asked[1] == look
    assert [command for command in stack.asked if command not in (look, "stack export")] == [
        "cancel --yes",
        "refresh --clear-pending-creates --yes --skip-preview",
    ]


def test_a_process_that_has_ended_and_was_not_awaited_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    try:
        fields = " ".join("0" for _ in range(18))
        (tmp_path / "stat").write_text("cpu 1\nbtime 1000\n")
        (tmp_path / str(child.pid)).mkdir()
        for state, is_held in (("Z", False), ("S", True)):
            (tmp_path / str(child.pid) / "stat").write_text(f"{child.pid} (a b) {state} {fields} 5")
            assert holds(lock_of(child.pid, datetime.now(UTC)), tmp_path) is is_held
    finally:
        child.wait()


@pytest.mark.parametrize(("name", "is_held"), [("pulumi", True), ("python3", False), ("a) (pulumi", False)])
def test_a_clock_that_was_set_ahead_frees_no_lock_of_a_pulumi_that_runs(
    tmp_path: Path, name: str, is_held: bool
) -> None:
    """The kernel tells since when a process runs by the clock of now, and the lock by the one of then."""
    fields = " ".join("0" for _ in range(18))
    booted = datetime.now(UTC) + timedelta(hours=1)
    (tmp_path / "stat").write_text(f"cpu 1\nbtime {booted.timestamp():.0f}\n")
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text(f"{os.getpid()} ({name}) S {fields} 5")
    assert holds(lock_of(os.getpid(), datetime.now(UTC)), tmp_path) is is_held


@pytest.mark.parametrize("user", ["me", "jane doe"])
def test_of_two_locks_both_are_read_or_none(user: str) -> None:
    """Whoever is asked about one must not have another one cancelled with it."""
    first = "  s3://b/locks/a.json: created by me@here (pid 12) at 2026-11-27T01:00:00Z"
    second = f"  s3://b/locks/b.json: created by {user}@there (pid 13) at 2026-11-27T02:00:00Z"
    held = locks(f"error: {LOCKED} 2 lock(s).\n{first}\n{second}\n")
    assert [lock.pid for lock in held] == ([12, 13] if user == "me" else [])
