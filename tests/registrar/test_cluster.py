"""Cluster: what is written to the API server, as it is there afterwards."""

import pytest

from registrar.cluster import MESSAGE_LIMIT
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import runner_pod


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
