"""What GitHub's JSON means, and where things are in its API. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from registrar.forges.forge import ForgeUnreachableError, Runner
from registrar.untrusted import Entry, MalformedError

RUN_FIELDS: Final = ("id", "status", "created_at", "updated_at", "run_attempt", "path")
JOB_FIELDS: Final = (
    "id", "name", "labels", "runner_id", "runner_name", "status", "conclusion", "run_id", "run_attempt", "head_sha",
    "created_at", "started_at", "completed_at",
)  # fmt: skip
RUNNER_FIELDS: Final = ("id", "name", "status", "busy", "ephemeral", "labels", "version", "runner_group_id")
GROUP_RESTRICTIONS: Final = ("allows_public_repositories", "restricted_to_workflows", "selected_workflows")
GROUP_FIELDS: Final = ("id", "name", "default", "visibility", *GROUP_RESTRICTIONS)
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_runs": RUN_FIELDS,
    "jobs": JOB_FIELDS,
    "runners": RUNNER_FIELDS,
    "runner_groups": GROUP_FIELDS,
    "repositories": ("full_name",),
}
UNREAD: Final = frozenset({"steps"})  # of a single thing: those of a job are most of it
Answer = TypeVar("Answer")


def of(answer: Any, read: Callable[[Entry], Answer]) -> Answer:
    """What `read` takes out of an answer. Raises ForgeUnreachableError where it is not there."""
    try:
        return read(answer if isinstance(answer, Entry) else Entry(answer))
    except MalformedError as error:
        raise ForgeUnreachableError(f"the forge's answer cannot be used: {error}; is this GitHub's API?") from error


def slim(answer: Any) -> Any:
    """A list or a job without what we never read: a page of runs is two megabytes, of which we need some kilobytes."""
    if not isinstance(answer, dict):
        return answer
    kept = {key: value for key, value in answer.items() if key not in UNREAD}
    for key, fields in LISTS.items():
        entries = kept.get(key)
        if isinstance(entries, list) and not _are_slim(entries, frozenset(fields)):
            kept[key] = [
                {name: entry[name] for name in fields if name in entry} if isinstance(entry, dict) else entry
                for entry in entries
            ]
    return kept


def _are_slim(entries: list[Any], fields: frozenset[str]) -> bool:
    return all(not isinstance(entry, dict) or entry.keys() <= fields for entry in entries)


def runner(entry: Entry) -> Runner:
    """A runner, without what has to be asked elsewhere: its group's names, and what there is to warn of."""
    return Runner(
        id=entry.identifier("id"),
        name=entry.words("name"),
        online=entry.words("status") == "online",
        busy=entry.flag("busy"),
        cordoned=False,  # GitHub has no such thing: see GitHub.cordon
        # The list has it since 2025 only; what we register is single-use by its kind.
        ephemeral=entry.flag("ephemeral", default=True),
        labels=entry.label_names("labels"),
        given_labels=frozenset(
            label.words("name", most=256) for label in entry.entries("labels") if label.words("type") == "read-only"
        ),
    )


def at_work(runners: Iterable[Any]) -> Iterator[int]:
    """The ids of those in a list that have the one job that they ever have: it says that they are single-use."""
    for entry in runners:
        number, is_at_work = of(
            entry, lambda fields: (fields.identifier("id"), fields.flag("busy") and fields.flag("ephemeral"))
        )
        if is_at_work:
            yield number


def moment(text: Any) -> datetime | None:
    """A time as GitHub writes it, None where there is none."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
