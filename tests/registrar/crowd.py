"""A crowd of pods that all start at once, with clients that hang up as curl does: what becomes of them."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, TraceConfig

from tests.registrar.stand_in_cluster import StandInCluster, runner_pod
from tests.registrar.visits import Visit

HANG_UP_SECONDS: Final = 30.0  # as curl in a pod's script
HASTY_TRIES: Final = 3
HASTY_SECONDS: Final = (1.0, 9.0)
LONGEST_PAUSE_SECONDS: Final = 30.0  # between tries that had no answer


class Place(Protocol):
    """Where the crowd comes: the cluster of its pods, and the registrar's address."""

    @property
    def cluster(self) -> StandInCluster: ...
    @property
    def url(self) -> str: ...


@dataclass
class Crowd:
    """`speed`: how many times faster than the clock the clients wait and hang up.

    `hasty`: every so-manyth pod hangs up after some seconds, the first tries long, for no reason; 0: nobody does.
    `one_by_one`: each comes once the first request of the one before it was read, so that who came first is certain on
    a busy machine, too: what is read in the same moment is read in any order.
    """

    world: Place
    size: int
    hang_up_seconds: float = HANG_UP_SECONDS
    speed: float = 1.0
    hasty: int = 0
    one_by_one: bool = False
    visits: dict[int, Visit] = field(default_factory=dict)  # by the pod's number, once it has asked
    served: list[int] = field(default_factory=list)  # numbers of the pods, in the order in which they were served
    seconds: list[float] = field(default_factory=list)  # after how long
    hung_up: int = 0
    cut_off: int = 0  # by the registrar, before there was an answer
    tries: int = 0

    async def come(self) -> None:
        """Every pod asks until it is served."""
        pods = [runner_pod(f"cuda-abc-{number:05d}") for number in range(self.size)]
        for pod in pods:
            await self.world.cluster.create(pod)
        self._began, self._came = time.monotonic(), [asyncio.Event() for _ in pods]
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        connector = TCPConnector(ssl=trust, limit=0, force_close=True)
        async with ClientSession(connector=connector, trace_configs=[_tracing()]) as http:
            await asyncio.gather(*(self._ask(number, pod, http) for number, pod in enumerate(pods)))

    async def _ask(self, number: int, pod: dict[str, Any], http: ClientSession) -> None:
        if self.one_by_one and number:
            await self._came[number - 1].wait()
        elif not self.one_by_one:
            await asyncio.sleep(number * 0.0005)
        headers = {"Authorization": f"Bearer {self.world.cluster.token(pod)}"}
        chance = random.Random(number)  # noqa: S311 - the same crowd each time, no secret
        tries, delay, was_away, due = 0, 1.0, False, None
        while True:
            is_hasty = self.hasty > 0 and number % self.hasty == 0 and tries < HASTY_TRIES
            patience = chance.uniform(*HASTY_SECONDS) if is_hasty else self.hang_up_seconds
            tries, self.tries = tries + 1, self.tries + 1
            read: list[float] = []

            def is_read(read: list[float] = read) -> None:
                read.append(time.monotonic())
                self._came[number].set()

            answer = await self._try(http, headers, patience, is_read)
            if read:
                self._note(number, read[0], was_away=was_away, due=due)
                due = None
            if answer is None:
                wait, delay, was_away = max(1.0, chance.uniform(delay / 2, delay)), 2 * delay, True
                delay = min(delay, LONGEST_PAUSE_SECONDS)
            elif answer.status == 200:
                self._serve(number)
                return
            else:
                wait, delay, was_away = float(answer.headers["Retry-After"]), 1.0, False
                due = time.monotonic() + wait / self.speed
            await asyncio.sleep(wait / self.speed)

    async def _try(
        self, http: ClientSession, headers: dict[str, str], patience: float, is_read: Callable[[], None]
    ) -> ClientResponse | None:
        """The answer, None without one; `is_read` is called at the moment at which the registrar has read the request.

        It is asked to say so (100 Continue), as curl does before it sends a long body; for that there is a body.
        """
        timeout = ClientTimeout(total=patience / self.speed)
        url = f"{self.world.url}/registrations"
        try:
            async with http.post(
                url, headers=headers, data=b"\n", expect100=True, timeout=timeout, trace_request_ctx=is_read
            ) as response:
                is_read()
                await response.read()
                return response
        except TimeoutError:
            self.hung_up += 1
        except ClientError:
            self.cut_off += 1
        return None

    def _note(self, number: int, moment: float, *, was_away: bool, due: float | None) -> None:
        visit = self.visits.setdefault(number, Visit(asked=moment, back=moment))
        if was_away:
            visit.back = moment
        if due is not None:
            visit.late.append((due, moment))

    def _serve(self, number: int) -> None:
        self.visits[number].served = now = time.monotonic()
        self.served.append(number)
        self.seconds.append(now - self._began)


def _tracing() -> TraceConfig:
    """Calls a request's trace_request_ctx as its body goes."""

    async def sent(_session: ClientSession, context: Any, _parameters: object) -> None:
        context.trace_request_ctx()

    tracing = TraceConfig()
    tracing.on_request_chunk_sent.append(sent)
    return tracing
