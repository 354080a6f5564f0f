"""What the platform stack tells the registrar: config.json, parsed strictly. Nothing is read here but that file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

FORGE_KINDS = ("gitea", "github")


class SettingsError(Exception):
    """config.json cannot be used; `problems` holds one line for each thing that is wrong with it."""

    def __init__(self, path: str, problems: list[str]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{path}: {len(problems)} problem(s); the platform stack renders this file:\n{listed}")


@dataclass(frozen=True, kw_only=True)
class ForgeSettings:
    """Which forge, and its URL without a trailing slash; of GitHub the URL of its API. `ca` is PEM, or ""."""

    kind: str
    url: str
    ca: str = ""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Pods of `namespace` under one of `service_accounts` may obtain runners of `scope`."""

    namespace: str
    scope: str
    service_accounts: tuple[str, ...]
    runner_group: str | None


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Seconds a pod or a runner may stay in a state before the registrar says or does something about it."""

    schedule_seconds: float
    pull_seconds: float
    online_seconds: float
    lost_seconds: float
    ghost_seconds: float


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
    def scopes(self) -> tuple[str, ...]:
        """Every scope once; two namespaces may share one."""
        return tuple(dict.fromkeys(grant.scope for grant in self.grants))


def load(path: Path) -> Settings:
    """Read and check config.json.

    Raises SettingsError with every problem at once.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsError(str(path), [f"is not JSON: {error}"]) from error
    return parse(document, path=str(path))


def parse(document: object, *, path: str = "config.json") -> Settings:
    """Check a decoded config.json. Raises SettingsError with every problem at once."""
    reader = _Reader()
    top = reader.mapping(document, "", ("forge", "grants", "deadlines", "keepFailed"))
    settings = Settings(
        forge=_forge(reader, top.get("forge")),
        grants=_grants(reader, top.get("grants")),
        deadlines=_deadlines(reader, top.get("deadlines")),
        keep_failed=int(reader.number(top.get("keepFailed"), "keepFailed", minimum=0)),
    )
    if settings.forge.kind == "github" and "" in settings.scopes:
        reader.problems.append("grants: GitHub has no runners of a whole server; name a repository or an organization")
    if reader.problems:
        raise SettingsError(path, reader.problems)
    return settings


def _forge(reader: "_Reader", value: object) -> ForgeSettings:
    forge = reader.mapping(value, "forge", ("kind", "url", "ca"))
    kind = reader.text(forge.get("kind"), "forge.kind")
    if kind and kind not in FORGE_KINDS:
        reader.problems.append(f"forge.kind: {kind!r} is not known; allowed: {', '.join(FORGE_KINDS)}")
    url = reader.text(forge.get("url"), "forge.url")
    if url and not url.startswith(("http://", "https://")):
        reader.problems.append(f"forge.url: {url!r} is no URL; give http://… or https://…")
    ca = reader.text(forge.get("ca", ""), "forge.ca", may_be_empty=True)
    return ForgeSettings(kind=kind, url=url.rstrip("/"), ca=ca)


def _grants(reader: "_Reader", value: object) -> tuple[Grant, ...]:
    grants = []
    for index, item in enumerate(reader.array(value, "grants")):
        key = f"grants[{index}]"
        grant = reader.mapping(item, key, ("namespace", "scope", "serviceAccounts", "runnerGroup"))
        scope = reader.text(grant.get("scope"), f"{key}.scope", may_be_empty=True)
        if scope.count("/") > 1 or (scope and not all(scope.split("/"))):
            reader.problems.append(
                f"{key}.scope: {scope!r}; allowed: 'owner/repository', 'owner' or '' (whole instance)"
            )
        accounts = reader.array(grant.get("serviceAccounts"), f"{key}.serviceAccounts")
        group = grant.get("runnerGroup")
        grants.append(
            Grant(
                namespace=reader.text(grant.get("namespace"), f"{key}.namespace"),
                scope=scope,
                service_accounts=tuple(
                    reader.text(account, f"{key}.serviceAccounts[{n}]") for n, account in enumerate(accounts)
                ),
                runner_group=None if group is None else reader.text(group, f"{key}.runnerGroup"),
            )
        )
    names = [grant.namespace for grant in grants]
    reader.problems.extend(
        f"grants: namespace {name!r} appears {names.count(name)} times; one namespace has one grant"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    )
    return tuple(grants)


def _deadlines(reader: "_Reader", value: object) -> Deadlines:
    keys = {field.name: field.name.replace("_seconds", "Seconds") for field in fields(Deadlines)}
    deadlines = reader.mapping(value, "deadlines", tuple(keys.values()))
    return Deadlines(
        **{name: reader.number(deadlines.get(key), f"deadlines.{key}", minimum=1) for name, key in keys.items()}
    )


class _Reader:
    """Collects problems; every method returns a harmless value where it found one."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def mapping(self, value: object, key: str, allowed: tuple[str, ...]) -> Mapping[str, object]:
        if not isinstance(value, dict):
            self.problems.append(f"{key or 'the file'}: must be an object with {', '.join(allowed)}")
            return {}
        prefix = f"{key}." if key else ""
        self.problems.extend(f"{prefix}{name}: unknown key" for name in value if name not in allowed)
        return value

    def array(self, value: object, key: str) -> list[object]:
        if isinstance(value, list) and value:
            return value
        self.problems.append(f"{key}: must be a list with at least one element")
        return []

    def text(self, value: object, key: str, *, may_be_empty: bool = False) -> str:
        if isinstance(value, str) and (value or may_be_empty):
            return value
        self.problems.append(f"{key}: must be {'text' if may_be_empty else 'text that is not empty'}, found {value!r}")
        return ""

    def number(self, value: object, key: str, *, minimum: int) -> float:
        # bool is an int in Python, and `true` is no number of seconds
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= minimum:
            return value
        self.problems.append(f"{key}: must be a number of at least {minimum}, found {value!r}")
        return minimum
