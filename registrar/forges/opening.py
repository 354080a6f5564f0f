"""Opens the forge that the settings name: the one place that knows all of them."""

from pathlib import Path

from registrar.forges.forge import Forge, Pace
from registrar.forges.gitea import PACE as GITEA_PACE
from registrar.forges.gitea import Gitea
from registrar.forges.github.client import Client
from registrar.forges.github.credentials import credential
from registrar.forges.github.forge import GitHub
from registrar.forges.github.pace import LIMITS, Budget, Limits
from registrar.forges.github.pace import PACE as GITHUB_PACE
from registrar.forges.github.session import Session
from registrar.metrics import Metrics
from registrar.settings import Settings
from values import contract
from values.scope import GITEA


def open_forge(
    settings: Settings, token_file: Path, metrics: Metrics, *, pace: Pace | None = None, limits: Limits = LIMITS
) -> Forge:
    """The forge, which reads its credential from `token_file`, or from an App's files beside it, when it needs it.

    `limits` are GitHub's; Gitea has none.
    """

    def observe(verb: str, status: str) -> None:
        metrics.forge_requests.labels(verb, status).inc()

    if settings.forge.kind == GITEA:
        return Gitea(
            settings.forge.url,
            credential=lambda: token_file.read_text(encoding="utf-8").strip(),
            observe=observe,
            pace=pace or GITEA_PACE,
            proxy=settings.forge.proxy,
        )

    def note(budget: Budget) -> None:
        for what, value in (
            ("limit", budget.limit),
            ("remaining", budget.remaining),
            ("reset", budget.reset_seconds),
        ):
            metrics.forge_budget.labels(what).set(value)

    client = Client(
        settings.forge.url,
        observe=observe,
        budget=note,
        ca_certificate=settings.forge.ca,
        proxy=settings.forge.proxy,
        limits=limits,
    )
    reruns = {grant.scope for grant in settings.grants if grant.rerun_lost_jobs}
    return GitHub(
        Session(client, credential(client, token_file, reruns=reruns)),
        granted={
            scope: {grant.runner_group for grant in settings.grants if grant.scope == scope}
            for scope in settings.scopes
        },
        observe_days_left=lambda version, days: metrics.runner_version_days.labels(version).set(days),
        observe_unreadable=lambda scope, count: metrics.unreadable_repositories.labels(scope.path).set(count),
        pace=pace or GITHUB_PACE,
    )


def check_credential(token_file: Path) -> None:
    """Raises OSError where there is neither a token nor an App's files to read."""
    app = [token_file.parent / name for name in (contract.APP_ID_FILE, contract.APP_KEY_FILE)]
    for path in app if all(file.exists() for file in app) else (token_file,):
        path.read_text(encoding="utf-8")
