"""A forge that answers whatever it likes: each question ends in an answer or a ForgeError, and soon."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from registrar.forges.forge import Forge, ForgeError, RunnerBusyError
from registrar.forges.opening import open_forge
from registrar.metrics import Metrics
from registrar.settings import parse
from tests.lab.adversary.hostile_forge import ANSWERS, HostileForge
from tests.registrar.conftest import settings_document
from values.scope import Scope

SCOPE: Final = Scope("mlops/guide")
# A client gives these up by its clock alone; on the lab a registrar meets them too.
SLOW: Final = {"a body that drips", "interim answers without end"}
DEADLINE_SECONDS: Final = 60.0  # of a busy machine
QUESTIONS: Final[dict[str, Callable[[Forge], Awaitable[object]]]] = {
    "list": lambda forge: forge.list_runners(SCOPE),
    "find": lambda forge: forge.find(SCOPE, 1),
    "jobs": lambda forge: forge.jobs_in_progress(SCOPE),
    "queued": lambda forge: forge.queued(SCOPE),
    "result": lambda forge: forge.result(SCOPE, runner_id=1, job_id="1"),
    "issue": lambda forge: forge.issue(SCOPE, name="x", labels=("a",), group=None),
    "cordon": lambda forge: forge.cordon(SCOPE, 1),
    "remove": lambda forge: forge.remove(SCOPE, 1),
}


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileForge]:
    server = HostileForge("127.0.0.1", 0)
    yield server
    server.close()


@pytest.mark.parametrize("kind", ["gitea", "github"])
@pytest.mark.parametrize("name", [name for name in ANSWERS if name not in SLOW])
async def test_each_question_ends(hostile: HostileForge, tmp_path: Path, kind: str, name: str) -> None:
    hostile.begin(ANSWERS[name])
    (tmp_path / "token").write_text("x" * 40)
    url = hostile.url if kind == "gitea" else f"{hostile.url}/api/v3"
    settings = parse(settings_document(forge={"kind": kind, "url": url}))
    for question in QUESTIONS.values():
        forge = open_forge(settings, tmp_path / "token", Metrics())  # one that has not been told to be patient
        async with asyncio.timeout(DEADLINE_SECONDS):
            with contextlib.suppress(ForgeError, RunnerBusyError):
                await question(forge)
        await forge.close()
    assert hostile.asked > 0
    assert hostile.stolen == []
