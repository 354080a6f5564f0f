"""Tells what happened: one log line, one count and one Kubernetes Event for each thing, once."""

import logging
from collections import OrderedDict
from collections.abc import Collection
from typing import NamedTuple

from registrar import cluster
from registrar.cluster import Cluster, Subject
from registrar.decisions import REGISTRATION_DRIFT
from registrar.logs import log
from values import contract

WARNINGS = frozenset(
    {
        contract.REGISTRATION_REFUSED,
        contract.REGISTRATION_BRAKED,
        contract.CREDENTIAL_REFUSED,
        contract.RUNNER_FAILED,
        contract.RUNNER_LOST,
        contract.JOB_LOST,
        contract.JOB_NOT_RUN_AGAIN,
        contract.NOT_ONLINE,
        contract.GHOST_REMOVED,
        contract.FORGE_UNKNOWN,
        contract.POOL_WAITING,
        REGISTRATION_DRIFT,
    }
)


MOST_WITHOUT_POD = 1000  # runners without a pod that are remembered
MOST_OF_A_SUBJECT = 100  # different words about one pod that are remembered


class Key(NamedTuple):
    """What was announced about: by name as well, because what is left of a pod has no uid."""

    namespace: str
    name: str
    uid: str


class Announcer:
    """Writes Events; the same words about the same pod only once. A failure to tell never stops what it is about."""

    def __init__(self, api: Cluster) -> None:
        self._api = api
        self._announced: OrderedDict[Key, set[tuple[str, str]]] = OrderedDict()

    @property
    def remembered(self) -> int:
        """Of how many pods it knows what was announced."""
        return sum(1 for key in self._announced if key.uid)

    def has_announced(self, subject: Subject, reason: str, message: str) -> bool:
        """Whether exactly this has been said already."""
        return (reason, message) in self._announced.get(_key(subject), ())

    async def announce(self, subject: Subject, reason: str, message: str) -> None:
        """Say it, unless it was said."""
        if self.has_announced(subject, reason, message):
            return
        self._remember(subject, reason, message)
        warning = reason in WARNINGS
        level = logging.WARNING if warning else logging.INFO
        log(reason, level=level, namespace=subject.namespace, pod=subject.name, message=message)
        try:
            await self._api.write_event(subject, reason=reason, message=message, warning=warning)
        except cluster.ERRORS as error:
            log("event not written", level=logging.WARNING, pod=subject.name, reason=reason, error=str(error))

    def forget(self, uids: Collection[str]) -> None:
        """Drop the memory of pods that are gone; what has no pod is dropped when it is the oldest of many."""
        for key in [known for known in self._announced if known.uid and known.uid not in uids]:
            del self._announced[key]

    def _remember(self, subject: Subject, reason: str, message: str) -> None:
        known = self._announced.setdefault(_key(subject), set())
        if len(known) >= MOST_OF_A_SUBJECT:
            known.clear()
        known.add((reason, message))
        without_pod = [key for key in self._announced if not key.uid]
        for key in without_pod[: max(0, len(without_pod) - MOST_WITHOUT_POD)]:
            del self._announced[key]


def _key(subject: Subject) -> Key:
    return Key(subject.namespace, subject.name, subject.uid)
