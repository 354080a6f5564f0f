"""The registrar's list of runners, as far as it concerns one stack: the scopes in which its namespaces register."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gpu_runners.review.core.evidence import Json


class MalformedRosterError(ValueError):
    """The registrar's answer is no list of runners."""


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Runners of this stack's scopes, and what is said of those scopes that could not be listed."""

    runners: tuple[Json, ...]
    unread: tuple[str, ...]

    @classmethod
    def of(cls, listed: Json, namespaces: Collection[str]) -> "Roster":
        """From the registrar's answer (registrar/roster.py says its shape). Raises MalformedRosterError.

        A scope of which this stack has no namespace costs this stack nothing, whatever is wrong with it. A registrar
        of an older version names no scopes: all of its runners are taken.
        """
        runners = _objects(listed, "runners")
        if "scopes" not in listed:
            return cls(runners=runners, unread=())
        ours = [scope for scope in _objects(listed, "scopes") if set(_texts(scope.get("namespaces"))) & set(namespaces)]
        paths = {scope.get("scope") for scope in ours}
        return cls(
            runners=tuple(runner for runner in runners if runner.get("scope") in paths),
            unread=tuple(
                f"{scope.get('scope') or 'the forge'}: {scope['problem']}" for scope in ours if scope.get("problem")
            ),
        )


def _objects(listed: Json, key: str) -> tuple[Json, ...]:
    values = listed.get(key)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise MalformedRosterError(f"the registrar's answer has no list of {key}")
    return tuple(values)


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
