"""Asks Gitea whether the credential may register and remove runners of each scope."""

from collections.abc import Iterator
from typing import Any, Final

from access.forge_errors import AGAIN, ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.gitea.client import GiteaClient
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown, wrong
from values.forge_questions import RegistrarQuestion
from values.scope import Scope, ScopeKind

# No forge numbers a runner 0: whether its change is refused or not found tells who may change runners.
NO_RUNNER: Final = 0


def registrar(question: RegistrarQuestion) -> Iterator[Finding]:
    """Findings about the server, the credential, and each scope (`owner/repository`, `owner` or "")."""
    url = question.forge.url
    with GiteaClient(url, question.credential.token, ca=question.ca) as client:
        try:
            version = client.ask("GET", "/version")["version"]
        except ForgeRefusedError as refusal:
            yield wrong("forge", refusal.problems[0])
            return
        except ForgeStatusError as error:
            if error.status == 401:
                yield _not_accepted()
            else:
                yield unknown("forge", str(error), "is it a Gitea, and is it up?")
            return
        except ForgeUnreachableError as error:
            cure = "check the scope's URL, the network, and gpu-runners:forgeCa if its certificate is signed by you"
            yield failed("forge", f"{url} does not answer ({error})", cure)
            return
        yield ok("forge", f"Gitea {version} at {url}")
        for scope in dict.fromkeys(scope for scope, _ in question.scopes):
            yield from _of_scope(client, scope)


def _of_scope(client: GiteaClient, scope: Scope) -> Iterator[Finding]:
    check = f"scope {scope.path or 'of the whole server'}"
    runners = scope.runners_path
    try:
        listed = _status(client, "GET", runners, parameters={"limit": "1"})
        changed = _status(client, "PATCH", f"{runners}/{NO_RUNNER}", body={"disabled": True})
    except ForgeUnreachableError as error:
        yield unknown(check, f"no answer ({error})", AGAIN)
        return
    if 401 in (listed, changed):
        yield _not_accepted()
    elif listed == 404:
        yield failed(check, "it does not exist, or the credential may not see it", "check its spelling")
    elif listed == 403:
        yield failed(check, "the credential may not list its runners", _cure(scope))
    elif listed != 200:
        yield unknown(check, f"Gitea answers {listed}", AGAIN)
    elif changed == 404:
        yield ok(check, "runners may be registered and removed there")
    elif changed == 403:
        yield failed(check, "the credential may list its runners but not change them", _cure(scope))
    else:
        yield unknown(check, f"Gitea answers {changed} to a change of runners", AGAIN)


def _status(client: GiteaClient, method: str, path: str, **more: Any) -> int:
    try:
        return client.answer(method, path, **more).status_code
    except ForgeStatusError as error:
        return error.status


def _not_accepted() -> Finding:
    return failed(
        "credential", "Gitea does not accept it: expired, revoked or of another server", "set a new forgeToken"
    )


def _cure(scope: Scope) -> str:
    kind = "admin" if scope.kind == ScopeKind.INSTANCE else scope.kind
    who = "an administrator of it" if scope.path else "an administrator of the server"
    return f"make a token of {who} with the scope write:{kind}"
