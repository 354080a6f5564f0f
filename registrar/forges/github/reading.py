"""What GitHub's JSON means, and where things are in its API. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from registrar.forges.forge import ForgeUnreachableError, Job, Runner
from values import contract

RUN_FIELDS: Final = ("id", "status", "updated_at", "run_attempt")
JOB_FIELDS: Final = ("id", "name", "labels", "runner_id", "status", "conclusion")
RUNNER_FIELDS: Final = ("id", "name", "status", "busy", "ephemeral", "labels", "version", "runner_group_id")
GROUP_FIELDS: Final = ("id", "name", "default", "visibility", "allows_public_repositories")
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_runs": RUN_FIELDS,
    "jobs": JOB_FIELDS,
    "runners": RUNNER_FIELDS,
    "runner_groups": GROUP_FIELDS,
    "repositories": ("full_name",),
}


def base(scope: str) -> str:
    """The API's prefix of "owner/repository" or "owner" (an organization)."""
    return f"/repos/{scope}" if "/" in scope else f"/orgs/{scope}"


def runners_path(scope: str) -> str:
    return f"{base(scope)}/actions/runners"


def permissions(scope: str) -> dict[str, str]:
    """What a token for this scope has to be allowed, and nothing else."""
    is_repository = "/" in scope
    return dict(contract.GITHUB_REPOSITORY_PERMISSIONS if is_repository else contract.GITHUB_ORGANIZATION_PERMISSIONS)


def field(answer: Any, key: str) -> Any:
    """A field that every GitHub sends."""
    try:
        return answer[key]
    except (KeyError, TypeError) as error:
        raise ForgeUnreachableError(f"the forge's answer has no {key!r}: is this GitHub's API?") from error


def slim(answer: Any) -> Any:
    """A list without what we never read: a page of runs is two megabytes, of which we need some kilobytes."""
    if not isinstance(answer, dict):
        return answer
    kept = dict(answer)
    for key, fields in LISTS.items():
        if isinstance(kept.get(key), list):
            kept[key] = [{name: entry[name] for name in fields if name in entry} for entry in kept[key]]
    return kept


def runner(
    entry: Mapping[str, Any],
    *,
    refused: bool = False,
    warning: str = "",
    groups: frozenset[str | None] = frozenset(),
) -> Runner:
    """A runner. `refused`: GitHub just refused to remove it, which it does only while it has a job."""
    labels = entry.get("labels") or ()
    return Runner(
        id=int(field(entry, "id")),
        name=str(field(entry, "name")),
        online=entry.get("status") == "online",
        busy=bool(entry.get("busy")) or refused,
        cordoned=False,  # GitHub has no such thing: see GitHub.cordon
        # The list has it since 2025 only; what we register is single-use by its kind.
        ephemeral=bool(entry.get("ephemeral", True)),
        labels=frozenset(label["name"] for label in labels),
        given_labels=frozenset(label["name"] for label in labels if label.get("type") == "read-only"),
        groups=groups,
        warning=warning,
    )


def job(entry: Mapping[str, Any], prefix: str = "") -> Job:
    """A job. `prefix`, "repository/", makes its id one of the organization."""
    return Job(
        id=f"{prefix}{field(entry, 'id')}",
        name=str(entry.get("name", "")),
        labels=frozenset(entry.get("labels") or ()),
        runner_id=int(entry["runner_id"]) if entry.get("runner_id") else None,
        in_progress=entry.get("status") == "in_progress",
        conclusion=str(entry.get("conclusion") or ""),
    )


def moment(text: Any) -> datetime | None:
    """A time as GitHub writes it, None where there is none."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return None
