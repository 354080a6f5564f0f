"""The steps out of a killed command: who holds the stack, whether they still live, lock away, unfinished work away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import Answer
from gpu_runners.unlock.left_over import LOCKED, Lock, Pending, created, locks, ours, pending


class StackNotFreedError(CommandFailedError):
    """The stack was left as it is. The message says why and what to do."""


class Pulumi(Protocol):
    """Runs one command on the stack."""

    def __call__(self, *arguments: str) -> Answer:
        """What it printed. Raises PulumiFailedError where it cannot be run, nothing for a command that fails."""


@dataclass(frozen=True)
class Here:
    """The machine: its name, which processes it runs, and the person in front of it."""

    host: str
    holds: Callable[[Lock], bool]  # whether a process that runs here, and ran when the lock was made, is its pid
    agrees: Callable[[str], bool]
    say: Callable[[str], None]
    own_alone: bool = False  # no other machine has this one's name, and what others hold is none of its business


def unlock(stack: str, pulumi: Pulumi, here: Here) -> None:
    """Makes the stack usable again, or says that it is. Raises StackNotFreedError; nothing was changed then."""
    unfinished = _unfinished(pulumi)
    held = _held(pulumi)
    if not held and not unfinished:
        here.say(f"{stack} is not locked and nothing in it is unfinished: nothing to do.")
        return
    if here.own_alone and not all(ours(lock, here.host) for lock in held):
        here.say(f"{stack} is locked by {held[0]}, which is not this machine ({here.host}): left as it is.")
        return
    if held:
        _judge(stack, held, here)
        _cancel(held, pulumi, here)
    if unfinished:
        _clear(unfinished, pulumi, here)
    here.say(f"{stack} is free. Next: `pulumi up --stack {stack}`, which finishes what was begun.")


def _held(pulumi: Pulumi) -> list[Lock]:
    # The only way to ask every backend alike: a command that needs the lock and, as it excludes all, does nothing.
    asked = pulumi("refresh", "--exclude", "**", "--yes", "--skip-preview")
    if asked.code == 0:
        return []
    held = locks(asked.text)
    if held:
        return held
    if LOCKED in asked.text:
        raise StackNotFreedError(f"it is locked, by whom cannot be read; nothing was changed:\n{asked.text.strip()}")
    raise StackNotFreedError(f"the stack cannot be read, and no lock is the reason:\n{asked.text.strip()}")


def _judge(stack: str, held: Sequence[Lock], here: Here) -> None:
    """Says who holds the stack. Raises StackNotFreedError when one lives, or may live and nobody vouches for it."""
    for lock in held:
        here.say(f"{stack} is locked by {lock}.")
    living = [lock for lock in held if ours(lock, here.host) and here.holds(lock)]
    if living:
        pids = ", ".join(str(lock.pid) for lock in living)
        raise StackNotFreedError(
            f"process {pids} runs on this machine: wait until it has ended, or end it with SIGINT "
            "(Ctrl-C), upon which it gives the lock back. Nothing was changed"
        )
    if here.own_alone:
        here.say("No such process runs here any more: it was killed, and its lock stayed.")
        return
    hosts = ", ".join(sorted({lock.host for lock in held}))
    if all(ours(lock, here.host) for lock in held):
        # Two containers may go by one name, each with processes of its own.
        here.say(
            f"No such process runs here any more, and this is {here.host}: it was killed, and its lock stayed, "
            "unless another machine or container has the same name."
        )
    else:
        here.say(
            f"Whether it still runs cannot be seen from here ({here.host}). Two commands at once damage the state: "
            f"look at {hosts}, or at the workflow run that started it."
        )
    if not here.agrees(f"Has it ended on {hosts}?"):
        raise StackNotFreedError("not confirmed: nothing was changed. `--yes` confirms where nobody can be asked")


def _cancel(agreed: Sequence[Lock], pulumi: Pulumi, here: Here) -> None:
    """Takes away the locks that were judged. Raises StackNotFreedError where there is another by now."""
    now = _held(pulumi)
    others = [lock for lock in now if lock not in agreed]
    if others:
        raise StackNotFreedError(
            f"meanwhile it was locked by {others[0]}: nothing was changed. Run this again when it has ended"
        )
    if not now:
        here.say("The lock is gone by itself meanwhile.")
        return
    _must(pulumi, "cancel", "--yes")
    here.say("`pulumi cancel`: the lock is gone.")


def _clear(unfinished: Sequence[Pending], pulumi: Pulumi, here: Here) -> None:
    for operation in unfinished:
        here.say(f"It was cut off while {operation.operation}: {operation.name}.")
    if created(unfinished):
        here.say(
            "What was being created may exist though the state does not know it. The next `up` takes over an object "
            "that the program names; one whose name Pulumi chose (the registrar's Secrets and ConfigMap) stays "
            "behind and shows in `gpu-runners review` as undeclared."
        )
    _must(pulumi, "refresh", "--clear-pending-creates", "--yes", "--skip-preview")
    left = _unfinished(pulumi)
    if left:
        names = ", ".join(operation.name for operation in left)
        raise StackNotFreedError(f"the lock is gone, but these are still unfinished: {names}. `pulumi up` repeats them")
    here.say(
        "`pulumi refresh --clear-pending-creates`: the state holds what the cluster holds, and nothing unfinished."
    )


def _unfinished(pulumi: Pulumi) -> list[Pending]:
    try:
        return pending(_must(pulumi, "stack", "export").output)
    except ValueError as error:
        raise StackNotFreedError(f"`pulumi stack export` printed what cannot be read: {error}") from error


def _must(pulumi: Pulumi, *arguments: str) -> Answer:
    ended = pulumi(*arguments)
    if ended.code != 0:
        raise StackNotFreedError(f"`pulumi {' '.join(arguments)}` failed:\n{ended.text.strip()}")
    return ended
