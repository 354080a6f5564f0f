"""Asks GitHub about credential, permissions, budget, scope and runner group, by the program's own questions."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from access.github.proof import token_for
from access.github.questions import AwayError, DeniedError, Questions, told
from access.github.registrar import NEEDED, ForgeAccessError, require_github_access
from access.github.wiring import Group, require_wiring_access
from gpu_runners.doctor.core.budget import budget
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown, worded
from gpu_runners.doctor.github_groups import visibility
from values.credential import Credential
from values.scope import ForgeScope
from values.wiring import RepositoryWiring

AGAIN: Final = "run this again when GitHub answers"
# GitHub numbers no runner 0: whether its removal is refused or not found tells who may remove runners.
NO_RUNNER: Final = 0
NOT_ACCEPTED: Final = "the token is not accepted: expired, revoked or of another GitHub; give a new one"
ABSENT: Final = "nothing is there"
Wanted = tuple[str, str | None]  # a scope's path and a runner group


@dataclass(frozen=True)
class GitHub:
    """One GitHub, and what is shown to it. declared: the (organization, group)s that the stack itself makes."""

    forge: ForgeScope
    proof: Credential
    ca: str = ""
    declared: Collection[tuple[str, str]] = ()

    def registrar(self, wanted: Iterable[Wanted]) -> Iterator[Finding]:
        """Whether a registrar could work in these scopes and groups."""
        groups: dict[str, list[str | None]] = {}
        for path, group in dict.fromkeys(wanted):
            groups.setdefault(path, []).append(group)
        with Questions(self.forge, self.ca) as questions:
            for path, named in groups.items():
                needed = NEEDED["/" in path]
                credential, token = self._credential(questions, f"credential for {path}", path, needed)
                yield credential
                if not token:
                    continue
                yield _budget(questions, path, token)
                if self.proof.token:
                    yield _may_change(questions, path, token)
                for group in named:
                    yield self._access(path, group)
                    if "/" not in path:
                        yield from visibility(questions, path, group, token)

    def wiring(self, groups: Mapping[str, Group], repositories: Mapping[str, RepositoryWiring]) -> Iterator[Finding]:
        """Whether `pulumi up` could declare these: groups by organization/name, repositories by their path."""
        check = f"wiring of {', '.join((*groups, *repositories))}"
        notes: list[str] = []
        try:
            require_wiring_access(self.forge, groups, repositories, self.proof, self.ca, warn=notes.append)
        except ForgeAccessError as error:
            for problem in str(error).splitlines()[1:]:
                yield failed(check, *worded(problem.strip()))
        else:
            if not notes:
                yield ok(check, "all of it can be declared")
        for note in notes:
            found, cure = worded(note)
            yield unknown(check, found, cure or AGAIN)

    def _credential(
        self, questions: Questions, check: str, path: str, needed: Mapping[str, str]
    ) -> tuple[Finding, str]:
        """The finding, and a token where there is one."""
        try:
            token = token_for(questions, self.proof, path, needed)
            with told({401: NOT_ACCEPTED, 404: ABSENT}):  # an Enterprise Server without limits has no such page
                questions.ask("GET", "/rate_limit", token=token)
        except DeniedError as problem:
            if not str(problem).startswith(ABSENT):
                return failed(check, *worded(str(problem))), ""
        except AwayError as error:
            return unknown(check, str(error), AGAIN), ""
        granted = f"the GitHub App {self.proof.app_id} is installed with {_words(needed)}"
        return ok(check, "the token is accepted" if self.proof.token else granted), token

    def _access(self, path: str, group: str | None) -> Finding:
        """What `pulumi up` asks before it declares anything."""
        check = f"scope {path}" if "/" in path else f"scope {path}, runner group {group or 'by default'}"
        notes: list[str] = []
        try:
            require_github_access(
                self.forge, [(path, group)], self.proof, self.ca, warn=notes.append, declared=self.declared
            )
        except ForgeAccessError as error:
            return failed(check, *worded(str(error).partition("\n")[2].strip()))
        if notes:
            found, cure = worded("; ".join(notes))
            return unknown(check, found, cure or AGAIN)
        return ok(check, "runners can be registered and their jobs seen")


def _budget(questions: Questions, path: str, token: str) -> Finding:
    check = f"rate budget for {path}"
    try:
        with told({404: "this GitHub has no limits"}):
            return budget(check, questions.ask("GET", "/rate_limit", token=token)[0])
    except DeniedError as no_limits:
        return ok(check, str(no_limits))
    except AwayError as error:
        return unknown(check, str(error), AGAIN)


def _may_change(questions: Questions, path: str, token: str) -> Finding:
    """A token tells nobody what it may do; who may not remove runners is refused before the runner is looked for."""
    check = f"permissions for {path}"
    base = f"/repos/{path}" if "/" in path else f"/orgs/{path}"
    refused = f"the token may not remove runners of {path}; give it {_words(NEEDED['/' in path])}"
    try:
        with told({403: refused, 404: ABSENT, 422: ABSENT}):
            questions.ask("DELETE", f"{base}/actions/runners/{NO_RUNNER}", token=token)
    except DeniedError as problem:
        if not str(problem).startswith(ABSENT):
            return failed(check, *worded(str(problem)))
    except AwayError as error:
        return unknown(check, str(error), AGAIN)
    return ok(check, "the token may change runners")


def _words(permissions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {level}" for name, level in permissions.items())
