"""A forge that writes anything at all about its jobs: one message, or the jobs that can be read."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gpu_runners.errors import CommandFailedError
from gpu_runners.usage.command import _read_jobs
from gpu_runners.usage.weeks import last_weeks
from tests.access.test_odd_answers import BODIES, OddForge
from tests.gpu_runners.serving import serving
from values.scope import Scope

(WEEK,) = last_weeks(1, datetime(2026, 11, 26, tzinfo=UTC))
JOBS = [
    b'{"total_count": "many", "jobs": [5, {"run_id": 1, "created_at": 5, "completed_at": "2026-11-25T00:00:00"}]}',
    b'{"workflow_runs": [{"path": 5}]}',
    b'{"workflow_runs": [{"id": "x"}]}',
    b'{"total_count": 1, "jobs": [{"conclusion": "success", "completed_at": "2026-11-25T00:00:00", "labels": 5}]}',
]


@pytest.fixture(scope="module")
def odd() -> Iterator[tuple[OddForge, str]]:
    forge = OddForge()
    with serving(forge.application()) as url:
        yield forge, url


@pytest.mark.parametrize("scope", [Scope("mlops/guide"), Scope("mlops")], ids=str)
@pytest.mark.parametrize("body", [*BODIES, *JOBS], ids=map(str, range(len(BODIES) + len(JOBS))))
@pytest.mark.parametrize("kind", ["FORGE_URL", "GITHUB_API_URL"])
def test_odd_jobs_end_in_one_message_or_are_none(
    odd: tuple[OddForge, str], monkeypatch: pytest.MonkeyPatch, body: bytes, scope: Scope, kind: str
) -> None:
    forge, url = odd
    forge.body = body
    for name in ("FORGE_URL", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(kind, url)
    monkeypatch.setenv("FORGE_TOKEN", "t")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    try:
        assert _read_jobs({scope: []}, WEEK)[0] == []
    except CommandFailedError as error:
        assert str(error)  # noqa: PT017 - most of them cannot be read
