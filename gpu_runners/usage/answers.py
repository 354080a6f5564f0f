"""What both forges answer alike about runs and jobs. Pure."""

from typing import Any

from gpu_runners.usage.records import Json, text

Found = tuple[str, Json]  # workflow, job


def entries_of(answer: Any, key: str) -> list[dict[str, Any]]:
    """The objects of the list at a key, none where there is no such list."""
    entries = answer.get(key) if isinstance(answer, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def workflow_of(run: Any) -> str:
    """The file of a run's workflow: its path is FILE, or FOLDER/FILE, and maybe @REF."""
    path = text(run.get("path")) if isinstance(run, dict) else ""
    return path.partition("@")[0].rpartition("/")[2]
