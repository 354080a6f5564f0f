"""What a simulated runner, and a simulated user, do at a forge: nothing of it goes through the forge's API."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from tests.scale.pools import Pool


@dataclass(frozen=True)
class Requests:
    """What a forge was asked so far, and what of it counts against an hour's budget; turned_away: by its limits."""

    asked: int
    spent: int
    turned_away: int


class ForgeSide(Protocol):
    """One of the two stand-ins. Ids are the forge's own."""

    kind: str
    credential: dict[str, str]  # files of the registrar's credential folder, by their names
    path: str  # of the forge's URL, behind its host
    budget: int | None  # requests an hour, None where it has no such limit
    most_points_a_minute: int | None  # so far, by GitHub's secondary limit; None where there is none

    def application(self) -> web.Application:
        """Its API."""

    def register(self, name: str, pool: Pool) -> int:
        """A runner that was registered before anything is measured."""

    def has(self, runner_id: int) -> bool:
        """Whether it is (still) registered."""

    def registered(self) -> int:
        """How many runners there are."""

    def come_online(self, runner_id: int) -> None:
        """The runner connects."""

    async def queue(self, pool: Pool) -> None:
        """Somebody's job comes to wait for a runner of this pool."""

    def take(self, runner_id: int) -> int | None:
        """The oldest waiting job that this runner may have; it is its own from then on."""

    async def finish(self, job_id: int) -> None:
        """The job ends well, and its single-use runner is gone."""

    def name_of(self, job_id: int) -> str:
        """As the registrar names a job of an organization: its repository and its number."""

    def beat(self) -> None:
        """Every runner says that it lives."""

    def requests(self) -> Requests:
        """So far."""
