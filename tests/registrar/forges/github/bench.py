"""A GitHub forge and the stand-in that it talks to, opened as the registrar opens it."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from registrar.forges.github.forge import GitHub
from registrar.forges.opening import open_forge
from registrar.metrics import Metrics
from registrar.settings import parse
from tests.github.app_key import private_key
from tests.github.arranged import APP_ID, TOKEN, ArrangedGitHub
from tests.registrar.conftest import settings_document
from values import contract
from values.scope import Scope


@dataclass
class Bench:
    """The forge, the stand-in, and the folder of the credential."""

    stand_in: ArrangedGitHub
    forge: GitHub
    metrics: Metrics
    folder: Path

    def counted(self, name: str) -> float:
        """The value of a metric, by its name and labels as Prometheus reads them."""
        text = self.metrics.render().decode()
        return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))


def write_app(folder: Path, key: str, **more: str) -> None:
    """The credential's files of a GitHub App."""
    for name, text in {contract.APP_ID_FILE: APP_ID, contract.APP_KEY_FILE: key, **more}.items():
        (folder / name).write_text(text)


@asynccontextmanager
async def github_bench(
    folder: Path,
    *,
    app: bool = False,
    group: str | None = None,
    more_groups: tuple[str, ...] = (),
    reruns: Collection[Scope] = (),
) -> AsyncIterator[Bench]:
    """A personal access token, or an App; `group`: what the grant of the organization names, `more_groups` others.

    reruns: the scopes whose lost jobs are run again.
    """
    stand_in, metrics = ArrangedGitHub(), Metrics()
    server = TestServer(stand_in.application())
    await server.start_server()
    url = f"{str(server.make_url('')).rstrip('/')}/api/v3"
    grant = {"namespace": "runners", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
    of_organization = {**grant, "namespace": "others", "scope": "mlops", "runnerGroup": group}
    others = [{**of_organization, "namespace": name, "runnerGroup": name} for name in more_groups]
    grants: list[dict[str, Any]] = [grant, of_organization, *others]
    grants = [{**it, "rerunLostJobs": Scope(str(it["scope"])) in reruns} for it in grants]
    settings = parse(settings_document(forge={"kind": "github", "url": url}, grants=grants))
    if app:
        write_app(folder, private_key())
    else:
        (folder / "token").write_text(f"{TOKEN}\n")
    forge = open_forge(settings, folder / "token", metrics)
    assert isinstance(forge, GitHub)
    try:
        yield Bench(stand_in, forge, metrics, folder)
    finally:
        await forge.close()
        await server.close()
    stand_in.hold_against_description()
