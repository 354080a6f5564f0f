"""What anybody may write into an object is read as it is, or left out, and hides no other object."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.forges.forge import Pace
from registrar.readable_answers import readable
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import DEEP, pool_deployment, runner_pod, start
from tests.registrar.test_untrusted import ANY_TEXT
from values import contract
from values.managed_fields import without_managed_fields

ENDS_OF_LINES = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
KEYS = st.sampled_from(["managedFields", "a", '"', "\\", "\x85", "managedFields\\"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | KEYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def emptied(value: Any) -> Any:
    """The same without what stands in lists of managed fields."""
    if isinstance(value, list):
        return [emptied(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key: [] if key == "managedFields" and isinstance(entry, list) else emptied(entry)
        for key, entry in value.items()
    }


@given(JSON)
def test_managed_fields_are_left_out_and_nothing_else(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert json.loads(without_managed_fields(text.encode())) == emptied(value)


@given(JSON)
def test_what_can_be_read_means_the_same_and_is_one_line(value: Any) -> None:
    text = readable(json.dumps(value, ensure_ascii=False).encode())
    assert json.loads(text) == value
    assert len(text.decode().splitlines()) == 1


@given(st.binary(max_size=200))
def test_what_is_no_json_stays_as_it_is(text: bytes) -> None:
    try:
        msgspec.json.decode(text)
    except ValueError:
        assert readable(text) == text


def test_managed_fields_that_nest_deeper_than_python_reads_are_left_out() -> None:
    deep = b'{"f:a":' * 200_000 + b"{}" + b"}" * 200_000
    text = b'{"items":[{"metadata":{"managedFields":[' + deep + b'],"name":"a"}}]}'
    assert json.loads(readable(text)) == {"items": [{"metadata": {"managedFields": [], "name": "a"}}]}


NAMES = ["ends of lines", "year 0", "year 10000", "nested"]
ODD: list[dict[str, Any]] = [
    {"annotations": {"note": f"a{ENDS_OF_LINES}b", contract.RUNNER_LABELS_ANNOTATION: "cml-gpu"}},
    {"managedFields": [{"time": "0000-01-01T00:00:00Z"}]},
    {"managedFields": [{"time": "10000-01-01T09:59:59Z"}]},
    {"managedFields": [{"manager": "kubectl", "fieldsV1": DEEP}]},
]


@pytest.mark.parametrize("odd", ODD, ids=NAMES)
async def test_an_odd_pod_is_known_by_list_and_watch_and_none_of_them_ends(world: World, odd: dict[str, Any]) -> None:
    before, after = runner_pod("cuda-abc-aaaaa"), runner_pod("cuda-abc-bbbbb")
    known = {"cuda-abc-aaaaa": True, "cuda-abc-bbbbb": False}
    before["metadata"] |= odd
    after["metadata"] |= odd
    await world.cluster.create(before)
    world.follow()
    await until(lambda: world.cluster.watched["Pod"])
    lists = len(world.cluster.lists)
    await world.cluster.create(after)
    await world.cluster.put(start(before))
    await until(lambda: {pod.name: pod.started for pod in world.store.pods()} == known)
    assert len(world.cluster.lists) == lists, "what a watch does not tell a fresh list would"
    assert (await world.register(after))[0] == 200, "whatever is written on it, it costs nobody anything"


@pytest.mark.parametrize("odd", ODD, ids=NAMES)
async def test_an_odd_deployment_costs_no_other(world: World, odd: dict[str, Any]) -> None:
    deployment = pool_deployment("cuda")
    deployment["metadata"] |= odd
    await world.cluster.put(deployment, "ADDED")
    world.follow()
    await until(lambda: world.cluster.watched["Deployment"])
    other = pool_deployment("base")
    other["metadata"] |= odd
    await world.cluster.put(other, "ADDED")
    await until(lambda: {pool.name for pool in world.service.declared.pools("runners")} == {"base", "cuda"})


async def test_a_pod_whose_status_cannot_be_read_is_known_and_its_neighbours_are_as_ever(tmp_path: Path) -> None:
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
    async with open_world(tmp_path, "gitea", pace) as world:
        odd, good = start(runner_pod("cuda-abc-odd00")), start(runner_pod("cuda-abc-good0"))
        odd["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = "7"
        odd["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = "0000-01-01T00:00:00Z"
        await world.cluster.create(odd)
        await world.cluster.create(good)
        world.follow()
        await until(lambda: len(world.store.pods()) == 2)
        pods = {pod.name: pod for pod in world.store.pods()}
        assert (pods["cuda-abc-odd00"].runner_id, pods["cuda-abc-odd00"].started) == (7, False)
        assert pods["cuda-abc-good0"].started


@given(ANY_TEXT)
def test_any_text_of_an_annotation_goes_through_a_watch(text: str) -> None:
    try:
        line = json.dumps({"object": text}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # no UTF-8, which an API server always writes
    assert json.loads(readable(line).decode().splitlines()[0]) == {"object": text}
