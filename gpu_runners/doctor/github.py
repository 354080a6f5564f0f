"""Asks GitHub about credential, permissions, budget, scope and runner group, by the program's own questions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from access.forge_errors import AGAIN, Answers, ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from access.github.registrar import ask_about_registrar
from access.github.switches import switched_off
from access.github.tokens import token_for, words
from access.github.wiring import ask_about_wiring
from gpu_runners.doctor.core.budget import budget
from gpu_runners.doctor.core.findings import Finding, doubtful, failed, ok, unknown, wrong
from gpu_runners.doctor.github_groups import reach, visibility
from gpu_runners.doctor.github_plans import plans
from values.credential import Credential
from values.forge_questions import RegistrarQuestion, WiringQuestion
from values.github import registrar_permissions
from values.scope import Scope

# GitHub numbers no runner 0: whether its removal is refused or not found tells who may remove runners.
NO_RUNNER: Final = 0


def registrar(question: RegistrarQuestion) -> Iterator[Finding]:
    """Whether a registrar could work in these scopes and groups."""
    groups: dict[Scope, list[str | None]] = {}
    for scope, group in dict.fromkeys(question.scopes):
        groups.setdefault(scope, []).append(group)
    with GitHubClient.of_scope(question.forge, question.ca) as client:
        for scope, named in groups.items():
            needed = registrar_permissions(scope, reruns=scope in question.reruns)
            credential, token = _credential(client, question.credential, scope, needed)
            yield credential
            if not token:
                continue
            yield _budget(client, scope, token)
            if question.credential.token:
                yield _may_change(client, scope, token, needed)
            yield from _switches(client, scope, token)
            for group in named:
                yield from _scope(question, scope, group)
                if not scope.is_repository:
                    yield from visibility(client, scope, group, token)
                    yield from reach(client, scope, group, token, of_app=not question.credential.token)


def wiring(question: WiringQuestion) -> Iterator[Finding]:
    """Whether `pulumi up` could declare these groups and repositories."""
    names = [f"{group.organization}/{group.name}" for group in question.groups]
    check = f"wiring of {', '.join((*names, *(wiring.path for wiring in question.repositories)))}"
    yield from _judged(check, ask_about_wiring(question), "all of it can be declared")
    yield from plans(question)


def _credential(
    client: GitHubClient, credential: Credential, scope: Scope, needed: Mapping[str, str]
) -> tuple[Finding, str]:
    """The finding, and a token where there is one."""
    check = f"credential for {scope}"
    try:
        token = token_for(client, credential, scope, needed)
        client.ask("GET", "/rate_limit", token=token)
    except ForgeRefusedError as refusal:
        return wrong(check, refusal.problems[0]), ""
    except ForgeStatusError as error:
        if error.status == 401:
            found = "the token is not accepted: expired, revoked or of another GitHub"
            return failed(check, found, "give a new one"), ""
        if error.status != 404:  # an Enterprise Server without limits has no such page
            return unknown(check, str(error), AGAIN), ""
    except ForgeUnreachableError as error:
        return unknown(check, str(error), AGAIN), ""
    granted = f"the GitHub App {credential.app_id} is installed with {words(needed)}"
    return ok(check, "the token is accepted" if credential.token else granted), token


def _switches(client: GitHubClient, scope: Scope, token: str) -> Iterator[Finding]:
    """Only what is off is told."""
    check = f"switches of {scope}"
    try:
        problem = switched_off(client, scope, token)
    except ForgeUnreachableError as error:
        yield unknown(check, str(error), AGAIN)
        return
    if problem is not None:
        yield wrong(check, problem)


def _scope(question: RegistrarQuestion, scope: Scope, group: str | None) -> Iterator[Finding]:
    """What `pulumi up` asks before it declares anything."""
    check = f"scope {scope}" if scope.is_repository else f"scope {scope}, runner group {group or 'by default'}"
    answers = ask_about_registrar(replace(question, scopes=((scope, group),)))
    yield from _judged(check, answers, "runners can be registered and their jobs seen")


def _judged(check: str, answers: Answers, all_is_well: str) -> Iterator[Finding]:
    yield from (wrong(check, problem) for problem in dict.fromkeys(answers.problems))
    yield from (doubtful(check, concern) for concern in dict.fromkeys(answers.concerns))
    if not (answers.problems or answers.concerns):
        yield ok(check, all_is_well)


def _budget(client: GitHubClient, scope: Scope, token: str) -> Finding:
    check = f"rate budget for {scope}"
    try:
        return budget(check, client.ask("GET", "/rate_limit", token=token)[0])
    except ForgeStatusError as error:
        return ok(check, "this GitHub has no limits") if error.status == 404 else unknown(check, str(error), AGAIN)
    except ForgeUnreachableError as error:
        return unknown(check, str(error), AGAIN)


def _may_change(client: GitHubClient, scope: Scope, token: str, needed: Mapping[str, str]) -> Finding:
    """A token tells nobody what it may do; who may not remove runners is refused before the runner is looked for."""
    check = f"permissions for {scope}"
    try:
        client.ask("DELETE", f"{scope.runners_path}/{NO_RUNNER}", token=token)
    except ForgeStatusError as error:
        if error.status == 403:
            return failed(check, f"the token may not remove runners of {scope}", f"give it {words(needed)}")
        if error.status not in (404, 422):
            return unknown(check, str(error), AGAIN)
    except ForgeUnreachableError as error:
        return unknown(check, str(error), AGAIN)
    return ok(check, "the token may change runners")
