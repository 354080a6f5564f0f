"""Tells what happened: one log line, one count and one Kubernetes Event for each thing, once."""

import logging
from collections.abc import Collection

from registrar import cluster
from registrar.cluster import Cluster, Subject
from registrar.decisions import REGISTRATION_DRIFT
from registrar.logs import log
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
        self._announced: dict[str, set[tuple[str, str]]] = {}

    def has_announced(self, subject: Subject, reason: str, message: str) -> bool:
        """Whether exactly this has been said already."""
        return (reason, message) in self._announced.get(subject.uid, ())

    async def announce(self, subject: Subject, reason: str, message: str) -> None:
        """Say it, unless it was said."""
        if self.has_announced(subject, reason, message):
            return
        self._announced.setdefault(subject.uid, set()).add((reason, message))
        warning = reason in WARNINGS
        level = logging.WARNING if warning else logging.INFO
        log(reason, level=level, namespace=subject.namespace, pod=subject.name, message=message)
        try:
            await self._api.write_event(subject, reason=reason, message=message, warning=warning)
        except cluster.ERRORS as error:
            log("event not written", level=logging.WARNING, pod=subject.name, reason=reason, error=str(error))

    def forget(self, uids: Collection[str]) -> None:
        """Drop the memory of pods that are gone."""
        for uid in [known for known in self._announced if known not in uids and known]:
            del self._announced[uid]
