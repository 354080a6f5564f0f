"""A changed registrar is waited for until it alone answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.platform.registrar_rollout import RegistrarNotReadyError, rollout_gap, wait_for_rollout
from tests.access.driven_clock import DrivenClock


def deployment(observed: int = 2, replicas: int = 1, updated: int = 1, ready: int = 1) -> dict[str, Any]:
    status = {
        "observedGeneration": observed,
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
    }
    return {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}


def test_one_ready_pod_of_the_present_template_is_all() -> None:
    assert rollout_gap(deployment()) == ""


@pytest.mark.parametrize(
    "state",
    [
        deployment(observed=1),
        deployment(replicas=2),
        deployment(updated=0),
        deployment(ready=0),
        deployment(replicas=0, updated=0, ready=0),
        {"metadata": {"generation": 1}, "spec": {"replicas": 1}},
    ],
)
def test_anything_else_is_not(state: dict[str, Any]) -> None:
    assert rollout_gap(state)


def test_the_wait_ends_with_the_rollout() -> None:
    looks = iter(
        [deployment(observed=1), deployment(replicas=0, updated=0, ready=0), deployment(ready=0), deployment()]
    )
    clock = DrivenClock()
    wait_for_rollout(lambda *_: next(looks), "system", clock)
    assert 0 < clock.now() - 100 < 2


def test_a_registrar_that_does_not_start_fails_with_what_its_pod_says() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    pod = {"metadata": {"name": "registrar-x"}, "status": {"containerStatuses": [{"state": waiting}]}}

    def get(path: str, _: Mapping[str, str]) -> Mapping[str, Any]:
        return {"items": [pod]} if path.endswith("/pods") else deployment(ready=0)

    with pytest.raises(RegistrarNotReadyError) as failed:
        wait_for_rollout(get, "system", DrivenClock())
    assert "registrar-x: ImagePullBackOff not found" in str(failed.value)
    assert "kubectl logs -n system deployment/registrar" in str(failed.value)
