"""Cluster: what is written to the API server, as it is there afterwards."""

import hashlib
from typing import Any

import pytest

from registrar.cluster import ERRORS, MESSAGE_LIMIT
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import DEEP, runner_pod


@pytest.mark.parametrize(("warning", "kind"), [(True, "Warning"), (False, "Normal")])
async def test_an_event_of_a_pod_is_written_once_for_each_reason_and_renewed_after_that(
    world: World, warning: bool, kind: str
) -> None:
    await world.cluster.create(runner_pod())
    world.follow()
    await until(world.store.pods)
    (pod,) = world.store.pods()
    for message in ("first", "second" + "é" * MESSAGE_LIMIT):
        await world.api.write_event(pod, reason="Tried", message=message, warning=warning)
    await world.api.write_event(pod, reason="Other", message="third", warning=warning)
    tried, other = world.cluster.events
    assert tried["involvedObject"] == {
        "apiVersion": "v1", "kind": "Pod", "namespace": "runners", "name": "cuda-abc-aaaaa", "uid": pod.uid
    }  # fmt: skip
    assert (tried["metadata"]["namespace"], tried["reason"], tried["type"], tried["count"]) == (
        "runners", "Tried", kind, 1
    )  # fmt: skip
    assert (tried["source"], tried["reportingComponent"]) == ({"component": "registrar"}, "registrar")
    assert tried["message"].startswith("secondé")
    assert MESSAGE_LIMIT - 1 <= len(tried["message"].encode()) <= MESSAGE_LIMIT
    assert tried["firstTimestamp"][:19] <= tried["lastTimestamp"][:19]
    assert (other["reason"], other["message"]) == ("Other", "third")


@pytest.mark.parametrize(
    "written",
    [
        {"firstTimestamp": "0000-01-01T00:00:00Z", "lastTimestamp": 7},
        {"involvedObject": [], "source": "x", "count": "many", "series": {"count": None}},
        {"managedFields": [{"time": "10000-01-01T00:00:00Z", "fieldsV1": DEEP}]},
    ],
)
async def test_an_event_that_another_party_wrote_under_its_name_keeps_nobody_from_telling(
    world: World, written: dict[str, Any]
) -> None:
    """Its name follows from what everybody knows who may see the pod."""
    await world.cluster.create(runner_pod())
    world.follow()
    await until(world.store.pods)
    (pod,) = world.store.pods()
    name = f"{pod.name}.{hashlib.sha256(f'{pod.uid}/Tried'.encode()).hexdigest()[:16]}"
    managed = {"managedFields": written.pop("managedFields", [])}
    world.cluster.events.append({"metadata": {"name": name, "namespace": pod.namespace, **managed}, **written})
    await world.api.write_event(pod, reason="Tried", message="told all the same", warning=True)
    (event,) = world.cluster.events
    assert event["message"] == "told all the same"


NO_ANSWERS = [b"", b"null", b"[]", b"7", b"<html>", b"\xff", b'{"metadata": []}', b'{"items": [7]}', b"[" * 5000]


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=range(len(NO_ANSWERS)))
async def test_an_answer_that_is_none_is_one_of_the_errors_that_everybody_expects(world: World, answer: bytes) -> None:
    await world.cluster.create(runner_pod())
    world.follow()
    await until(world.store.pods)
    (pod,) = world.store.pods()
    world.cluster.garbled = answer
    for ask in (
        lambda: world.api.annotate(pod, {"a": "b"}),
        lambda: world.api.open_gate(pod, "online"),
        lambda: world.api.token("runners", "deployer", 600),
        lambda: world.api.list("runners"),
        lambda: world.api.list_declared("runners"),
    ):
        with pytest.raises(ERRORS):
            await ask()
    await world.service.announcer.announce(pod, "Tried", "it goes on whatever becomes of the Event")
    world.cluster.garbled = None
    assert world.store.get("runners", pod.name) is not None
