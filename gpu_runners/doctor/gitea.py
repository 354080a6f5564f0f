"""Asks Gitea whether the credential may register and remove runners of each scope."""

import ssl
from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.scope import ForgeScope

TIMEOUT_SECONDS: Final = 15.0
# No forge numbers a runner 0: whether its change is refused or not found tells who may change runners.
NO_RUNNER: Final = 0


def gitea(forge: ForgeScope, scopes: Iterable[str], token: str, ca: str = "") -> Iterator[Finding]:
    """Findings about the server, the credential, and each scope (`owner/repository`, `owner` or "")."""
    trust: ssl.SSLContext | bool = ssl.create_default_context(cadata=ca) if ca else True
    headers = {"Authorization": f"token {token}"}
    # A proxy for the internet knows no way to a forge of one's own; the registrar asks none either.
    with httpx2.Client(
        base_url=f"{forge.url}/api/v1", headers=headers, verify=trust, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as http:
        try:
            version = http.get("/version")
        except httpx2.HTTPError as error:
            cure = "check the scope's URL, the network, and gpu-runners:forgeCa if its certificate is signed by you"
            yield failed("forge", f"{forge.url} does not answer ({error or type(error).__name__})", cure)
            return
        if version.status_code == 401:
            yield _not_accepted()
            return
        if not version.is_success:
            yield unknown("forge", f"{forge.url} answers {version.status_code}", "is it a Gitea, and is it up?")
            return
        yield ok("forge", f"Gitea {version.json()['version']} at {forge.url}")
        for scope in dict.fromkeys(scopes):
            yield from _of_scope(http, scope)


def _of_scope(http: httpx2.Client, scope: str) -> Iterator[Finding]:
    check = f"scope {scope or 'of the whole server'}"
    runners = f"{_base(scope)}/actions/runners"
    try:
        listed = http.get(runners, params={"limit": "1"}).status_code
        changed = http.patch(f"{runners}/{NO_RUNNER}", json={"disabled": True}).status_code
    except httpx2.HTTPError as error:
        yield unknown(check, f"no answer ({error or type(error).__name__})", "run this again")
        return
    if 401 in (listed, changed):
        yield _not_accepted()
    elif listed == 404:
        yield failed(check, "it does not exist, or the credential may not see it", "check its spelling")
    elif listed == 403:
        yield failed(check, "the credential may not list its runners", _cure(scope))
    elif listed != 200:
        yield unknown(check, f"Gitea answers {listed}", "run this again")
    elif changed == 404:
        yield ok(check, "runners may be registered and removed there")
    elif changed == 403:
        yield failed(check, "the credential may list its runners but not change them", _cure(scope))
    else:
        yield unknown(check, f"Gitea answers {changed} to a change of runners", "run this again")


def _not_accepted() -> Finding:
    return failed(
        "credential", "Gitea does not accept it: expired, revoked or of another server", "set a new forgeToken"
    )


def _cure(scope: str) -> str:
    kind = "repository" if "/" in scope else "organization" if scope else "admin"
    who = "an administrator of it" if scope else "an administrator of the server"
    return f"make a token of {who} with the scope write:{kind}"


def _base(scope: str) -> str:
    if not scope:
        return "/admin"
    return f"/repos/{scope}" if "/" in scope else f"/orgs/{scope}"
