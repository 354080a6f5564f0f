"""Asks GitHub for the plans of the organizations in which a stack declares what not every plan allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from access.forge_errors import AGAIN, ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from access.github.plan import BELOW_ENTERPRISE, plan_of
from access.github.tokens import token_for
from access.github.wiring import GROUPS, permissions_for
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.forge_questions import WiringQuestion
from values.scope import Scope


@dataclass
class _Wanted:
    """What is declared in one organization, and with which token it may be asked: its scope and permissions."""

    scope: Scope
    permissions: Mapping[str, str]
    features: list[str] = field(default_factory=list)
    reviewed: list[Scope] = field(default_factory=list)
    """Repositories whose environments have reviewers, which public ones may have on every plan."""


def plans(question: WiringQuestion) -> Iterator[Finding]:
    """A finding for each organization that is asked for more than every plan allows; none where it is not."""
    with GitHubClient.of_scope(question.forge, question.ca) as client:
        for owner, wanted in _wanted(question).items():
            try:
                token = token_for(client, question.credential, wanted.scope, wanted.permissions)
                features = [*wanted.features, *_reviewers(client, wanted.reviewed, token)]
                plan = plan_of(client, Scope(owner), token) if features else ""
            except ForgeRefusedError:
                continue  # what is wrong with the credential is told where the wiring is asked about
            except ForgeUnreachableError as error:
                yield unknown(f"plan of {owner}", str(error), AGAIN)
                continue
            if features:
                yield from _judged(f"plan of {owner}", plan, ", ".join(features), is_hosted=question.forge.is_hosted)


def _wanted(question: WiringQuestion) -> dict[str, _Wanted]:
    wanted: dict[str, _Wanted] = {}
    for group in question.groups:
        if group.workflows:
            place = wanted.setdefault(group.organization, _Wanted(Scope(group.organization), GROUPS))
            place.features.append(f"`workflows` of runner group {group.name}")
    for repository in question.repositories:
        if any(it.reviewer_users or it.reviewer_teams for it in repository.environments):
            place = wanted.setdefault(repository.owner, _Wanted(Scope(repository.path), permissions_for(repository)))
            place.reviewed.append(Scope(repository.path))
    return wanted


def _reviewers(client: GitHubClient, repositories: list[Scope], token: str) -> Iterator[str]:
    """Those of private repositories, and of those of which GitHub does not tell whether they are."""
    for repository in repositories:
        try:
            answer = client.ask("GET", repository.api_path, token=token)[0]
        except ForgeStatusError:
            yield f"reviewers of {repository}, where that is private"
            continue
        if answer.get("private", True):
            yield f"reviewers of {repository}, which is private"


def _judged(check: str, plan: str, features: str, *, is_hosted: bool) -> Iterator[Finding]:
    if plan in BELOW_ENTERPRISE:
        cure = "take them out of the stack (docs/stacks.md says what is lost), or move to GitHub Enterprise"
        yield failed(check, f"GitHub {plan.capitalize()} does not allow {features}", cure)
    elif plan:
        yield ok(check, f"{plan} allows {features}")
    elif is_hosted:
        cure = "see Settings > Billing and plans of the organization, or ask with an owner's token"
        yield unknown(check, f"GitHub does not tell it; only GitHub Enterprise allows {features}", cure)
