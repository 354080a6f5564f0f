"""Follows one kind of object in one namespace, by list and watch, for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from registrar import cluster
from registrar.logs import LOGGER, log

# A watch may be dead without an error (a peer that vanished), so silence is answered with a fresh list; of pods, of
# which there are many, with another watch first. Where that has to begin the API server still knows: its watch cache
# keeps the last 75 s at least (DefaultEventFreshDuration in k8s.io/apiserver).
SILENCE_SECONDS: Final = 45.0
FIRST_RETRY_SECONDS: Final = 0.2
LONGEST_RETRY_SECONDS: Final = 5.0


async def follow(
    kind: str,
    namespace: str,
    *,
    list_all: Callable[[], Awaitable[str]],
    watch: Callable[[str], Awaitable[None]],
    lost: Callable[[], None],
) -> NoReturn:
    """List and watch, through restarts of the API server and expired versions; nothing that is there ends it.

    `list_all` takes in what is there and returns the version to `watch` from, which raises TimeoutError after a
    silence; `lost` is called where what is known may be wrong from now on.
    """
    failures = 0
    while True:
        try:
            version = await list_all()
            failures = 0
            await watch(version)
        except TimeoutError:
            log("watch silent", kind=kind, namespace=namespace)
        except Exception as error:
            failures += 1
            lost()
            expected = isinstance(error, cluster.ERRORS)
            log("watch interrupted", level=logging.WARNING, kind=kind, namespace=namespace, error=str(error))
            if not expected:
                LOGGER.exception("watch failed")
            await asyncio.sleep(min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10), LONGEST_RETRY_SECONDS))
