"""Reads an answer's body up to a limit, and what both forges write alike in it.

A forge that goes on and on costs its own answer and no memory.
"""

import re
from datetime import UTC, datetime
from typing import Final

import aiohttp

from registrar.forges.forge import Job
from registrar.untrusted import Entry, MalformedError

# A full page of GitHub's runs is about two megabytes; nothing that is asked for is much longer.
MOST_BYTES: Final = 8 * 2**20
MOST_PAGES: Final = 100  # of one list
LONGEST_WAIT_SECONDS: Final = 300.0  # that a forge in trouble may ask for
CHUNK_BYTES: Final = 2**16
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
LONGEST_JOB_SECONDS: Final = 35 * 86_400.0  # GitHub ends a run after 35 days


async def read_body(response: aiohttp.ClientResponse, *, most: int = MOST_BYTES) -> bytes:
    """The whole body, decompressed. Raises MalformedError where it is longer."""
    body = bytearray()
    while chunk := await response.content.read(CHUNK_BYTES):
        body += chunk
        if len(body) > most:
            raise MalformedError(f"the answer is longer than {most} bytes")
    return bytes(body)


def read_job(entry: Entry, place: str = "") -> Job:
    """A job. `place`, e.g. "repository/", makes its id one of the whole scope. Raises MalformedError."""
    return Job(
        id=f"{place}{entry.identifier('id')}",
        name=entry.words("name"),
        labels=entry.label_names("labels"),
        runner_id=entry.identifier_or_none("runner_id"),
        runner_name=entry.words("runner_name"),
        in_progress=entry.words("status") == "in_progress",
        conclusion=entry.words("conclusion", most=32),
        run_id=entry.identifier_or_none("run_id"),
        completed=_unix_time(entry.words("completed_at", most=40)),
        attempt=entry.identifier_or_none("run_attempt") or 0,
        commit=commit_or_none(entry.words("head_sha", most=80)) or "",
        queued_seconds=_between(entry, "created_at", "started_at"),
        ran_seconds=_between(entry, "started_at", "completed_at"),
    )


def commit_or_none(text: str) -> str | None:
    """A commit's full number, None for anything else."""
    return text if _COMMIT.fullmatch(text) else None


def _unix_time(text: str) -> float | None:
    """None where there is none: Gitea writes the year 1 or 1970 then."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if moment > 0 else None


def _between(entry: Entry, begin: str, end: str) -> float | None:
    """Seconds from one time of an entry to another; None where one is missing or makes no sense."""
    first, second = (_unix_time(entry.words(key, most=40)) for key in (begin, end))
    if first is None or second is None or not 0 <= second - first <= LONGEST_JOB_SECONDS:
        return None
    return second - first
