"""Both platforms, each with a pool of two runners, from nothing to nothing; what a killed run left is taken over."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from lab import environment, s3, worlds
from lab.build import Say
from lab.demo.forges.apps import App
from lab.errors import LabError
from lab.faults import machine
from lab.faults.forge_door import PORT, URL, ForgeDoor
from lab.faults.stage import alone, despite_a_lock, taken_over
from lab.github import daemon, parts
from lab.github.client import Client
from lab.soak import github
from lab.soak.gitea import GiteaForge
from lab.soak.github import GithubForge
from lab.soak.side import Side
from lab.soak.strikes import GITEA, GITHUB
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import PORT as LEDGER_PORT
from lab.trial.ledger import Ledger
from lab.trial.pods import Pods
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack

REPOSITORY: Final = github.REPOSITORY  # has the same name at both
RUNNERS: Final = 2  # of each side
KEPT_FAILED: Final = 3  # of a pool, the product's default
GHOST_SECONDS: Final = 120  # shorter than the default, so that what a fault leaves is gone when all is over
APP: Final = App("repository", 4713, 47130)
ONLINE_SECONDS: Final = 120

Config = dict[str, Any]


def space(side: str) -> str:
    """The namespace of its runners, and with `-system` that of its registrar."""
    return f"gpu-runners-soak-{side}"


def config(side: str, scope: str, port: int) -> Config:
    """A platform and its only pool, named as the side; `port`: where its runners reach their forge."""
    deadlines = {
        "scheduleSeconds": 300, "pullSeconds": 600, "onlineSeconds": 60, "lostSeconds": 90,
        "ghostSeconds": GHOST_SECONDS,
    }  # fmt: skip
    egress = [{"cidr": "10.85.0.1/32", "ports": [port, LEDGER_PORT]}]
    return {
        **pools_config(pool(side, RUNNERS), online_deadline_seconds=ONLINE_SECONDS),
        "gpu-runners:namespace": space(side),
        "gpu-runners:registrarDeadlines": deadlines,
        "gpu-runners:platform": {
            "scope": scope,
            "registrar": {"namespace": f"{space(side)}-system", "image": "lab.local/registrar:lab"},
            "environments": [
                {"namespace": space(side), "quota": {"gpus": 0}, "images": ["lab.local/"], "egress": egress}
            ],
        },
    }


def github_config() -> Config:
    """The same at GitHub, with an App and GitHub's runner."""
    return {
        **config(GITHUB, f"{daemon.URL}/{REPOSITORY}", daemon.PORT),
        "gpu-runners:forge": "github",
        "gpu-runners:githubApp": {"appId": APP.id},
        "gpu-runners:runnerImage": "lab.local/github-runner:lab",
    }


@contextmanager
def stage(say: Say) -> Iterator[tuple[Side, Side]]:
    """Both sides, with the lab to themselves; everything is as before afterwards. Raises LabError."""
    variables = environment.load()
    with alone(), ExitStack() as rest:
        parts.up(say)
        api, ledger = KubernetesApi(), Ledger()
        rest.callback(api.close)
        rest.callback(ledger.close)
        gitea, hub = _gitea(variables), _github()
        rest.callback(gitea.close)
        rest.callback(hub.close)
        backend = {**variables, "PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.PLATFORM, "soak")}
        key = {"GITHUB_APP_PRIVATE_KEY": APP.private_key()}
        without_token = {name: value for name, value in backend.items() if name not in ("FORGE_TOKEN", "FORGE_URL")}
        stacks = [
            taken_over("soak-gitea", config(GITEA, f"{URL}/{REPOSITORY}", PORT), backend),
            taken_over("soak-github", github_config(), {**without_token, **key}),
        ]
        rest.callback(machine.make_whole)
        rest.callback(take_back, stacks, say)
        rest.callback(machine.make_whole)  # first of all, as nothing can be destroyed without a cluster
        for stack in stacks:
            say(f"{stack.name} comes up")
            despite_a_lock(stack, stack.up)
        yield tuple(  # type: ignore[misc]  # two of them, one for each forge
            Side(
                api=api, pods=Pods(api, space(name), forge), repository=forge, system=f"{space(name)}-system",
                declared={name: RUNNERS}, name=name, pool=name, forge=forge, ledger=ledger,
            )
            for name, forge in ((GITEA, gitea), (GITHUB, hub))
        )  # fmt: skip


def take_back(stacks: Sequence[Stack], say: Say) -> None:
    """All of them together: whoever has interrupted waits for that. Raises LabError of the first that did not go."""
    say(f"{' and '.join(stack.name for stack in stacks)} are taken back, which takes some twenty seconds")
    with ThreadPoolExecutor(len(stacks)) as threads:
        going = [threads.submit(despite_a_lock, stack, stack.destroy) for stack in stacks]
    for gone in going:
        gone.result()


def _gitea(variables: Mapping[str, str]) -> GiteaForge:
    repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
    repository.make_anew()
    return GiteaForge(repository, ForgeDoor())


def _github() -> GithubForge:
    client = Client(github.TOKEN)
    client.arrange(f"/tokens/{github.TOKEN}", {})
    client.arrange(f"/repositories/{REPOSITORY}", {"private": True})
    client.arrange("/app", APP.registration(REPOSITORY.split("/")[0]))
    with contextlib.suppress(LabError):
        client.clear_faults()
    return GithubForge(client)
