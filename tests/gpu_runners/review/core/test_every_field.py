"""Of every object that a platform and its pools declare, every field that changes is found, and none that did not."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gpu_runners.review.core.drift import ClusterDrift
from gpu_runners.review.core.evidence import PARTIAL, Evidence, Key, declared, key_of
from gpu_runners.review.core.noise import content
from tests.gpu_runners.review.core.recorded import evidence, reviewed

Json = dict[str, Any]
Place = tuple[str | int, ...]
RECORDED = evidence("platform")
OBJECTS = declared(Evidence.from_json(RECORDED).state)
LIVE = {key_of(live): live for live in RECORDED["live"] if key_of(live) in OBJECTS}
# What says which object it is: another one would not be compared with it.
NAMES = {("kind",), ("metadata",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace")}
# The API server keeps it like another field of the same pod.
ALIAS = "serviceAccount"


def test_the_recorded_platform_is_clean() -> None:
    assert reviewed(evidence("platform")).drift == ()


def test_every_kind_that_a_platform_declares_is_among_the_recorded() -> None:
    assert {kind for kind, _, _ in LIVE} == {kind for kind, _, _ in OBJECTS}
    assert len({kind for kind, _, _ in LIVE}) == 12


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every value that has no parts, and every list and mapping as a whole."""
    if place and place not in NAMES:
        yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from leaves(part, (*place, step))


def changed(live: Json, place: Place, *, is_gone: bool) -> Json:
    """The object with another value there, or none."""
    other = copy.deepcopy(live)
    here: Any = other
    for step in place[:-1]:
        here = here[step]
    last, value = place[-1], here[place[-1]]
    if is_gone:
        del here[last]
    elif isinstance(value, bool):
        here[last] = not value
    elif isinstance(value, int):
        here[last] = value + 1
    elif isinstance(value, str):
        here[last] = f"{value}x"
    elif isinstance(value, list):
        value.append(
            {"name": "x", "key": "x", "mountPath": "x", "port": 1} if value and isinstance(value[0], dict) else "x"
        )
    else:
        value["x"] = "x"
    return other


def drift_of(key: Key, live: Json) -> list[str]:
    return [drift.field for drift in ClusterDrift({key: OBJECTS[key]}, [live], {}).compared()]


@pytest.mark.parametrize("key", LIVE, ids=lambda key: "-".join(filter(None, key)))
def test_every_field_of_an_object_counts(key: Key) -> None:
    live = LIVE[key]
    assert drift_of(key, live) == []
    seen = content(live) if live.get("partial") != PARTIAL else {"metadata": content(live)["metadata"]}
    count = str(live["metadata"]["resourceVersion"]) + "1"
    missed = []
    for place in leaves(seen):
        for is_gone in (False, True):
            other = changed(live, place, is_gone=is_gone)
            other["metadata"] |= {"resourceVersion": count, "generation": 99}
            if not drift_of(key, other) and not is_excused(live, place, is_gone=is_gone):
                missed.append((place, is_gone))
    assert missed == []


def is_excused(live: Json, place: Place, *, is_gone: bool) -> bool:
    """What changes nothing: bookkeeping, an alias, and a field taken out that has its default."""
    here: Any = live
    for step in place:
        here = here[step]
    if live["kind"] == "Namespace" and place == ("spec",):
        return True  # nothing but the API server's own finalizer
    if place[-1] == ALIAS or str(place[-1]).startswith(("deployment.kubernetes.io/", "kubectl.kubernetes.io/")):
        return True
    return is_gone and (here in ({}, []) or place[-1] in DEFAULTED or is_a_default(here))


# Where a test for the default itself stands in test_drift.
DEFAULTED = {
    "dnsPolicy", "restartPolicy", "schedulerName", "terminationMessagePath", "protocol", "type", "sessionAffinity",
    "internalTrafficPolicy", "failurePolicy", "matchPolicy", "scope", "terminationGracePeriodSeconds", "periodSeconds",
    "successThreshold", "failureThreshold", "timeoutSeconds", "scheme", "finalizers", "progressDeadlineSeconds",
    "defaultMode", "terminationMessagePolicy",
}  # fmt: skip


def is_a_default(value: Any) -> bool:
    return value is False
