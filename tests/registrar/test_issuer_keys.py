"""The cluster's keys: learnt anew, kept for a while, and asked for seldom, whatever time says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from registrar.issuer_keys import ASK_AGAIN_SECONDS, KEEP_SECONDS, IssuerKeys, IssuerKeysUnreachableError
from tests.registrar.conftest import kubernetes_at
from tests.registrar.stand_in_cluster import ISSUER, StandInCluster

OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Known:
    """The keys of a stand-in cluster, and the clock by which they age."""

    cluster: StandInCluster
    keys: IssuerKeys
    now: float = 1000.0

    @property
    def asked(self) -> int:
        """How often the API server was asked for its keys."""
        return [path for _, path in self.cluster.requests].count("/openid/v1/jwks")

    def rotate(self) -> None:
        """The cluster signs with another key, and the old one is withdrawn."""
        self.cluster.key, self.cluster.key_id = OTHER_KEY, "key-2"


@pytest.fixture
async def known() -> AsyncIterator[Known]:
    cluster = StandInCluster()
    server = TestServer(cluster.application())
    await server.start_server()
    it = Known(cluster=cluster, keys=IssuerKeys(kubernetes_at(str(server.make_url(""))), clock=lambda: it.now))
    yield it
    await it.keys.close()
    await server.close()


async def test_a_key_that_is_known_is_not_asked_for_again_for_a_while(known: Known) -> None:
    issuer = await known.keys.issuer("key-1")
    assert (issuer.name, set(issuer.keys)) == (ISSUER, {"key-1"})
    known.now += KEEP_SECONDS - 1
    assert await known.keys.issuer("key-1") is issuer
    assert known.asked == 1


async def test_a_key_that_the_cluster_withdrew_is_good_for_five_minutes_at_most(known: Known) -> None:
    await known.keys.issuer("key-1")
    known.rotate()
    known.now += 300
    assert set((await known.keys.issuer("key-1")).keys) == {"key-2"}


async def test_a_new_key_is_learnt_at_once_where_nobody_asked_a_moment_ago(known: Known) -> None:
    await known.keys.issuer("key-1")
    known.rotate()
    known.now += ASK_AGAIN_SECONDS
    assert set((await known.keys.issuer("key-2")).keys) == {"key-2"}


async def test_a_new_key_is_not_called_unknown_because_somebody_asked_a_moment_ago(known: Known) -> None:
    await known.keys.issuer("key-1")
    known.rotate()
    known.now += ASK_AGAIN_SECONDS - 0.5
    with pytest.raises(IssuerKeysUnreachableError, match="asked for a moment ago"):
        await known.keys.issuer("key-2")
    assert known.asked == 1
    assert set((await known.keys.issuer("key-1")).keys) == {"key-1"}


async def test_whoever_comes_together_is_served_by_one_question(known: Known) -> None:
    issuers = await asyncio.gather(*(known.keys.issuer(f"key-{number % 3}") for number in range(9)))
    assert known.asked == 1
    assert all(issuer is issuers[0] for issuer in issuers)


async def test_who_comes_while_keys_are_asked_for_goes_on_in_the_order_in_which_they_came(known: Known) -> None:
    order = list[int]()

    async def come(number: int) -> None:
        await known.keys.issuer("key-1")
        order.append(number)

    first = [asyncio.create_task(come(number)) for number in range(50)]
    later = list[asyncio.Task[None]]()
    while not order:
        await asyncio.sleep(0)
    later += [asyncio.create_task(come(number)) for number in range(50, 60)]
    await asyncio.gather(*first, *later)
    assert order == list(range(60))
    assert known.asked == 1


async def test_who_hangs_up_while_keys_are_asked_for_leaves_the_answer_to_the_others(known: Known) -> None:
    first, second = (asyncio.create_task(known.keys.issuer("key-1")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == ISSUER
    assert known.asked == 1
    assert first.cancelled()


async def test_a_key_that_is_younger_than_the_question_that_goes_on_is_not_called_unknown(known: Known) -> None:
    asking = asyncio.create_task(known.keys.issuer("key-1"))
    await asyncio.sleep(0)
    known.now += 0.1
    with pytest.raises(IssuerKeysUnreachableError, match="asked for a moment ago"):
        await known.keys.issuer("key-2")
    assert set((await asking).keys) == {"key-1"}


async def test_what_was_begun_for_nobody_is_known_to_who_comes_and_ends_with_the_registrar(known: Known) -> None:
    known.keys.learn()
    assert (await known.keys.issuer("key-1")).name == ISSUER
    assert known.asked == 1
    known.cluster.away = True
    known.now += KEEP_SECONDS + ASK_AGAIN_SECONDS
    known.keys.learn()
    await known.keys.close()
    assert known.asked == 1


async def test_while_the_api_server_is_away_old_keys_stay_good_and_new_ones_are_not_refused(known: Known) -> None:
    await known.keys.issuer("key-1")
    known.cluster.away = True
    known.now += KEEP_SECONDS + 1
    assert set((await known.keys.issuer("key-1")).keys) == {"key-1"}
    known.now += ASK_AGAIN_SECONDS
    with pytest.raises(IssuerKeysUnreachableError, match="the API server gives no keys: HTTPStatusError"):
        await known.keys.issuer("key-2")


async def test_an_outage_is_no_reason_to_ask_for_every_request(known: Known) -> None:
    await known.keys.issuer("key-1")
    known.cluster.away = True
    known.now += KEEP_SECONDS + 1
    before = len(known.cluster.requests)
    for _ in range(5):
        await known.keys.issuer("key-1")
        known.now += ASK_AGAIN_SECONDS / 10
    assert len(known.cluster.requests) == before + 1
