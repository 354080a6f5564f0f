"""Tells what happened: one log line, one count and one Kubernetes Event for each thing, once."""

import logging
from collections.abc import Collection

from registrar import cluster
from registrar.cluster import Cluster, Subject
from registrar.decisions import REGISTRATION_DRIFT
from registrar.logs import tell
from values import contract

WARNINGS = frozenset(
    {
        contract.REGISTRATION_REFUSED,
        contract.REGISTRATION_BRAKED,
        contract.RUNNER_FAILED,
        contract.RUNNER_LOST,
        contract.NOT_ONLINE,
        contract.GHOST_REMOVED,
        contract.FORGE_UNKNOWN,
        contract.POOL_WAITING,
        REGISTRATION_DRIFT,
    }
)


class Announcer:
    """Writes Events; the same words about the same pod only once. A failure to tell never stops what it is about."""

    def __init__(self, api: Cluster) -> None:
        self._api = api
        self._told: dict[str, set[tuple[str, str]]] = {}

    def has_told(self, subject: Subject, reason: str, message: str) -> bool:
        """Whether exactly this has been said already."""
        return (reason, message) in self._told.get(subject.uid, ())

    async def announce(self, subject: Subject, reason: str, message: str) -> None:
        """Say it, unless it was said."""
        if self.has_told(subject, reason, message):
            return
        self._told.setdefault(subject.uid, set()).add((reason, message))
        warning = reason in WARNINGS
        level = logging.WARNING if warning else logging.INFO
        tell(reason, level=level, namespace=subject.namespace, pod=subject.name, message=message)
        try:
            await self._api.tell(subject, reason=reason, message=message, warning=warning)
        except cluster.ERRORS as error:
            tell("event not written", level=logging.WARNING, pod=subject.name, reason=reason, error=str(error))

    def forget(self, uids: Collection[str]) -> None:
        """Drop the memory of pods that are gone."""
        for uid in [known for known in self._told if known not in uids and known]:
            del self._told[uid]
