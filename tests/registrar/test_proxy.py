"""The registrar reaches its forge through the proxy that it is told of, and the API server through none."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from registrar.forges.forge import Pace
from tests.registrar.conftest import World, open_world
from tests.registrar.forward_proxy import forward_proxy
from tests.registrar.stand_in_cluster import runner_pod

PACE = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
NOWHERE = "http://127.0.0.1:1"


async def registered(world: World) -> tuple[int, str]:
    """What becomes of a pod that registers."""
    pod = runner_pod()
    await world.cluster.create(pod)
    status, _, answer = await world.register(pod)
    return status, str(answer)


@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_the_forge_is_reached_through_the_proxy_and_the_api_server_is_not(tmp_path: Path, kind: str) -> None:
    async with forward_proxy() as proxy, open_world(tmp_path, kind, PACE, proxy=proxy.url) as world:
        status, _ = await registered(world)
        assert status == 200
        forge = urlsplit(world.settings.forge.url).netloc
        assert set(proxy.hosts) == {forge}
        assert world.cluster.requests


@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_a_proxy_of_the_environment_is_for_nobody(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    async with open_world(tmp_path, kind, PACE) as world:
        status, _ = await registered(world)
        assert status == 200


@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_a_proxy_that_is_away_is_a_forge_that_cannot_be_reached(tmp_path: Path, kind: str) -> None:
    async with open_world(tmp_path, kind, PACE, proxy=NOWHERE) as world:
        status, answer = await registered(world)
        assert status == 503
        assert "127.0.0.1" in answer
