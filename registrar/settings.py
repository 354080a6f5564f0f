"""What the platform stack tells the registrar: config.json, parsed strictly. Nothing is read here but that file."""

import json
import math
import ssl
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from values.accounts import DEPLOYER, JOB_ACCOUNTS
from values.deadlines import Deadlines
from values.forge_url import read_forge_url
from values.grant import Grant, JobGrant
from values.problem import Problem, ProblemsError, quoted
from values.proxy import is_proxy_url
from values.runner_label import is_runner_label
from values.scope import FORGES, GITHUB, Scope, ScopeKind
from values.workflow import ALLOWED, WorkflowRef, parse_workflow

_CURE: Final = "the platform stack writes this file: bring it up with the program that this image belongs to"


class SettingsError(ProblemsError):
    """config.json cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{path} cannot be used; {_CURE}:", problems)


@dataclass(frozen=True, kw_only=True)
class ForgeSettings:
    """Which forge, and its URL without a trailing slash; of GitHub the URL of its API. `ca` is PEM, or "".

    proxy: the URL of the proxy through which it is reached, "" for none.
    """

    kind: str
    url: str
    ca: str = ""
    proxy: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole of config.json. A namespace has exactly one grant: it is one trust zone, hence one scope."""

    forge: ForgeSettings
    grants: tuple[Grant, ...]
    deadlines: Deadlines
    keep_failed: int

    def grant_for(self, namespace: str) -> Grant | None:
        """The grant of a namespace, or None."""
        return next((grant for grant in self.grants if grant.namespace == namespace), None)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope once; two namespaces may share one."""
        return tuple(dict.fromkeys(grant.scope for grant in self.grants))


def load(path: Path) -> Settings:
    """Read and check config.json.

    Raises SettingsError with every problem at once.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem("the file", f"what cannot be read ({error.strerror})", "a file that can be read", _CURE)
        raise SettingsError(str(path), [problem]) from error
    except (ValueError, RecursionError) as error:
        problem = Problem("the file", f"what is not JSON ({error})", "JSON", _CURE)
        raise SettingsError(str(path), [problem]) from error
    return parse(document, path=str(path))


def parse(document: object, *, path: str = "config.json") -> Settings:
    """Check a decoded config.json. Raises SettingsError with every problem at once."""
    reader = _Reader()
    top = reader.mapping(document, "", ("forge", "grants", "deadlines", "keepFailed"))
    settings = Settings(
        forge=_forge(reader, top.get("forge")),
        grants=_grants(reader, top.get("grants")),
        deadlines=_deadlines(reader, top.get("deadlines")),
        keep_failed=reader.whole_number(top.get("keepFailed"), "keepFailed"),
    )
    if settings.forge.kind == GITHUB:
        for index, grant in enumerate(settings.grants):
            if grant.scope.kind == ScopeKind.INSTANCE:
                reader.note(f"grants[{index}].scope", '""', "owner/repository or an organization: GitHub has no other")
    if reader.problems:
        raise SettingsError(path, reader.problems)
    return settings


def _forge(reader: "_Reader", value: object) -> ForgeSettings:
    forge = reader.mapping(value, "forge", ("kind", "url", "ca", "proxy"))
    kind = reader.text(forge.get("kind"), "forge.kind")
    if kind and kind not in FORGES:
        reader.note("forge.kind", quoted(kind), " or ".join(FORGES))
    url = reader.text(forge.get("url"), "forge.url")
    try:
        if url:
            read_forge_url(url)
    except ValueError as error:
        allowed = "a plain https:// URL, or http:// with an address of a private network"
        reader.note("forge.url", f"{quoted(url)}: {error}", allowed)
    ca = reader.text(forge.get("ca", ""), "forge.ca", may_be_empty=True)
    proxy = reader.text(forge.get("proxy", ""), "forge.proxy", may_be_empty=True)
    if proxy and not is_proxy_url(proxy):
        reader.note("forge.proxy", quoted(proxy), "the URL of a proxy with its port and without a login")
    return ForgeSettings(kind=kind, url=url.rstrip("/"), ca=ca, proxy=proxy)


def _grants(reader: "_Reader", value: object) -> tuple[Grant, ...]:
    grants = tuple(_grant(reader, item, f"grants[{index}]") for index, item in enumerate(reader.array(value, "grants")))
    for namespace, count in Counter(grant.namespace for grant in grants if grant.namespace).items():
        if count > 1:
            reader.note("grants", f"the namespace {quoted(namespace)} {count} times", "one grant for a namespace")
    return grants


def _grant(reader: "_Reader", value: object, key: str) -> Grant:
    names = ("namespace", "scope", "serviceAccounts", "runnerGroup", "labels", "jobs", "autoscaler", "rerunLostJobs")
    grant = reader.mapping(value, key, names)
    accounts = reader.array(grant.get("serviceAccounts"), f"{key}.serviceAccounts")
    group = grant.get("runnerGroup")
    return Grant(
        namespace=reader.text(grant.get("namespace"), f"{key}.namespace"),
        scope=_scope(reader, grant.get("scope"), f"{key}.scope"),
        service_accounts=tuple(
            reader.text(account, f"{key}.serviceAccounts[{index}]") for index, account in enumerate(accounts)
        ),
        runner_group=None if group is None else reader.text(group, f"{key}.runnerGroup"),
        labels=_labels(reader, grant.get("labels"), f"{key}.labels"),
        jobs=_jobs(reader, grant.get("jobs"), f"{key}.jobs"),
        autoscaler=_certificate(reader, grant.get("autoscaler"), f"{key}.autoscaler"),
        rerun_lost_jobs=reader.flag(grant.get("rerunLostJobs", False), f"{key}.rerunLostJobs"),
    )


def _certificate(reader: "_Reader", value: object, key: str) -> str:
    if value is None:
        return ""
    text = reader.text(value, key)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_verify_locations(cadata=text)
        ssl.PEM_cert_to_DER_cert(text)
    except (ssl.SSLError, ValueError):
        reader.note(key, "no certificate", "one certificate as PEM")
        return ""
    return text


def _jobs(reader: "_Reader", value: object, key: str) -> tuple[JobGrant, ...]:
    if value is None:
        return ()
    jobs = tuple(_job(reader, item, f"{key}[{index}]") for index, item in enumerate(reader.array(value, key)))
    for account, count in Counter(job.account for job in jobs if job.account).items():
        if count > 1:
            reader.note(key, f"the account {quoted(account)} {count} times", "each account once")
    return jobs


def _job(reader: "_Reader", value: object, key: str) -> JobGrant:
    job = reader.mapping(value, key, ("account", "repository", "workflows"))
    account = reader.text(job.get("account"), f"{key}.account")
    if account and account not in JOB_ACCOUNTS:
        reader.note(f"{key}.account", quoted(account), " or ".join(JOB_ACCOUNTS))
    repository = _scope(reader, job.get("repository"), f"{key}.repository")
    if not repository.is_repository:
        reader.note(f"{key}.repository", quoted(str(repository)), "owner/repository")
    workflows: list[WorkflowRef] = []
    for index, text in enumerate(reader.array(job.get("workflows"), f"{key}.workflows")):
        try:
            workflow = parse_workflow(text if isinstance(text, str) else "")
        except ValueError:
            reader.note(f"{key}.workflows[{index}]", quoted(text), ALLOWED)
            continue
        if account == DEPLOYER and not workflow.branch:
            reader.note(f"{key}.workflows[{index}]", quoted(text), f"{ALLOWED}: no pull request deploys")
        workflows.append(workflow)
    return JobGrant(account=account, repository=repository, workflows=tuple(workflows))


def _labels(reader: "_Reader", value: object, key: str) -> frozenset[str] | None:
    if value is None:
        return None
    labels = reader.array(value, key)
    for index, label in enumerate(labels):
        if not is_runner_label(label):
            reader.note(f"{key}[{index}]", quoted(label), "a runner label: letters, digits and _ . - + / =")
    return frozenset(label for label in labels if isinstance(label, str))


def _scope(reader: "_Reader", value: object, key: str) -> Scope:
    path = reader.text(value, key, may_be_empty=True)
    try:
        return Scope(path)
    except ValueError:
        reader.note(key, quoted(path), "owner/repository, an organization, or an empty text for the whole instance")
        return Scope("")


def _deadlines(reader: "_Reader", value: object) -> Deadlines:
    keys = {field.name: field.name.replace("_seconds", "Seconds") for field in fields(Deadlines)}
    deadlines = reader.mapping(value, "deadlines", tuple(keys.values()))
    return Deadlines(**{name: reader.seconds(deadlines.get(key), f"deadlines.{key}") for name, key in keys.items()})


class _Reader:
    """Collects problems; every method returns a harmless value where it found one."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, key: str, found: str, allowed: str) -> None:
        self.problems.append(Problem(key, found, allowed, _CURE))

    def mapping(self, value: object, key: str, names: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.note(key or "the file", quoted(value), f"an object with {', '.join(names)}")
            return {}
        for name in value:
            if name not in names:
                self.note(f"{key}.{name}" if key else name, "an unknown key", ", ".join(names))
        return value

    def array(self, value: object, key: str) -> list[object]:
        if isinstance(value, list) and value:
            return value
        self.note(key, quoted(value), "a list with at least one element")
        return []

    def text(self, value: object, key: str, *, may_be_empty: bool = False) -> str:
        if isinstance(value, str) and (value or may_be_empty):
            return value
        self.note(key, quoted(value), "text" if may_be_empty else "text that is not empty")
        return ""

    def flag(self, value: object, key: str) -> bool:
        if isinstance(value, bool):
            return value
        self.note(key, quoted(value), "true or false")
        return False

    def seconds(self, value: object, key: str) -> float:
        # bool is an int in Python, and `true` is no number of seconds; JSON's decoder takes Infinity and NaN
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 1:
            return value
        self.note(key, quoted(value), "a number of seconds of at least 1")
        return 1

    def whole_number(self, value: object, key: str) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.note(key, quoted(value), "a whole number of at least 0")
        return 0
