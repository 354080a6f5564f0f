"""A crowd of pods that all start at once, with clients that hang up as curl does: what becomes of them."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.registrar.stand_in_cluster import StandInCluster, runner_pod


class Place(Protocol):
    """Where the crowd comes: the cluster of its pods, and the registrar's address."""

    @property
    def cluster(self) -> StandInCluster: ...
    @property
    def url(self) -> str: ...
    @property
    def http(self) -> ClientSession: ...


@dataclass
class Crowd:
    """`speed`: how many times faster than the clock the clients wait and hang up."""

    world: Place
    size: int
    hang_up_seconds: float = 30.0
    speed: float = 1.0
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
        self._began = time.monotonic()
        await asyncio.gather(*(self._ask(number, pod) for number, pod in enumerate(pods)))

    async def _ask(self, number: int, pod: dict[str, Any]) -> None:
        await asyncio.sleep(number * 0.0005)  # so that there is an order
        headers = {"Authorization": f"Bearer {self.world.cluster.token(pod)}"}
        timeout = ClientTimeout(total=self.hang_up_seconds / self.speed)
        while True:
            self.tries += 1
            try:
                async with self.world.http.post(
                    f"{self.world.url}/registrations", headers=headers, timeout=timeout
                ) as response:
                    await response.read()
                    if response.status == 200:
                        self.served.append(number)
                        self.seconds.append(time.monotonic() - self._began)
                        return
                    wait = float(response.headers["Retry-After"])
            except TimeoutError:
                self.hung_up += 1
                wait = 1.0
            except ClientError:
                self.cut_off += 1
                wait = 1.0
            await asyncio.sleep(wait / self.speed)

    def farthest_overtaken(self) -> int:
        """By how many pods at most one was overtaken that had asked before them."""
        place = {number: index for index, number in enumerate(self.served)}
        return max(place[number] - number for number in range(self.size))
