"""Asks GitHub, before anything is declared, whether the registrar will be able to do its work there.

One message lists every problem with its cure. A GitHub that does not answer is no problem of the stack: the registrar
waits for it. Reads only; the one thing it makes is an App's token of one hour, which shows that the App may have it.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import gidgethub
import httpx2
import pulumi
from gidgethub import apps, sansio

from components.forge_scope import ForgeScope
from registrar.contract import GITHUB_ORGANIZATION_PERMISSIONS, GITHUB_REPOSITORY_PERMISSIONS

REQUESTER: Final = "gpu-runners"
# By whether the scope is a repository; else it is an organization.
NEEDED: Final = {True: GITHUB_REPOSITORY_PERMISSIONS, False: GITHUB_ORGANIZATION_PERMISSIONS}
CLASSIC_SCOPES: Final = {True: "repo", False: "admin:org"}
DEADLINE_SECONDS: Final = 15.0
ACCEPT: Final = sansio.accept_format()

Warn = Callable[[str], object]


class ForgeAccessError(pulumi.RunError):
    """Everything that keeps the registrar from its work at the forge, in one message."""


@dataclass(frozen=True)
class Proof:
    """A token, else an App with its key in PEM; installation_id may be ""."""

    token: str = ""
    app_id: str = ""
    installation_id: str = ""
    private_key: str = ""

    def __repr__(self) -> str:
        return f"Proof(app_id={self.app_id!r})"


class _DeniedError(Exception):
    """One problem, told with its cure."""


class _AwayError(Exception):
    """No usable answer now."""


def require_github_access(
    forge: ForgeScope, wanted: Iterable[tuple[str, str | None]], proof: Proof, ca: str = "", warn: Warn = pulumi.warn
) -> None:
    """Checks every (scope's path, runner group). Raises ForgeAccessError; warns where GitHub gives no answer."""
    problems: list[str] = []
    with httpx2.Client(verify=_trust(ca), timeout=DEADLINE_SECONDS) as http:
        look = _Look(http, forge, proof)
        for path, group in dict.fromkeys(wanted):
            try:
                look.check(path, group)
            except _DeniedError as problem:
                problems.append(str(problem))
            except _AwayError as error:
                warn(f"whether runners can be registered at {path} is not known: {error}")
    if problems:
        lines = [f"the registrar could not work at {forge.url}; nothing was changed:", *dict.fromkeys(problems)]
        raise ForgeAccessError("\n  ".join(lines))


def _trust(ca: str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cadata=ca) if ca else True


class _Look:
    """The questions, one after the other."""

    def __init__(self, http: httpx2.Client, forge: ForgeScope, proof: Proof) -> None:
        self._http, self._forge, self._proof = http, forge, proof

    def check(self, path: str, group: str | None) -> None:
        """Raises _DeniedError at the first thing that is not as it must be."""
        is_repository = "/" in path
        base = f"/repos/{path}" if is_repository else f"/orgs/{path}"
        token = self._proof.token or self._installation_token(path, base)
        headers = self._runners(path, base, token)
        classic = headers.get("x-oauth-scopes")
        needed = CLASSIC_SCOPES[is_repository]
        if classic is not None and self._proof.token and needed not in [one.strip() for one in classic.split(",")]:
            raise _DeniedError(f"the token has the scopes {classic or 'none'}; allowed: {needed}; give it that one")
        if is_repository:
            self._repository(path, token)
        else:
            self._group(path, base, group, token)

    def _installation_token(self, path: str, base: str) -> str:
        app, number = self._proof.app_id, self._proof.installation_id
        jwt = apps.get_jwt(app_id=app, private_key=self._proof.private_key, expiration=540)
        with _told({
            401: f"the GitHub App {app} does not sign with this key; check githubApp.appId and githubAppPrivateKey",
            404: f"the GitHub App {app} is not installed on {path}; install it there, or correct the scope",
        }):  # fmt: skip
            number = number or str(self._ask("GET", f"{base}/installation", jwt=jwt)[0]["id"])
        request: dict[str, Any] = {"permissions": NEEDED["/" in path]}
        if "/" in path:
            request["repositories"] = [path.partition("/")[2]]
        wanted = ", ".join(f"{name}: {level}" for name, level in NEEDED["/" in path].items())
        with _told({
            401: f"the GitHub App {app} does not sign with this key; check githubApp.appId and githubAppPrivateKey",
            404: f"the GitHub App {app} has no installation {number}; correct githubApp.installationId or leave it out",
            422: f"the GitHub App {app} may not have {wanted} for {path}; give it these permissions, accept them for "
            "the installation, and select the repository there",
        }):  # fmt: skip
            url = f"/app/installations/{number}/access_tokens"
            return str(self._ask("POST", url, jwt=jwt, body=request)[0]["token"])

    def _runners(self, path: str, base: str, token: str) -> Mapping[str, str]:
        needed = ", ".join(f"{name}: {level}" for name, level in NEEDED["/" in path].items())
        unknown = f"{path} does not exist, or the credential may not see it; check the spelling of the scope"
        if "/" not in path:
            unknown += "; a user's account is no organization: name one of its repositories"
        with _told({
            401: "the credential is not accepted: expired, revoked or of another GitHub; give a new forgeToken",
            403: f"the credential may not list the runners of {path}; it needs {needed}",
            404: unknown,
        }):  # fmt: skip
            return self._ask("GET", f"{base}/actions/runners?per_page=1", token=token)[1]

    def _repository(self, path: str, token: str) -> None:
        with _told({403: f"the credential may not read {path}; it needs metadata: read"}):
            repository = self._ask("GET", f"/repos/{path}", token=token)[0]
        if self._forge.is_hosted and repository.get("visibility") == "public":
            raise _DeniedError(f"{path} is public: anybody's pull request could run code here; make it private")
        if self._proof.token and repository.get("permissions", {}).get("admin") is False:
            raise _DeniedError(f"the token's user is no administrator of {path}; only those may register runners")
        with _told({403: f"the credential may not read the workflow runs of {path}; it needs actions: read"}):
            self._ask("GET", f"/repos/{path}/actions/runs?per_page=1", token=token)

    def _group(self, path: str, base: str, name: str | None, token: str) -> None:
        with _told({403: f"the credential may not list the runner groups of {path}"}):
            groups = self._ask("GET", f"{base}/actions/runner-groups?per_page=100", token=token)[0]["runner_groups"]
        group = next((one for one in groups if (one["default"] if name is None else one["name"] == name)), None)
        if group is None:
            names = ", ".join(one["name"] for one in groups)
            raise _DeniedError(
                f"runnerGroup: found {name}; allowed: {names} of {path}; create it, or name one of these"
            )
        if group["allows_public_repositories"]:
            raise _DeniedError(
                f"the runner group {group['name']} of {path} allows public repositories: anybody could run code here; "
                "switch that off in its settings, or name another runnerGroup"
            )

    def _ask(
        self, method: str, url: str, *, token: str | None = None, jwt: str | None = None, body: Any = None
    ) -> tuple[Any, Mapping[str, str]]:
        headers = sansio.create_headers(REQUESTER, accept=ACCEPT, oauth_token=token, jwt=jwt)
        try:
            answer = self._http.request(method, f"{self._forge.api_url}{url}", headers=headers, json=body)
        except httpx2.HTTPError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                cure = "set gpu-runners:forgeCa to the PEM of its CA"
                raise _DeniedError(f"the certificate of {self._forge.url} is not trusted; {cure}") from error
            raise _AwayError(f"{type(error).__name__} from {self._forge.api_url}") from error
        data, _, _ = sansio.decipher_response(answer.status_code, answer.headers, answer.content)
        return data, answer.headers


@contextmanager
def _told(problems: Mapping[int, str]) -> Iterator[None]:
    """Words a refusal by its status; whatever has no words here is no verdict on the stack."""
    try:
        yield
    except gidgethub.HTTPException as error:
        status = int(error.status_code)
        limited = isinstance(error, gidgethub.RateLimitExceeded) or "rate limit" in str(error).lower()
        if limited or status not in problems:
            raise _AwayError(f"GitHub answers {status} ({error})") from error
        needs = error.headers.get("x-accepted-github-permissions")
        raise _DeniedError(f"{problems[status]}{f' (GitHub asks for {needs})' if needs else ''}") from error
